//! The list of a provider's models, asked of its server (backend.md 10). Knows nothing of what the list means: its bytes are
//! passed on.

use std::time::Duration;

use app_server_http::reason;
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use tokio::time::timeout;

use crate::client::ModelClient;
use crate::error::ModelError;
use crate::provider::{Provider, ProviderKind};
use crate::rate_limits::text;
use crate::request::RequestHeaders;

/// How long a server has for its whole answer.
const LIMIT: Duration = Duration::from_secs(5);
/// How much of an answer is read.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// The level of the reference whose models are asked for: servers leave out what is newer.
const CLIENT_VERSION: &str = "0.169.0";

/// What a server said of its models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelsAnswer {
    /// The same as the last time.
    Unchanged,
    /// A list.
    List {
        /// The list's version, if the server gives it one.
        etag: Option<String>,
        /// The body as it came.
        body: Vec<u8>,
    },
}

impl ModelClient {
    /// Asks for the provider's models. `etag` is the version that is known already. Asked once, within 5 seconds.
    ///
    /// # Errors
    /// Every refusal and failure, and a provider without a server.
    pub async fn models(
        &self,
        provider: &Provider,
        headers: &RequestHeaders,
        etag: Option<&str>,
    ) -> Result<ModelsAnswer, ModelError> {
        if matches!(provider.kind, ProviderKind::Offline(_)) {
            return Err(ModelError::invalid_provider("a script has no list of models"));
        }
        match timeout(LIMIT, self.ask_for_models(provider, headers, etag)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(ModelError::idle(LIMIT)),
        }
    }

    async fn ask_for_models(
        &self,
        provider: &Provider,
        headers: &RequestHeaders,
        etag: Option<&str>,
    ) -> Result<ModelsAnswer, ModelError> {
        let mut url = provider.url("models")?;
        url.query_pairs_mut().append_pair("client_version", CLIENT_VERSION);
        let mut headers = headers.resolve(provider);
        // It is about no thread and has no body.
        for name in ["session_id", "session-id"] {
            headers.remove(name);
        }
        headers.remove(CONTENT_TYPE);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(etag) = etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
            headers.insert(IF_NONE_MATCH, etag);
        }
        let client =
            self.http.get().await.map_err(|error| ModelError::invalid_provider(error.to_string()))?;
        let request = client.get(url.clone()).headers(headers).build();
        let request = request.map_err(|error| ModelError::invalid_provider(reason(error)))?;
        let failed = |error| ModelError::unreachable(&url, &reason(error));
        let mut response = client.execute(request).await.map_err(failed)?;
        let status = response.status();
        if status == StatusCode::NOT_MODIFIED {
            return Ok(ModelsAnswer::Unchanged);
        }
        let answered = response.headers().clone();
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            body.extend_from_slice(&piece);
            if body.len() > MAX_ANSWER_BYTES {
                return Err(ModelError::stream_closed("it is of absurd size"));
            }
        }
        if !status.is_success() {
            return Err(ModelError::status(status, &answered, &body, &app_server_http::shown_url(&url)));
        }
        let etag = text(&answered, ETAG.as_str()).map(str::to_owned);
        Ok(ModelsAnswer::List { etag, body })
    }
}
