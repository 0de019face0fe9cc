//! A failed model call as the client sees it (wire specification 10.2).

use app_server_model_client::{ModelError, ModelErrorKind as Kind};
use app_server_protocol::v2::{CodexErrorInfo as Info, TurnError};

/// The error of a turn that ends with it.
pub(super) fn turn_error(error: &ModelError) -> TurnError {
    let status = error.http_status;
    let info = match &error.kind {
        Kind::ContextWindowExceeded => Info::ContextWindowExceeded,
        Kind::UsageLimit { .. } | Kind::QuotaExceeded => Info::UsageLimitExceeded,
        Kind::RateLimited => Info::RateLimitExceeded,
        Kind::Overloaded => Info::ServerOverloaded,
        Kind::FlexUnavailable => Info::FlexUnavailable,
        Kind::CyberPolicy => Info::CyberPolicy,
        Kind::ModelNotFound => Info::ModelNotFound,
        Kind::BadRequest | Kind::InvalidImage => Info::BadRequest,
        Kind::SignInNeeded => Info::Unauthorized,
        Kind::InternalServerError => Info::InternalServerError,
        Kind::TooManyRequests => Info::ResponseTooManyFailedAttempts { http_status_code: status },
        Kind::Unauthorized | Kind::UnexpectedStatus => {
            Info::HttpConnectionFailed { http_status_code: status }
        }
        Kind::InvalidPrompt
        | Kind::InvalidRequest
        | Kind::StreamClosed
        | Kind::Incomplete
        | Kind::IdleTimeout
        | Kind::Connect
        | Kind::MissingKey
        | Kind::NoNewTokens { .. }
        | Kind::InvalidProvider
        | Kind::Unusable
        | Kind::Cancelled => Info::Other,
    };
    TurnError {
        message: error.message.clone(),
        codex_error_info: Some(info),
        additional_details: None,
        misalignment: None,
    }
}

/// What is told before the retry `attempt` of `max`.
pub(super) fn reconnecting(error: &ModelError, attempt: u32, max: u32) -> TurnError {
    TurnError {
        message: format!("Reconnecting... {attempt}/{max}"),
        codex_error_info: Some(Info::ResponseStreamDisconnected { http_status_code: error.http_status }),
        additional_details: Some(error.message.clone()),
        misalignment: None,
    }
}
