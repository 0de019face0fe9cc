//! The steps both kinds of sandbox end with: privileges, Landlock, filter. And the weaker kind, which consists of nothing else.

use std::os::fd::OwnedFd;

use super::landlock::{self, Surroundings};
use super::{Streams, command, seccomp};
use crate::request::{Record, Request};
use crate::{Capabilities, Policy, sys};

/// Landlock that cannot move files between folders would break more than it guards, where mounts guard already.
const FIRST_USEFUL_BESIDE_MOUNTS: u32 = 2;

/// Why a sandbox is not there.
#[derive(Debug)]
pub(super) enum SetupError {
    /// The kernel does not offer this kind; a weaker one may do.
    Refused(String),
    /// Something went wrong that a weaker kind must not hide.
    Failed(String),
}

impl SetupError {
    pub(super) fn record(self) -> Record {
        match self {
            Self::Refused(message) => Record::Refused(message),
            Self::Failed(message) => Record::Sandbox(message),
        }
    }
}

/// Gives up privileges and puts this process under Landlock and the filter. Adds to `found` what worked.
pub(super) fn confine(
    policy: &Policy,
    surroundings: &Surroundings<'_>,
    found: &mut Capabilities,
) -> Result<(), SetupError> {
    let failed =
        |what: &'static str| move |error: std::io::Error| SetupError::Failed(format!("{what}: {error}"));
    sys::drop_capabilities().map_err(failed("cannot give up privileges"))?;
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| failed("cannot give up new privileges")(error.into()))?;
    let version = landlock::version();
    if version >= if found.namespaces { FIRST_USEFUL_BESIDE_MOUNTS } else { 1 } {
        landlock::restrict(policy, version, surroundings).map_err(failed("cannot set up Landlock"))?;
        found.landlock_abi = version;
    } else if !found.namespaces {
        return Err(SetupError::Failed("the kernel offers neither user namespaces nor Landlock".into()));
    }
    seccomp::install(policy.network).map_err(failed("cannot set up the system call filter"))?;
    found.seccomp = true;
    Ok(())
}

/// Becomes a command held by Landlock and the filter alone. Without a program it only reports what it found.
pub(super) fn become_program(request: &Request, policy: &Policy, streams: &Streams, report: &OwnedFd) -> ! {
    let mut found = Capabilities { helper: true, ..Capabilities::default() };
    let terminal = request.tty.then_some(&streams[0]);
    let surroundings = Surroundings { private_dev: false, private_proc: false, covered: false, terminal };
    let record = match confine(policy, &surroundings, &mut found) {
        Ok(()) => Record::Ready(found.encode()),
        Err(error) => error.record(),
    };
    let _ = rustix::io::write(report, &record.encode());
    if request.argv.is_empty() || !matches!(record, Record::Ready(_)) {
        sys::exit_now(super::FAILED);
    }
    command::become_program(request, streams, report)
}
