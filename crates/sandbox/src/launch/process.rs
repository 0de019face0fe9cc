//! A started command: waiting for it and ending it.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::sync::watch;

use super::{Input, Output};

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal, ours included.
    Signal(i32),
    /// It never ran.
    NotStarted(StartFailure),
    /// It did something it may not, of a kind that cannot be prevented but is noticed, and was killed. The text says what.
    Violation(String),
}

/// Why a command never ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartFailure {
    /// The program or its folder is to blame.
    Program {
        /// What to tell, without any of the words by which a denial is recognised.
        message: String,
        /// 127 if it is missing, 126 if it cannot be run.
        code: i32,
    },
    /// The sandbox could not be set up. Not the command's failure, and never to be shown as such.
    Sandbox(String),
}

/// What is known of a command so far.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) exit: Option<Exit>,
    /// Nothing of it is left but perhaps its supervisor.
    pub(super) is_empty: bool,
    /// Nothing is left at all.
    pub(super) gone: bool,
}

/// A started command. Dropping it kills all of it.
#[derive(Debug)]
pub struct Process {
    /// What it reads, if that is ours to write.
    pub stdin: Option<Input>,
    /// What it writes; everything, on a terminal.
    pub stdout: Option<Output>,
    /// What it writes apart; nothing on a terminal.
    pub stderr: Option<Output>,
    pub(super) id: u32,
    pub(super) state: watch::Receiver<State>,
    pub(super) reins: Reins,
    pub(super) terminal: Option<Arc<OwnedFd>>,
}

/// How a command is ended. Dropping it does.
#[derive(Debug)]
pub(super) enum Reins {
    /// By closing the socket to its supervisor, which then ends it.
    #[cfg(target_os = "linux")]
    Lifeline(Arc<super::watched::Watched>),
    /// By a signal to its process group, as long as its leader has not been waited for.
    #[cfg(not(target_os = "linux"))]
    Group(Arc<super::group::Leader>),
}

impl Reins {
    fn pull(&self) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Lifeline(socket) => {
                // The other half stays open for the supervisor's last word. Failing means it is gone already.
                let _ = rustix::net::shutdown(socket.get_ref(), rustix::net::Shutdown::Write);
            }
            #[cfg(not(target_os = "linux"))]
            Self::Group(leader) => leader.kill(),
        }
    }
}

impl Drop for Reins {
    fn drop(&mut self) {
        self.pull();
    }
}

impl Process {
    /// Returns the process id of the command's supervisor, or of the command where there is none.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Waits until the main program has ended; what it started in the background may go on. May be dropped and called again.
    pub async fn wait(&mut self) -> Exit {
        match self.state.wait_for(|state| state.exit.is_some()).await {
            Ok(state) => state.exit.clone().unwrap_or(Exit::Signal(libc::SIGKILL)),
            // Who watched it is gone with the runtime, and so is the lifeline.
            Err(_) => Exit::Signal(libc::SIGKILL),
        }
    }

    /// Kills the command and everything it started, at once.
    pub fn kill(&self) {
        self.reins.pull();
    }

    /// Waits until nothing of the command is left. Its supervisor may take some milliseconds more, and is reaped without
    /// anybody waiting. May be dropped and called again.
    pub async fn empty(&mut self) {
        // An error means that who watched it is gone with the runtime.
        let _ = self.state.wait_for(|state| state.is_empty).await;
    }

    /// Waits until nothing of the command is left, its supervisor included. May be dropped and called again.
    pub async fn gone(&mut self) {
        // An error means that who watched it is gone with the runtime.
        let _ = self.state.wait_for(|state| state.gone).await;
    }

    /// Changes the size of the command's terminal.
    ///
    /// # Errors
    /// The command has no terminal, or the system refused.
    pub fn resize(&self, rows: u16, cols: u16) -> io::Result<()> {
        let terminal = self.terminal.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        super::stdio::set_size(terminal, rows, cols)
    }
}
