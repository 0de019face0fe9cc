//! The two sources of an answer's bytes: an HTTP response or the offline script. Above this module nobody can tell
//! them apart; it knows nothing about events.

use std::time::Duration;

use app_server_http::reason;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use tokio::time::timeout;

use crate::offline::OfflineBody;

/// An answer whose body is still to be read.
pub(crate) struct RawResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Transport,
}

/// Where the bytes of a body come from.
pub(crate) enum Transport {
    Http(Box<reqwest::Response>),
    Offline(OfflineBody),
    /// Nothing more is read; the connection was given back or dropped.
    Closed,
}

/// How long a server may take to end a body of which nobody wants the rest. As a rule the end is there already; the
/// HTTP library keeps a connection only when it has seen it, and a kept one saves the next request a handshake.
const RELEASE_GRACE: Duration = Duration::from_millis(100);

impl Transport {
    /// Waits for the next piece of the body and hands it to `sink`; returns false at its end. Nothing is lost when the
    /// returned future is dropped while it waits.
    ///
    /// # Errors
    /// The reason, in words, when the body breaks off.
    pub(crate) async fn read(&mut self, mut sink: impl FnMut(&[u8])) -> Result<bool, String> {
        match self {
            Self::Http(response) => match response.chunk().await {
                Ok(Some(piece)) => {
                    sink(&piece);
                    Ok(true)
                }
                Ok(None) => Ok(false),
                Err(error) => Err(reason(error)),
            },
            Self::Offline(body) => body.read(sink).await,
            Self::Closed => Ok(false),
        }
    }

    /// Gives the connection back if the body ends at once, and drops it otherwise. The caller does not wait for that.
    pub(crate) fn release(self) {
        if let Self::Http(mut response) = self {
            tokio::spawn(async move {
                let rest = async { while let Ok(Some(_)) = response.chunk().await {} };
                let _ = timeout(RELEASE_GRACE, rest).await;
            });
        }
    }
}
