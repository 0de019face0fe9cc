//! The full sandbox: namespaces of its own, with a first process that sets them up, starts the command and reaps what is left.
//!
//! When the first process ends, the kernel kills everything else in there. It ends when the helper does.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use libc::c_int;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{DumpableBehavior, Pid, Signal, WaitOptions, WaitStatus};

use super::confined::{SetupError, confine};
use super::devices::Terminal;
use super::landlock::Surroundings;
use super::{Streams, command, mounts};
use crate::request::{Record, Request};
use crate::{Capabilities, Policy, sys};

const NAMESPACES: c_int = libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC;

/// Starts the first process of the sandbox and returns its id. `ours` is the other end of `report`, which only the helper may keep.
///
/// # Errors
/// [`SetupError::Refused`] if the kernel offers no namespaces.
pub(super) fn start(
    request: &Request,
    policy: &Policy,
    streams: &Streams,
    ours: OwnedFd,
    report: &OwnedFd,
) -> Result<(Pid, OwnedFd), SetupError> {
    let mut found = Capabilities { helper: true, network_namespace: true, ..Capabilities::default() };
    // Read here: inside, an unmapped id reads as nobody's.
    let ids = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let network = if policy.network { 0 } else { libc::CLONE_NEWNET };
    let started = sys::fork(NAMESPACES | network).or_else(|error| {
        if network == 0 || !is_refusal(&error) {
            return Err(error);
        }
        found.network_namespace = false;
        sys::fork(NAMESPACES)
    });
    match started {
        Ok(Some(pid)) => Ok((pid, ours)),
        Ok(None) => {
            drop(ours);
            first_process(request, policy, streams, report, ids, found)
        }
        Err(error) if is_refusal(&error) => Err(SetupError::Refused(format!("no namespaces: {error}"))),
        Err(error) => Err(SetupError::Failed(format!("cannot make namespaces: {error}"))),
    }
}

/// Returns whether the kernel does not offer something, as opposed to being short of something or finding a fault with it.
pub(super) fn is_refusal(error: &io::Error) -> bool {
    // ENOSPC and EUSERS: the limit on namespaces, which administrators set to 0.
    matches!(
        error.raw_os_error(),
        Some(libc::EPERM | libc::EACCES | libc::ENOSYS | libc::EINVAL | libc::ENOSPC | libc::EUSERS)
    )
}

fn first_process(
    request: &Request,
    policy: &Policy,
    streams: &Streams,
    report: &OwnedFd,
    ids: (u32, u32),
    mut found: Capabilities,
) -> ! {
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    if is_abandoned(report) {
        sys::exit_now(super::FAILED);
    }
    let set_up = set_up(request, policy, streams, ids, &mut found);
    let record = match set_up {
        Ok(()) => Record::Ready(found.encode()),
        Err(error) => error.record(),
    };
    say(report, &record);
    if request.argv.is_empty() || !matches!(record, Record::Ready(_)) {
        sys::exit_now(super::FAILED);
    }
    match sys::fork(0) {
        Ok(Some(main)) => reap(main, report),
        Ok(None) => command::become_program(request, streams, report),
        Err(error) => {
            say(report, &Record::Sandbox(format!("cannot start the command: {error}")));
            sys::exit_now(super::FAILED)
        }
    }
}

fn set_up(
    request: &Request,
    policy: &Policy,
    streams: &Streams,
    (user, group): (u32, u32),
    found: &mut Capabilities,
) -> Result<(), SetupError> {
    let refused = |error: io::Error| SetupError::Refused(format!("cannot map the user: {error}"));
    // Everybody is who they are outside. Giving up setgroups is what allows a map to be made without privileges.
    std::fs::write("/proc/self/setgroups", "deny").map_err(refused)?;
    std::fs::write("/proc/self/uid_map", format!("{user} {user} 1")).map_err(refused)?;
    std::fs::write("/proc/self/gid_map", format!("{group} {group} 1")).map_err(refused)?;
    let terminal = if request.tty { Terminal::of(&streams[0]) } else { None };
    mounts::set_up(policy, terminal.as_ref(), found)?;
    found.namespaces = true;
    let surroundings = Surroundings {
        private_dev: found.private_dev,
        private_proc: found.fresh_proc,
        covered: true,
        terminal: request.tty.then_some(&streams[0]),
    };
    // The command must not look into this process, which has seen the outside.
    let hidden = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable);
    hidden.map_err(|error| SetupError::Failed(format!("cannot hide the first process: {error}")))?;
    confine(policy, &surroundings, found)?;
    // A change of credentials may have cleared it.
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    Ok(())
}

/// Returns whether the helper ended before this process could ask to be ended with it.
fn is_abandoned(report: &OwnedFd) -> bool {
    let mut polled = [PollFd::new(report, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut polled, Some(&now)), Ok(1)) && polled[0].revents().contains(PollFlags::HUP)
}

/// Written, not sent: the filter may deny sending.
fn say(report: &OwnedFd, record: &Record) {
    let _ = rustix::io::write(report.as_fd(), &record.encode());
}

/// Waits for everything in the sandbox and reports how the main program ended.
fn reap(main: Pid, report: &OwnedFd) -> ! {
    // The command's streams above all: who reads them must see their end.
    sys::close_all_but(report);
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid == main => say(report, &end(status)),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_nobody_left) => sys::exit_now(0),
        }
    }
}

/// Returns what to report of an ended process.
pub(super) fn end(status: WaitStatus) -> Record {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Record::Code(code),
        (None, signal) => Record::Signal(signal.unwrap_or(libc::SIGKILL)),
    }
}
