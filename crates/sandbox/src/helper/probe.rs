//! Finds out what this kernel's sandbox consists of by setting one up and starting nothing in it.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::confined::{self, SetupError};
use super::{Streams, namespaces, supervisor};
use crate::request::{MAX_RECORD_BYTES, Record, Request};
use crate::{Capabilities, Policy, WritableRoot, sys};

/// Writes the answer to standard output.
pub(super) fn main() -> i32 {
    let found = probe().unwrap_or(Capabilities { helper: true, ..Capabilities::default() });
    match std::io::stdout().write_all(found.encode().as_bytes()) {
        Ok(()) => 0,
        Err(_) => super::FAILED,
    }
}

fn probe() -> Option<Capabilities> {
    let policy = policy();
    let request = Request {
        argv: Vec::new(),
        arg0: None,
        cwd: PathBuf::from("/"),
        env: Vec::new(),
        policy: None,
        tty: false,
    };
    let null = OwnedFd::from(std::fs::File::open("/dev/null").ok()?);
    let streams: Streams = [null.try_clone().ok()?, null.try_clone().ok()?, null];
    let full = ask(|ours, report| Ok(namespaces::start(&request, &policy, &streams, ours, report)?.1));
    full.or_else(|| {
        ask(|ours, report| match sys::fork(0) {
            Ok(Some(_)) => Ok(ours),
            Ok(None) => confined::become_program(&request, &policy, &streams, report),
            Err(error) => Err(SetupError::Failed(error.to_string())),
        })
    })
}

/// Runs `start` and returns what it reports to have set up.
fn ask(start: impl FnOnce(OwnedFd, &OwnedFd) -> Result<OwnedFd, SetupError>) -> Option<Capabilities> {
    let (ours, theirs) = supervisor::report_pair().ok()?;
    let ours = start(ours, &theirs).ok()?;
    drop(theirs);
    let mut buffer = [0; MAX_RECORD_BYTES];
    let count = rustix::io::read(&ours, &mut buffer).ok()?;
    match Record::decode(&buffer[..count])? {
        Record::Ready(text) => Capabilities::decode(&text),
        _ => None,
    }
}

/// A policy that needs every kind of mount: a writable root, and in it something protected.
fn policy() -> Policy {
    let root = ["/tmp", "/var/tmp", "/usr"].into_iter().map(Path::new).find(|path| path.is_dir());
    let path = root.unwrap_or(Path::new("/")).to_path_buf();
    let path = path.canonicalize().unwrap_or(path);
    let root = WritableRoot { read_only: vec![path.clone()], path, forbidden: Vec::new() };
    Policy { writable: vec![root], network: false, unreadable: Vec::new(), quarantine: None }
}
