//! The HTTP client and the first retry layer: the same request, sent again on a 5xx or a transport error
//! (backend.md 5). Knows nothing about history; building the request anew is the turn's business.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app_server_http::{HttpClient, reason, shown_url};
use reqwest::{Request, Url};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::chat;
use crate::error::{ModelError, ModelErrorKind, backoff};
use crate::offline::OfflineScript;
use crate::provider::{Provider, ProviderKind, Wire};
use crate::request::{ModelRequest, RequestHeaders};
use crate::stream::{Body, ResponseStream};
use crate::transport::{RawResponse, Transport};

/// How much of a refusal's body is read.
const MAX_REFUSAL_BYTES: usize = 256 * 1024;

/// Asks models. Cheap to make and to clone; clones share the connections.
#[derive(Debug, Clone, Default)]
pub struct ModelClient {
    pub(crate) http: HttpClient,
    /// The bases of servers that do not know the wish to be told what an answer costs, so that each refuses it once.
    without_usage: Arc<Mutex<BTreeSet<String>>>,
}

/// One request, ready to be sent any number of times.
enum Call<'a> {
    Http { client: &'a reqwest::Client, request: Box<Request>, url: Url },
    Offline { script: &'a OfflineScript, body: Vec<u8> },
}

impl ModelClient {
    /// Asks over the given connections.
    pub fn new(http: HttpClient) -> Self {
        Self { http, without_usage: Arc::default() }
    }

    /// Sends a request and returns its answer once the server has accepted it. Retries up to
    /// `provider.request_max_retries` times, silently, on 5xx and on transport errors; never on another status.
    ///
    /// `cancel` ends the call and the reading of its answer.
    ///
    /// # Errors
    /// Every refusal and every failure before the first byte of the stream.
    pub async fn stream(
        &self,
        provider: &Provider,
        request: &ModelRequest<'_>,
        headers: &RequestHeaders,
        cancel: &CancellationToken,
    ) -> Result<ResponseStream, ModelError> {
        self.stream_bytes(provider, request.to_bytes(provider)?, headers, cancel).await
    }

    /// Like [`ModelClient::stream`], for a request that is bytes already, so that nothing it was made of is borrowed
    /// while the server answers.
    ///
    /// # Errors
    /// As [`ModelClient::stream`].
    pub async fn stream_bytes(
        &self,
        provider: &Provider,
        body: Vec<u8>,
        headers: &RequestHeaders,
        cancel: &CancellationToken,
    ) -> Result<ResponseStream, ModelError> {
        let response = match provider.wire {
            Wire::Responses => self.send(provider, "responses", body, headers, cancel).await?,
            Wire::Chat => self.send_chat(provider, body, headers, cancel).await?,
        };
        let idle_timeout = Duration::from_millis(provider.stream_idle_timeout_ms);
        Ok(ResponseStream::new(response, provider.wire, idle_timeout, cancel.clone()))
    }

    /// Sends a request of the Chat Completions API. A server that does not know `stream_options` gets it once more
    /// without, and from then on always so.
    async fn send_chat(
        &self,
        provider: &Provider,
        body: Vec<u8>,
        headers: &RequestHeaders,
        cancel: &CancellationToken,
    ) -> Result<RawResponse, ModelError> {
        let refuses = || self.without_usage.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(plain) = chat::without_usage(&body) else {
            return self.send(provider, chat::PATH, body, headers, cancel).await;
        };
        let is_known = refuses().contains(&provider.base_url);
        if is_known {
            return self.send(provider, chat::PATH, plain, headers, cancel).await;
        }
        match self.send(provider, chat::PATH, body, headers, cancel).await {
            Err(error) if error.http_status == Some(400) && error.message.contains("stream_options") => {
                let response = self.send(provider, chat::PATH, plain, headers, cancel).await?;
                refuses().insert(provider.base_url.clone());
                Ok(response)
            }
            sent => sent,
        }
    }

    /// Sends a request to this path and returns its answer once the server has accepted it, as described for
    /// [`ModelClient::stream`].
    pub(crate) async fn send(
        &self,
        provider: &Provider,
        path: &str,
        body: Vec<u8>,
        headers: &RequestHeaders,
        cancel: &CancellationToken,
    ) -> Result<RawResponse, ModelError> {
        let call = unless_cancelled(cancel, self.prepare(provider, path, body, headers)).await??;
        let idle_timeout = Duration::from_millis(provider.stream_idle_timeout_ms);
        let mut retry = 0;
        loop {
            // A server that accepts a request and then says nothing is as silent as one that does so later on.
            let sent = unless_cancelled(cancel, timeout(idle_timeout, call.send()))
                .await?
                .unwrap_or_else(|_elapsed| Err(ModelError::idle(idle_timeout)));
            let may_retry = retry < provider.request_max_retries;
            let cause = match sent {
                Ok(response) if response.status.is_success() => return Ok(response),
                Ok(response) if response.status.is_server_error() && may_retry => response.status.to_string(),
                Ok(response) => return Err(call.refused(response, idle_timeout, cancel).await),
                Err(error) if error.kind == ModelErrorKind::Connect && may_retry => error.message,
                Err(error) => return Err(error),
            };
            retry += 1;
            let delay = backoff(retry);
            tracing::debug!(retry, cause, delay_ms = delay.as_millis(), "sending a model request again");
            unless_cancelled(cancel, sleep(delay)).await?;
        }
    }

    async fn prepare<'a>(
        &'a self,
        provider: &'a Provider,
        path: &str,
        body: Vec<u8>,
        headers: &RequestHeaders,
    ) -> Result<Call<'a>, ModelError> {
        match &provider.kind {
            ProviderKind::Offline(script) => Ok(Call::Offline { script, body }),
            ProviderKind::Http => {
                let url = provider.url(path)?;
                let client =
                    self.http.get().await.map_err(|error| ModelError::invalid_provider(error.to_string()))?;
                let request = client
                    .post(url.clone())
                    .headers(headers.resolve(provider))
                    .body(body)
                    .build()
                    .map_err(|error| ModelError::invalid_provider(reason(error)))?;
                Ok(Call::Http { client, request: Box::new(request), url })
            }
        }
    }
}

impl Call<'_> {
    async fn send(&self) -> Result<RawResponse, ModelError> {
        match self {
            Self::Http { client, request, url } => {
                // The copy shares the body's bytes.
                let request = request
                    .try_clone()
                    .ok_or_else(|| ModelError::unreachable(url, "the request cannot be repeated"))?;
                let sent = client.execute(request).await;
                let response = sent.map_err(|error| ModelError::unreachable(url, &reason(error)))?;
                Ok(RawResponse {
                    status: response.status(),
                    headers: response.headers().clone(),
                    body: Transport::Http(Box::new(response)),
                })
            }
            Self::Offline { script, body } => Ok(script.answer(body)),
        }
    }

    async fn refused(
        &self,
        response: RawResponse,
        idle_timeout: Duration,
        cancel: &CancellationToken,
    ) -> ModelError {
        let mut body = Body::new(response.body, idle_timeout, cancel.clone());
        let said = match body.read_start(MAX_REFUSAL_BYTES).await {
            Ok(said) => said,
            Err(error) => return error,
        };
        let url = match self {
            Self::Http { url, .. } => shown_url(url),
            Self::Offline { .. } => "offline".to_owned(),
        };
        ModelError::status(response.status, &response.headers, &said, &url)
    }
}

async fn unless_cancelled<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = T>,
) -> Result<T, ModelError> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(ModelError::cancelled()),
        done = work => Ok(done),
    }
}
