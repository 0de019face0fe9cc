//! Keeps other processes of the same user out of the server's memory.

use std::io;

/// Makes this process's memory and environment unreadable to others of the same user, and its crashes leave no file. For the server
/// alone, early: commands do not inherit the first, and the second only as a limit.
///
/// # Errors
/// The system refused either.
#[cfg(unix)]
pub fn harden_process() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}

/// Does nothing here.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn harden_process() -> io::Result<()> {
    Ok(())
}
