//! Supervises one command: starts it, waits for it and everything it starts, and ends all of it when told to or left alone.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};
use rustix::process::{Pid, Signal, WaitOptions};

use super::confined::{self, SetupError};
use super::watch::{Watch, violation};
use super::{Streams, command, descendants, namespaces};
use crate::request::{MAX_RECORD_BYTES, Record, Request};
use crate::{Policy, sys};

/// Signals that are taken for an order to end everything, besides the lifeline.
const ORDERS_TO_END: [libc::c_int; 4] = [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT];

/// Runs a command to the end of everything it started. Tells once how its main program ended; `Ready` before that is left out.
pub(super) fn run(
    request: &Request,
    streams: Streams,
    lifeline: Option<&OwnedFd>,
    tell: &mut dyn FnMut(&Record),
) {
    match Supervisor::start(request, streams, lifeline) {
        Ok(mut supervisor) => {
            supervisor.run(tell);
            tell(&Record::Gone);
        }
        Err(record) => tell(&record),
    }
}

/// How the command is held.
enum Hold {
    /// By namespaces: this is their first process, and everything ends with it.
    Namespaces(Pid),
    /// By nothing that would end it: this is the main program.
    Descent(Pid),
}

struct Supervisor<'a> {
    request: &'a Request,
    lifeline: Option<&'a OwnedFd>,
    signals: OwnedFd,
    watch: Option<Watch>,
    hold: Hold,
    /// Where the processes between us and the command report.
    /// Nothing once none of them can any more.
    report: Option<OwnedFd>,
    /// Kept for another start until the first one is known to have worked.
    streams: Option<Streams>,
    told: bool,
}

impl<'a> Supervisor<'a> {
    fn start(request: &'a Request, streams: Streams, lifeline: Option<&'a OwnedFd>) -> Result<Self, Record> {
        let failed = |what: &str, error: std::io::Error| Record::Sandbox(format!("{what}: {error}"));
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
            .map_err(|error| failed("cannot look after orphans", error.into()))?;
        let mut wanted = ORDERS_TO_END.to_vec();
        wanted.push(libc::SIGCHLD);
        let signals =
            sys::signal_descriptor(&wanted).map_err(|error| failed("cannot receive signals", error))?;
        let watch = request.policy.as_ref().map(Watch::new);
        let (hold, report) = match &request.policy {
            None => descend(request, &streams, None)?,
            Some(policy) => confine(request, policy, &streams)?,
        };
        // A command without a sandbox is started once and for all.
        let streams = request.policy.is_some().then_some(streams);
        Ok(Self { request, lifeline, signals, watch, hold, report: Some(report), streams, told: false })
    }

    fn run(&mut self, tell: &mut dyn FnMut(&Record)) {
        loop {
            let ready = self.wait_for_something();
            if ready.lifeline || (ready.signals && self.is_ordered_to_end()) {
                self.end_everything();
                let last = self.last_words();
                return self.finish(last, tell);
            }
            if let Some(path) = self.watch.as_mut().filter(|_| ready.watch).and_then(Watch::appeared) {
                self.end_everything();
                let violation = self.undo(&path);
                return self.say(&violation, tell);
            }
            while let Some(record) = self.next_report() {
                if let Err(record) = self.handle(record, tell) {
                    return self.say(&record, tell);
                }
            }
            if let Some(last) = self.reap(tell) {
                return self.finish(last, tell);
            }
        }
    }

    fn wait_for_something(&self) -> Ready {
        let nothing = PollFlags::empty();
        let signals = self.signals.as_fd();
        let events = self.watch.as_ref().and_then(Watch::events);
        let mut polled = [
            PollFd::new(&signals, PollFlags::IN),
            PollFd::from_borrowed_fd(self.report.as_ref().map_or(signals, |fd| fd.as_fd()), PollFlags::IN),
            PollFd::from_borrowed_fd(self.lifeline.map_or(signals, |fd| fd.as_fd()), PollFlags::IN),
            PollFd::from_borrowed_fd(events.map_or(signals, |fd| fd.as_fd()), PollFlags::IN),
        ];
        let look_within = self.watch.as_ref().and_then(Watch::look_within);
        let _ = poll(&mut polled, look_within);
        Ready {
            signals: polled[0].revents() != nothing,
            lifeline: self.lifeline.is_some() && polled[2].revents() != nothing,
            watch: look_within.is_some() || (events.is_some() && polled[3].revents() != nothing),
        }
    }

    fn is_ordered_to_end(&self) -> bool {
        let signals = sys::signals_waiting(&self.signals);
        signals.iter().any(|number| ORDERS_TO_END.iter().any(|order| order.unsigned_abs() == *number))
    }

    /// Returns the next report, without waiting.
    fn next_report(&mut self) -> Option<Record> {
        let mut buffer = [0; MAX_RECORD_BYTES];
        let (count, _) =
            rustix::net::recv(self.report.as_ref()?, &mut buffer[..], RecvFlags::DONTWAIT).ok()?;
        if count == 0 {
            self.report = None;
        }
        Record::decode(&buffer[..count])
    }

