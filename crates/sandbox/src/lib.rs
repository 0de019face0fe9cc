//! Running commands confined by the system, and making sure nothing of them is left behind.
//!
//! - [`Policy`], [`workspace_write`], [`read_only`]: what a command may do, as data
//! - [`Launcher`], [`Process`]: start a command, talk to it, end all of it
//! - [`helper_main_if_invoked`]: the same binary started under the name [`HELPER_NAME`]; on Linux it supervises every command
//! - [`Capabilities`]: what this kernel's sandbox consists of
//! - [`seatbelt`]: the macOS profile, as text
//!
//! This crate decides nothing about approvals, reads no configuration and knows nothing of turns or the wire.

mod backend;
mod capabilities;
mod harden;
#[cfg(target_os = "linux")]
mod helper;
#[cfg(unix)]
mod launch;
mod policy;
mod repositories;
#[cfg(target_os = "linux")]
mod request;
mod roots;
pub mod seatbelt;
#[cfg(target_os = "linux")]
mod sys;

pub use backend::{Backend, NoBackend, Platform, backend_for};
pub use capabilities::Capabilities;
pub use harden::harden_process;
#[cfg(unix)]
pub use launch::{Exit, Input, Launch, Launcher, Output, Process, SpawnError, StartFailure, Stdio};
pub use policy::{Policy, WritableRoot};
pub use repositories::{MAX_DEPTH, MAX_DIRECTORIES, MAX_REPOSITORIES, RepositoryCache};
pub use roots::{Roots, read_only, workspace_write};

/// The name under which our binary is the helper, and the only thing it looks at to know.
pub const HELPER_NAME: &str = "codex-linux-sandbox";
/// Set to `1` in the environment of a command whose policy closes the network.
pub const NETWORK_DISABLED_VARIABLE: &str = "CODEX_SANDBOX_NETWORK_DISABLED";

/// Whether a command is confined.
#[derive(Debug, Clone, PartialEq)]
pub enum Confinement {
    /// It may do what the user may.
    Direct,
    /// It may do what the policy says.
    Sandboxed(Policy),
}

/// Runs the helper and returns its exit code if this process was started under the name [`HELPER_NAME`]. To be called first thing in
/// `main`, before any thread: the helper forks.
pub fn helper_main_if_invoked(mut args: std::env::ArgsOs) -> Option<i32> {
    let name = args.next()?;
    if std::path::Path::new(&name).file_name()? != HELPER_NAME {
        return None;
    }
    #[cfg(target_os = "linux")]
    return Some(helper::main(args.collect()));
    #[cfg(not(target_os = "linux"))]
    return Some(1);
}
