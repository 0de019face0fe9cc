//! From the core's words to the wire's numbers. No other file chooses an error code for a core error.

use app_server_core::CoreError;
use app_server_protocol::RpcError;
use app_server_protocol::rpc::code;
use serde_json::json;

/// The reply for a refused request (wire specification 1.6: nearly everything is -32600).
pub(crate) fn from_core(error: &CoreError) -> RpcError {
    let code = match error {
        CoreError::Internal(_) => code::INTERNAL_ERROR,
        CoreError::InvalidParams(_) => code::INVALID_PARAMS,
        CoreError::Locked(app_server_rollout::LockError::Io(_)) => code::INTERNAL_ERROR,
        CoreError::Locked(app_server_rollout::LockError::Held(_))
        | CoreError::InvalidThreadId(_)
        | CoreError::ThreadNotFound(_)
        | CoreError::ThreadNotLoaded(_)
        | CoreError::NoRollout(_)
        | CoreError::NoArchivedRollout(_)
        | CoreError::Archived(_)
        | CoreError::NoActiveTurn(_)
        | CoreError::OtherTurn { .. }
        | CoreError::NotSteerable(_)
        | CoreError::Invalid(_)
        | CoreError::ConfigWrite { .. }
        | CoreError::RollbackFailed(_)
        | CoreError::Config(_) => code::INVALID_REQUEST,
    };
    let data = match error {
        CoreError::NotSteerable(kind) => {
            Some(json!({ "codexErrorInfo": { "activeTurnNotSteerable": { "turnKind": kind } } }))
        }
        CoreError::ConfigWrite { code, .. } => Some(json!({ "config_write_error_code": code.name() })),
        CoreError::RollbackFailed(_) => Some(json!({ "codexErrorInfo": "threadRollbackFailed" })),
        _ => None,
    };
    RpcError { code, data, message: error.to_string() }
}
