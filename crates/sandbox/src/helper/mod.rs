//! The helper: our own binary under another name, between the server and a command. One process per command, one thread.
//!
//! - [`supervisor`]: starts the command, tells the server how it ended, ends all of it when the server says so or is gone
//! - [`namespaces`], [`mounts`], [`mask`], [`devices`]: the full sandbox; [`confined`]: the steps both kinds of sandbox share
//! - [`landlock`], [`seccomp`]: what the kernel refuses to the command and everything it starts
//! - [`watch`]: names that may not appear in a writable root; [`descendants`]: ends what has no namespace of its own
//! - [`command`]: the last steps before the command's program; [`by_hand`]: the form a person types
//!
//! The helper is not confined itself, so it does nothing on behalf of the command but wait for it.

mod by_hand;
mod command;
mod confined;
mod descendants;
mod devices;
mod landlock;
mod mask;
mod mounts;
mod namespaces;
mod probe;
mod seccomp;
mod supervisor;
mod watch;

use std::ffi::OsString;
use std::io::{self, IoSliceMut, Read as _, Seek as _};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, recvmsg};

use crate::request::{Record, Request};

/// Exit code when there is nobody to tell what went wrong.
const FAILED: i32 = 125;

/// What becomes the command's descriptors 0, 1 and 2.
type Streams = [OwnedFd; 3];

/// Runs the helper and returns its exit code.
pub(crate) fn main(args: Vec<OsString>) -> i32 {
    match args.first().and_then(|word| word.to_str()) {
        Some("--serve") => serve().unwrap_or(FAILED),
        Some("--probe") => probe::main(),
        _ => by_hand::main(args),
    }
}

/// Serves one command of the server at the other end of standard input.
fn serve() -> Option<i32> {
    let socket = rustix::stdio::stdin().try_clone_to_owned().ok()?;
    let (request, streams) = receive(&socket)
        .inspect_err(|error| {
            tell(&socket, &Record::Sandbox(format!("the sandbox helper got no command: {error}")))
        })
        .ok()?;
    // In a session of its own it is out of reach of what a terminal sends to the server.
    let _ = rustix::process::setsid();
    supervisor::run(&request, streams, Some(&socket), &mut |record| tell(&socket, record));
    Some(0)
}

/// Tells the server something. It may be gone, which ends everything anyway.
fn tell(socket: &OwnedFd, record: &Record) {
    let _ = rustix::net::send(socket, &record.encode(), SendFlags::NOSIGNAL);
}

/// Receives a command: a message with four descriptors, of which the first is the request.
fn receive(socket: &OwnedFd) -> io::Result<(Request, Streams)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let mut received = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            received.extend(descriptors);
        }
    }
    let [request, stdin, stdout, stderr] =
        <[OwnedFd; 4]>::try_from(received).map_err(|_| io::Error::other("descriptors are missing"))?;
    let mut file = std::fs::File::from(request);
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    let request = Request::decode(&bytes).ok_or_else(|| io::Error::other("not a request"))?;
    Ok((request, [stdin, stdout, stderr]))
}
