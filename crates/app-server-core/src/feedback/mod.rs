//! `feedback/upload`: what the user says of a thread becomes a bundle on this machine, known secrets masked. It leaves the
//! machine only if the configuration names where it is to go.

mod bundle;
mod zip;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use app_server_config::LoadRequest;
use app_server_http::reason;
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{FeedbackUploadParams, FeedbackUploadResponse, WarningNotification};
use uuid::Uuid;

use self::bundle::Bundle;
use crate::error::CoreError;
use crate::services::Services;

/// How long the post may take.
const POST_WITHIN: Duration = Duration::from_secs(10);

/// Makes the bundle, and posts it where that is configured. A post that fails is told of by a `warning`: the bundle is
/// there all the same.
///
/// # Errors
/// [`CoreError::Invalid`] where the configuration forbids it, [`CoreError::InvalidThreadId`], and
/// [`CoreError::Internal`] when the bundle cannot be written.
pub async fn upload(
    services: Arc<Services>,
    params: FeedbackUploadParams,
) -> Result<FeedbackUploadResponse, CoreError> {
    let id = match &params.thread_id {
        Some(id) => Uuid::parse_str(id).map_err(|_| CoreError::InvalidThreadId(id.clone()))?,
        None => Uuid::now_v7(),
    };
    let made = {
        let services = Arc::clone(&services);
        tokio::task::spawn_blocking(move || make(&services, id, &params))
    };
    let (path, url) = made.await.map_err(|error| CoreError::Internal(error.to_string()))??;
    if let Some(url) = url
        && let Err(why) = post(&services, &path, &url).await
    {
        tracing::warn!(%why, "feedback could not be sent");
        let message = format!("The feedback could not be sent: {why}. It is kept in {}.", path.display());
        services.host.notify(ServerNotification::Warning(WarningNotification { message, thread_id: None }));
    }
    Ok(FeedbackUploadResponse { thread_id: id.to_string() })
}

/// Writes the bundle; returns where it is and where it is to go.
fn make(
    services: &Services,
    id: Uuid,
    params: &FeedbackUploadParams,
) -> Result<(PathBuf, Option<String>), CoreError> {
    let config = services.config.load(&LoadRequest::default())?;
    if !config.feedback_enabled {
        return Err(CoreError::Invalid("sending feedback is disabled by configuration".to_owned()));
    }
    let path = Bundle { services, id, params }
        .write()
        .map_err(|error| CoreError::Internal(format!("the feedback cannot be written: {error}")))?;
    Ok((path, config.feedback_upload_url))
}

/// Posts the bundle, without any credential. The end of the session does not wait for it.
async fn post(services: &Services, path: &Path, url: &str) -> Result<(), String> {
    let file = path.to_owned();
    let bytes = tokio::task::spawn_blocking(move || std::fs::read(file))
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())?;
    let client = services.http.get().await.map_err(|error| error.to_string())?;
    let request = client.post(url).header("content-type", "application/zip").timeout(POST_WITHIN).body(bytes);
    let response = tokio::select! {
        response = request.send() => response.map_err(reason)?,
        () = services.closing.cancelled() => return Err("the session has ended".to_owned()),
    };
    match response.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("the server answered {status}")),
    }
}
