//! Starting commands: the server's side.

#[cfg(not(target_os = "linux"))]
mod group;
#[cfg(target_os = "linux")]
mod linux;
mod process;
mod stdio;
mod streams;
mod watched;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use tokio::sync::OnceCell;

pub use process::{Exit, Process, StartFailure};
pub use stdio::{Input, Output};

use crate::{Capabilities, Confinement, NoBackend};

/// What a command's standard streams are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdio {
    /// Pipes for output; standard input is empty.
    Pipes,
    /// Pipes for all three.
    PipesWithStdin,
    /// One pipe for both kinds of output, which keeps their order; standard input is empty.
    Merged,
    /// One pipe for both kinds of output, and one for standard input.
    MergedWithStdin,
    /// A pseudo-terminal, the controlling one of a new session.
    Pty {
        /// Height in characters.
        rows: u16,
        /// Width in characters.
        cols: u16,
    },
}

/// A command to start.
#[derive(Debug, Clone, Copy)]
pub struct Launch<'a> {
    /// The program, looked up in the `PATH` of `env` unless it contains a slash, and its arguments.
    pub argv: &'a [OsString],
    /// What the program is told its own name is, if not `argv[0]`.
    pub arg0: Option<&'a OsStr>,
    /// Where it starts.
    pub cwd: &'a Path,
    /// Its complete environment.
    pub env: &'a [(OsString, OsString)],
    /// What it may do.
    pub confinement: &'a Confinement,
    /// What it reads and writes.
    pub stdio: Stdio,
}

/// Why a command could not even be handed to its supervisor. The command's own faults are [`Exit`]s.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no program in the command.
    #[error("the command is empty")]
    EmptyCommand,
    /// The platform cannot confine commands.
    #[error(transparent)]
    Unsupported(#[from] NoBackend),
    /// Called outside a tokio runtime, whose tasks wait for the command.
    #[error("no runtime to watch over the command")]
    NoRuntime,
    /// The system refused something that every command needs.
    #[error("cannot {what}")]
    System {
        /// What was attempted.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Attaches what was attempted to an error of the system.
fn attempt<T>(what: &'static str, result: Result<T, impl Into<io::Error>>) -> Result<T, SpawnError> {
    result.map_err(|source| SpawnError::System { what, source: source.into() })
}

/// Starts commands. One is enough for a server.
#[derive(Debug)]
pub struct Launcher {
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "other systems need no helper"))]
    helper: PathBuf,
    capabilities: OnceCell<Capabilities>,
}

impl Launcher {
    /// Returns a launcher that runs `helper` under the name [`HELPER_NAME`](crate::HELPER_NAME); for the server that is
    /// `/proc/self/exe`, which stays the running program when its file is replaced.
    pub fn new(helper: PathBuf) -> Self {
        Self { helper, capabilities: OnceCell::new() }
    }

    /// Starts a command.
    ///
    /// # Errors
    /// The command is empty, the platform cannot do what is asked, or the system is out of processes or descriptors. That the program is
    /// missing or the sandbox refused comes as [`Exit::NotStarted`].
    pub fn spawn(&self, launch: &Launch<'_>) -> Result<Process, SpawnError> {
        if launch.argv.is_empty() {
            return Err(SpawnError::EmptyCommand);
        }
        let backend = crate::backend_for(launch.confinement, crate::Platform::HERE)?;
        #[cfg(target_os = "linux")]
        {
            // Every command is supervised by the helper, confined or not.
            let _ = backend;
            linux::spawn(&self.helper, launch)
        }
        #[cfg(not(target_os = "linux"))]
        group::spawn(backend, launch)
    }

    /// Returns what sandboxed commands are held by on this system. Found out once, at the first call.
    pub async fn capabilities(&self) -> &Capabilities {
        self.capabilities.get_or_init(|| self.probe()).await
    }

    #[cfg(target_os = "linux")]
    async fn probe(&self) -> Capabilities {
        linux::probe(&self.helper).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the sandbox helper could not be run");
            Capabilities::default()
        })
    }

    #[cfg(not(target_os = "linux"))]
    async fn probe(&self) -> Capabilities {
        let seatbelt = cfg!(target_os = "macos") && Path::new(crate::seatbelt::PROGRAM).exists();
        Capabilities { seatbelt, ..Capabilities::default() }
    }
}
