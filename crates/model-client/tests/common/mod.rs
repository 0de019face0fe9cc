//! What the tests of this crate share.

#![allow(dead_code, reason = "each test program uses a part of it")]

use app_server_http::{HttpClient, NetworkOptions};
use app_server_model_client::{
    ModelClient, ModelError, ModelEvent, ModelRequest, OfflineScript, Provider, ProviderKind, RequestHeaders,
    ResponseStream, Wire,
};
use app_server_test_support::MockModel;
use tokio_util::sync::CancellationToken;

/// A provider for the scripted server: no retries, a time-out that is long but not forever.
pub(crate) fn http(model: &MockModel) -> Provider {
    Provider {
        id: "mock".to_owned(),
        name: "mock".to_owned(),
        base_url: model.base_url(),
        stream_idle_timeout_ms: 20_000,
        kind: ProviderKind::Http,
        ..Provider::offline(OfflineScript::builtin())
    }
}

/// The same server, spoken to in the other form.
pub(crate) fn chat(model: &MockModel) -> Provider {
    Provider { wire: Wire::Chat, ..http(model) }
}

/// The smallest request there is.
pub(crate) fn request() -> ModelRequest<'static> {
    ModelRequest {
        model: "m",
        instructions: "",
        input: &[],
        tools: &[],
        parallel_tool_calls: false,
        reasoning: None,
        prompt_cache_key: None,
        text: None,
        service_tier: None,
    }
}

/// A client that goes past any proxy the machine may have.
pub(crate) fn client() -> ModelClient {
    ModelClient::new(HttpClient::new(NetworkOptions { ca_bundle: None, ignore_proxies: true }))
}

/// Sends the smallest request.
pub(crate) async fn ask(provider: &Provider) -> Result<ResponseStream, ModelError> {
    client().stream(provider, &request(), &RequestHeaders::default(), &CancellationToken::new()).await
}

/// Reads a stream to its end.
pub(crate) async fn collect(stream: &mut ResponseStream) -> (Vec<ModelEvent>, Option<ModelError>) {
    let mut events = Vec::new();
    loop {
        match stream.next().await {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return (events, None),
            Err(error) => return (events, Some(error)),
        }
    }
}

/// All text deltas together.
pub(crate) fn text_of(events: &[ModelEvent]) -> String {
    events
        .iter()
        .filter_map(|event| match event {
            ModelEvent::TextDelta { delta } => Some(delta.as_str()),
            _ => None,
        })
        .collect()
}

/// All that a turn can see of one request, as text.
pub(crate) async fn outcome(provider: &Provider) -> String {
    let mut stream = match ask(provider).await {
        Ok(stream) => stream,
        Err(error) => return format!("refused: {}", shown(&error)),
    };
    let (events, error) = collect(&mut stream).await;
    let events: Vec<String> = events.iter().map(|event| format!("{event:?}")).collect();
    let end = error.map_or_else(|| "complete".to_owned(), |error| shown(&error));
    format!("{} | {end}", events.join(" "))
}

fn shown(error: &ModelError) -> String {
    format!("{:?} {:?} {:?}: {error}", error.kind, error.http_status, error.retry_after)
}
