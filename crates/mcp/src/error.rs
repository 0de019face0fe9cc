//! Why something asked of a server is not to be had, in words for people.

use std::time::Duration;

/// Why a server could not be reached, or did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum McpError {
    /// There is no connection any more. The next call may make another.
    #[error("{0}")]
    Closed(String),
    /// The answer did not come in time. The server was told that nobody waits for it.
    #[error("timed out awaiting {method} after {}", seconds(*after))]
    Timeout {
        /// What was asked.
        method: &'static str,
        /// How long it was waited for, without the time in which the user was asked something.
        after: Duration,
    },
    /// Whoever asked no longer wants the answer. The server was told.
    #[error("cancelled")]
    Cancelled,
    /// The server answered with an error.
    #[error("{message}")]
    Refused {
        /// The number the server gave.
        code: i64,
        /// What it said.
        message: String,
    },
    /// The server wants the user to sign in, or to sign in again.
    #[error("the server asks for a sign-in")]
    SignInRequired {
        /// What the server's `WWW-Authenticate` header said, if it sent one.
        challenge: Option<String>,
    },
    /// What the server sent cannot be understood.
    #[error("{0}")]
    Malformed(String),
    /// The request did not reach the server, or its answer did not reach us.
    #[error("{0}")]
    Transport(String),
}

/// Returns a time as the product says it: whole seconds, or a fraction where there is one.
fn seconds(time: Duration) -> String {
    if time.subsec_nanos() == 0 { format!("{}s", time.as_secs()) } else { format!("{}s", time.as_secs_f64()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_seconds() {
        let timeout = |after| McpError::Timeout { method: "tools/call", after }.to_string();
        assert_eq!(timeout(Duration::from_secs(60)), "timed out awaiting tools/call after 60s");
        assert_eq!(timeout(Duration::from_millis(1500)), "timed out awaiting tools/call after 1.5s");
    }
}
