//! Which mechanism runs a command on which platform. The one place that decides it, and it never falls back to none.

use crate::Confinement;

/// How a command is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Unconfined, but supervised: nothing of it outlives the server.
    Direct,
    /// Under the system's own `sandbox-exec`.
    Seatbelt,
    /// Under our helper: namespaces, Landlock and a system call filter.
    Linux,
}

/// The systems that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Linux.
    Linux,
    /// macOS.
    MacOs,
    /// Everything else: commands run, but cannot be confined.
    Other,
}

impl Platform {
    /// The system this program was built for.
    pub const HERE: Self = if cfg!(target_os = "linux") {
        Self::Linux
    } else if cfg!(target_os = "macos") {
        Self::MacOs
    } else {
        Self::Other
    };
}

/// The platform has no mechanism to confine commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("commands cannot be sandboxed on this platform")]
pub struct NoBackend;

/// Returns the mechanism for a command.
///
/// # Errors
/// A confined command on a platform without a mechanism: it must not be run instead without one.
pub fn backend_for(confinement: &Confinement, platform: Platform) -> Result<Backend, NoBackend> {
    match (confinement, platform) {
        (Confinement::Direct, _) => Ok(Backend::Direct),
        (Confinement::Sandboxed(_), Platform::Linux) => Ok(Backend::Linux),
        (Confinement::Sandboxed(_), Platform::MacOs) => Ok(Backend::Seatbelt),
        (Confinement::Sandboxed(_), Platform::Other) => Err(NoBackend),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confined_command_is_never_run_directly() {
        let confined = Confinement::Sandboxed(crate::read_only(false));
        assert_eq!(backend_for(&confined, Platform::Linux), Ok(Backend::Linux));
        assert_eq!(backend_for(&confined, Platform::MacOs), Ok(Backend::Seatbelt));
        assert_eq!(backend_for(&confined, Platform::Other), Err(NoBackend));
        assert_eq!(backend_for(&Confinement::Direct, Platform::Other), Ok(Backend::Direct));
    }
}
