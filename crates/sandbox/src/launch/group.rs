//! Starts commands where there is no helper: in a process group of their own, under the system's sandbox if there is one.
//!
//! A process that leaves its group is out of reach here.
#![allow(unsafe_code, reason = "code between fork and exec")]

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::process::{Reins, State};
use super::{Exit, Launch, Process, SpawnError, StartFailure, attempt, stdio};
use crate::{Backend, Confinement, seatbelt};

/// The leader of a command's process group; nothing once the group has been killed. Between the leader's end and that, the group keeps its
/// number as long as anybody is in it.
#[derive(Debug)]
pub(super) struct Leader(Mutex<Option<Pid>>);

impl Leader {
    /// Kills the group.
    pub(super) fn kill(&self) {
        if let Some(pid) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Everybody may have left or ended.
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Starts a command.
pub(super) fn spawn(backend: Backend, launch: &Launch<'_>) -> Result<Process, SpawnError> {
    if tokio::runtime::Handle::try_current().is_err() {
        return Err(SpawnError::NoRuntime);
    }
    let argv = match (backend, launch.confinement) {
        (Backend::Seatbelt, Confinement::Sandboxed(policy)) => seatbelt::command(policy, launch.argv),
        _ => launch.argv.to_vec(),
    };
    let streams = stdio::open(launch.stdio)?;
    let [stdin, stdout, stderr] = streams.theirs;
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).current_dir(launch.cwd).env_clear().envs(launch.env.iter().cloned());
    if backend == Backend::Seatbelt {
        // What programs look at that would otherwise use a sandbox of their own.
        command.env("CODEX_SANDBOX", "seatbelt");
    }
    if let (Backend::Direct, Some(arg0)) = (backend, launch.arg0) {
        command.arg0(arg0);
    }
    command.stdin(stdin).stdout(stdout).stderr(stderr).kill_on_drop(true);
    let tty = streams.terminal.is_some();
    // SAFETY: setsid and the ioctl are plain system calls, safe after fork in a threaded program.
    unsafe {
        command.pre_exec(move || {
            rustix::process::setsid()?;
            if tty {
                rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
            }
            Ok(())
        });
    }
    let (report, state) = watch::channel(State::default());
    let leader = Arc::new(Leader(Mutex::new(None)));
    let mut id = 0;
    match command.spawn() {
        Ok(child) => {
            id = child.id().unwrap_or_default();
            *leader.0.lock().unwrap_or_else(PoisonError::into_inner) =
                i32::try_from(id).ok().and_then(Pid::from_raw);
            tokio::spawn(watch_over(child, report));
        }
        Err(error) => {
            let exit = attempt("start the command", not_started(launch, error))?;
            report.send_replace(State { exit: Some(exit), gone: true });
        }
    }
    Ok(Process {
        stdin: streams.stdin,
        stdout: streams.stdout,
        stderr: streams.stderr,
        id,
        state,
        reins: Reins::Group(leader),
        terminal: streams.terminal,
    })
}

/// Tells a fault of the program from one of the system.
fn not_started(launch: &Launch<'_>, error: io::Error) -> io::Result<Exit> {
    let (code, reason) = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => (127, "no such file or directory"),
        io::ErrorKind::PermissionDenied => (126, "not accessible"),
        _ => return Err(error),
    };
    let message = format!("exec {}: {reason}", launch.argv[0].display());
    Ok(Exit::NotStarted(StartFailure::Program { message, code }))
}

async fn watch_over(mut child: Child, report: watch::Sender<State>) {
    let exit = match child.wait().await {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, signal) => Exit::Signal(signal.unwrap_or(libc::SIGKILL)),
        },
        Err(_) => Exit::Signal(libc::SIGKILL),
    };
    report.send_replace(State { exit: Some(exit), gone: true });
}