    /// Handles a report. An error is the last word.
    fn handle(&mut self, record: Record, tell: &mut dyn FnMut(&Record)) -> Result<(), Record> {
        match record {
            Record::Ready(_) => self.streams = None,
            Record::Refused(_) => {
                // It ended by itself and touched nothing.
                if let Hold::Namespaces(pid) = self.hold {
                    wait_for(pid);
                }
                let streams = self.streams.take().ok_or_else(|| Record::Sandbox("refused twice".into()))?;
                let (hold, report) = descend(self.request, &streams, self.request.policy.as_ref())?;
                (self.hold, self.report) = (hold, Some(report));
                self.streams = Some(streams);
            }
            // The first process's word for the main program; with descent it is waited for here.
            Record::Program { .. } | Record::Sandbox(_) => {
                self.streams = None;
                self.say(&record, tell);
            }
            end => {
                self.finish(end, tell);
            }
        }
        Ok(())
    }

    /// Reaps what has ended. Returns the last word once there is nothing left.
    fn reap(&mut self, tell: &mut dyn FnMut(&Record)) -> Option<Record> {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => match self.hold {
                    Hold::Descent(main) if pid == main => {
                        // What it said before it could be a program goes first.
                        while let Some(record) = self.next_report() {
                            let _ = self.handle(record, tell);
                        }
                        self.streams = None;
                        self.finish(namespaces::end(status), tell);
                    }
                    Hold::Namespaces(first) if pid == first => {
                        let mut last = self.last_words();
                        if matches!(last, Record::Signal(_)) && status.exit_status().is_some() && !self.told {
                            last = Record::Sandbox("the first process of the sandbox ended early".into());
                        }
                        return Some(last);
                    }
                    _ => {}
                },
                Ok(None) => return None,
                Err(rustix::io::Errno::INTR) => {}
                Err(_no_child) => return Some(Record::Signal(libc::SIGKILL)),
            }
        }
    }

    /// Returns what was reported before everything ended.
    fn last_words(&mut self) -> Record {
        let mut last = Record::Signal(libc::SIGKILL);
        while let Some(record) = self.next_report() {
            if !matches!(record, Record::Ready(_) | Record::Refused(_)) {
                last = record;
            }
        }
        last
    }

    fn end_everything(&self) {
        match self.hold {
            Hold::Namespaces(first) => {
                let _ = rustix::process::kill_process(first, Signal::KILL);
                wait_for(first);
            }
            Hold::Descent(_) => descendants::end_all(),
        }
    }

    fn undo(&self, path: &Path) -> Record {
        let kept = self.watch.as_ref().map(Watch::undo).unwrap_or_default();
        Record::Violation(violation(path, &kept))
    }

    /// Tells how the main program ended, unless something forbidden is found at the end.
    fn finish(&mut self, record: Record, tell: &mut dyn FnMut(&Record)) {
        let appeared = self.watch.as_mut().and_then(Watch::appeared);
        let record = match appeared {
            Some(path) => {
                self.end_everything();
                self.undo(&path)
            }
            None => record,
        };
        self.say(&record, tell);
    }

    /// Says how it ended, the first time.
    fn say(&mut self, record: &Record, tell: &mut dyn FnMut(&Record)) {
        if !std::mem::replace(&mut self.told, true) {
            tell(record);
        }
    }
}

/// What there is to look after.
struct Ready {
    signals: bool,
    lifeline: bool,
    watch: bool,
}

/// Returns our end and the one for the processes below us.
pub(super) fn report_pair() -> Result<(OwnedFd, OwnedFd), Record> {
    rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .map_err(|error| Record::Sandbox(format!("cannot open a socket: {error}")))
}

/// Starts the command in namespaces, or without if the kernel says at once that it has none.
fn confine(request: &Request, policy: &Policy, streams: &Streams) -> Result<(Hold, OwnedFd), Record> {
    let (ours, theirs) = report_pair()?;
    match namespaces::start(request, policy, streams, ours, &theirs) {
        Ok((first, ours)) => Ok((Hold::Namespaces(first), ours)),
        Err(SetupError::Refused(_)) => descend(request, streams, Some(policy)),
        Err(error) => Err(error.record()),
    }
}

/// Starts the command as a plain child, under Landlock and the filter if there is a policy.
fn descend(request: &Request, streams: &Streams, policy: Option<&Policy>) -> Result<(Hold, OwnedFd), Record> {
    let (ours, theirs) = report_pair()?;
    match sys::fork(0) {
        Ok(Some(pid)) => Ok((Hold::Descent(pid), ours)),
        Ok(None) => match policy {
            Some(policy) => confined::become_program(request, policy, streams, &theirs),
            None => command::become_program(request, streams, &theirs),
        },
        Err(error) => Err(Record::Sandbox(format!("cannot start the command: {error}"))),
    }
}

fn wait_for(pid: Pid) {
    while let Err(rustix::io::Errno::INTR) = rustix::process::waitpid(Some(pid), WaitOptions::empty()) {}
}
