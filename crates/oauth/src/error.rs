//! Why a login did not succeed.

/// The end of a login without tokens. Its words are for people and hold no secrets; they are the reasons of auth
/// specification 7.2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The caller gave it up, or began another one.
    #[error("Login was not completed")]
    Cancelled,
    /// Somebody on this machine asked the callback server to give way.
    #[error("Login cancelled")]
    CancelledByRequest,
    /// The user took too long.
    #[error("Login timed out")]
    TimedOut,
    /// The callback server needs one of these ports of the loopback address, and other programs have them.
    #[error("the port for the browser's answer is in use by another program: {}", shown(.0))]
    PortsBusy(Vec<u16>),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl From<OAuthError> for LoginError {
    fn from(error: OAuthError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// The issuer could not be asked or did not do what it was asked. In words, for people, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OAuthError {
    /// There was no complete answer; there may be one the next time.
    #[error("{0}")]
    Unreachable(String),
    /// The answer is not what was asked for.
    #[error("{0}")]
    Refused(String),
}

fn shown(ports: &[u16]) -> String {
    let addresses: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    addresses.join(" and ")
}
