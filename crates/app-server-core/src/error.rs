//! Why a request is refused. The texts that clients match are fixed (decisions, "Wire"); numbers are given by the
//! process, which knows the wire.

use app_server_config::ConfigError;
use app_server_protocol::v2::NonSteerableTurnKind;
use app_server_rollout::{HeaderError, ListError, LockError, MoveError, ReadError, SectionError};

/// A refused request.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The text is no UUID.
    #[error("invalid thread id: {0}")]
    InvalidThreadId(String),
    /// A method of live threads names one that is not loaded.
    #[error("thread not found: {0}")]
    ThreadNotFound(String),
    /// A method that reads threads names one that is neither loaded nor stored.
    #[error("thread not loaded: {0}")]
    ThreadNotLoaded(String),
    /// Nothing is stored under this id.
    #[error("no rollout found for thread id {0}")]
    NoRollout(String),
    /// Nothing is archived under this id.
    #[error("no archived rollout found for thread id {0}")]
    NoArchivedRollout(String),
    /// The thread would have to be unarchived first.
    #[error("thread {0} is archived; unarchive it with thread/unarchive first")]
    Archived(String),
    /// Another process writes this thread.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// The thread is idle.
    #[error("no active turn to {0}")]
    NoActiveTurn(&'static str),
    /// Another turn than the one named is running. Clients read the second id out of the text.
    #[error("expected active turn id `{expected}` but found `{found}`")]
    OtherTurn {
        /// The turn the client named.
        expected: String,
        /// The turn that runs.
        found: String,
    },
    /// Input cannot be added to a turn of this kind.
    #[error("cannot add input to a turn of this kind")]
    NotSteerable(NonSteerableTurnKind),
    /// The request contradicts itself or the state of what it names.
    #[error("{0}")]
    Invalid(String),
    /// The params contradict what there is, in methods whose callers tell that apart.
    #[error("{0}")]
    InvalidParams(String),
    /// A setting is not written, for a reason that callers tell apart.
    #[error("{message}")]
    ConfigWrite {
        /// Which reason.
        code: ConfigWriteError,
        /// It in words.
        message: String,
    },
    /// Turns cannot be dropped now.
    #[error("{0}")]
    RollbackFailed(String),
    /// The configuration does not allow it.
    #[error("failed to load configuration: {0}")]
    Config(#[from] ConfigError),
    /// Something of ours or of the system failed.
    #[error("{0}")]
    Internal(String),
}

/// Why a setting is not written (wire specification 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigWriteError {
    /// The file is not the user's to write.
    LayerReadonly,
    /// The file has changed since the caller read it.
    VersionConflict,
    /// The result would not be a configuration.
    ValidationError,
    /// What is to be changed is fixed by an administrator.
    RequirementReadonly,
}

impl ConfigWriteError {
    /// As the wire names it.
    pub fn name(self) -> &'static str {
        match self {
            ConfigWriteError::LayerReadonly => "configLayerReadonly",
            ConfigWriteError::VersionConflict => "configVersionConflict",
            ConfigWriteError::ValidationError => "configValidationError",
            ConfigWriteError::RequirementReadonly => "configRequirementReadonly",
        }
    }
}

impl From<ListError> for CoreError {
    fn from(error: ListError) -> Self {
        CoreError::Internal(error.to_string())
    }
}

impl From<HeaderError> for CoreError {
    fn from(error: HeaderError) -> Self {
        CoreError::Internal(format!("failed to read thread: {error}"))
    }
}

impl From<ReadError> for CoreError {
    fn from(error: ReadError) -> Self {
        CoreError::Internal(format!("failed to read thread: {error}"))
    }
}

impl From<MoveError> for CoreError {
    fn from(error: MoveError) -> Self {
        CoreError::Internal(error.to_string())
    }
}

impl From<SectionError> for CoreError {
    fn from(error: SectionError) -> Self {
        match error {
            SectionError::Io(_) => CoreError::Internal(error.to_string()),
            error => CoreError::InvalidParams(error.to_string()),
        }
    }
}

impl From<std::io::Error> for CoreError {
    fn from(error: std::io::Error) -> Self {
        CoreError::Internal(error.to_string())
    }
}
