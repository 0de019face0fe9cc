//! The client against a scripted server on loopback: what is sent, what comes back, what is tried again.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use app_server_http::{HttpClient, NetworkOptions, Secret};
use app_server_model_client::{
    CompactRequest, ModelClient, ModelErrorKind, ModelEvent, OutputItemKind, RequestHeaders, Usage,
};
use app_server_test_support::{Answer, Gate, MockModel, events};
use common::{ask, client, collect, http, outcome, request, text_of};
use expect_test::{Expect, expect};
use pretty_assertions::assert_eq;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_request_and_its_answer() {
    let model = MockModel::start([Answer::response([
        events::reasoning("rs_1", &["**Think**"]),
        events::message("msg_1", "Hello there"),
        events::function_call("call_1", "shell", &json!({"cmd": "ls"})),
    ])
    .header("x-codex-turn-state", "state-1")
    .header("x-models-etag", "etag-1")
    .header("x-reasoning-included", "true")
    .header("x-request-id", "req_1")
    .header("x-codex-primary-used-percent", "42.5")])
    .await;
    let mut provider = http(&model);
    provider.query_params = vec![("api-version".to_owned(), "1".to_owned())];
    provider.headers = vec![("x-team".to_owned(), "blue".to_owned())];
    let headers = RequestHeaders {
        bearer: Some(Secret::new("sk-1")),
        session_id: "thread-1".to_owned(),
        ..RequestHeaders::default()
    };
    let mut stream = ModelClient::default()
        .stream(&provider, &request(), &headers, &CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(stream.turn_state.as_deref(), Some("state-1"));
    assert_eq!(stream.models_etag.as_deref(), Some("etag-1"));
    assert_eq!(stream.request_id.as_deref(), Some("req_1"));
    assert!(stream.reasoning_included);
    assert_eq!(stream.rate_limits.main.primary.unwrap().used_percent, 42.5);

    let (seen, error) = collect(&mut stream).await;
    assert!(error.is_none());
    let lines: Vec<String> = seen
        .iter()
        .map(|event| match event {
            ModelEvent::ItemAdded(item) => format!("added {:?}\n", item.kind),
            ModelEvent::ItemDone(item) => format!("done {:?}\n", item.kind),
            event => format!("{event:?}\n"),
        })
        .collect();
    expect![[r#"
        Created
        added Reasoning { id: Some("rs_1"), summary: [], content: [] }
        ReasoningSummaryPartAdded { summary_index: 0 }
        ReasoningSummaryDelta { delta: "**Think**", summary_index: 0 }
        done Reasoning { id: Some("rs_1"), summary: ["**Think**"], content: [] }
        added Message { id: Some("msg_1"), role: "assistant", text: "", phase: None }
        TextDelta { delta: "Hello " }
        TextDelta { delta: "there" }
        done Message { id: Some("msg_1"), role: "assistant", text: "Hello there", phase: None }
        done FunctionCall { id: Some("fc_call_1"), call_id: "call_1", name: "shell", namespace: None, arguments: "{\"cmd\":\"ls\"}" }
        Completed { response_id: "resp_1", usage: Some(Usage { input_tokens: 10, cached_input_tokens: 0, cache_write_input_tokens: 0, output_tokens: 5, reasoning_output_tokens: 0, total_tokens: 15 }) }
    "#]].assert_eq(&lines.concat());

    let sent = &model.requests()[0];
    assert_eq!((sent.method.as_str(), sent.path.as_str()), ("POST", "/v1/responses?api-version=1"));
    for (name, value) in [
        ("authorization", "Bearer sk-1"),
        ("session_id", "thread-1"),
        ("session-id", "thread-1"),
        ("x-team", "blue"),
        ("accept", "text/event-stream"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(sent.header(name), Some(value), "{name}");
    }
    assert_eq!(sent.body["model"], "m");
    assert_eq!(sent.body["stream"], true);
}

async fn check_end(answer: Answer, expected: &Expect) {
    let model = MockModel::start([answer]).await;
    expected.assert_eq(&outcome(&http(&model)).await);
}

#[tokio::test]
async fn how_streams_end() {
    let created = || events::created("r");
    let done = || events::completed("r", &Value::Null);
    check_end(
        Answer::events([created(), done()]),
        &expect![[r#"Created Completed { response_id: "r", usage: None } | complete"#]],
    )
    .await;
    check_end(
        Answer::events([done()]),
        &expect![[r#"Completed { response_id: "r", usage: None } | complete"#]],
    )
    .await;
    check_end(
        Answer::events([json!({"type": "response.done"})]),
        &expect![[r#"Completed { response_id: "", usage: None } | complete"#]],
    )
    .await;
    check_end(Answer::events([created()]), &expect!["Created | StreamClosed None None: the model's answer broke off: the stream ended before response.completed"]).await;
    check_end(Answer::events([]), &expect![" | StreamClosed None None: the model's answer broke off: the stream ended before response.completed"]).await;
    check_end(Answer::json(200, &json!({"id": "x"})), &expect![" | StreamClosed None None: the model's answer broke off: the stream ended before response.completed"]).await;
    check_end(
        Answer::events([created(), events::incomplete("max_output_tokens")]),
        &expect![
            "Created | Incomplete None None: the model's answer is incomplete, reason: max_output_tokens"
        ],
    )
    .await;
    check_end(
        Answer::events([created(), events::incomplete("content_filter")]),
        &expect![
            "Created | StreamClosed None None: the model's answer is incomplete, reason: content_filter"
        ],
    )
    .await;
    check_end(Answer::events([events::failed("context_length_exceeded", "too long")]), &expect![" | ContextWindowExceeded None None: the conversation no longer fits into the model's context window: start a new thread or compact this one"]).await;
    check_end(
        Answer::events([events::failed("other", "why")]),
        &expect![" | StreamClosed None None: the model's answer broke off: why"],
    )
    .await;
    // A completion after all wins; the way the connection goes down after a failure does not matter.
    check_end(
        Answer::events([events::failed("invalid_prompt", "no"), done()]),
        &expect![[r#"Completed { response_id: "r", usage: None } | complete"#]],
    )
    .await;
    check_end(
        Answer::events([events::failed("invalid_prompt", "no")]).cut(),
        &expect![" | InvalidPrompt None None: no"],
    )
    .await;
    // The last block may lack its blank line.
    check_end(
        Answer::raw("data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\"}}"),
        &expect![[r#"Completed { response_id: "r", usage: None } | complete"#]],
    )
    .await;
    // Noise of all kinds.
    check_end(
        Answer::events([
            json!(": comment\n\nretry: 5\n\ndata: [DONE]\n\ndata: {\"x\n\n\n\n"),
            json!({"type": "response.brand_new", "x": 1}),
            events::item_done(&json!({"type": "function_call", "name": "no call id"})),
            events::item_done(&json!({"type": "brand_new_item"})),
            done(),
        ]),
        &expect![[r#"ItemDone(OutputItem { raw: RawValue({"type":"brand_new_item"}), kind: Other { kind: "brand_new_item" } }) Completed { response_id: "r", usage: None } | complete"#]],
    )
    .await;
}

#[tokio::test]
async fn a_server_compacts_a_history() {
    let item = json!({"type": "compaction", "encrypted_content": "x"});
    let answers = [
        Answer::json(500, &json!({})),
        Answer::json(200, &json!({"output": [item]})),
        Answer::json(200, &json!({"output": []})),
        Answer::text(200, "no JSON"),
        Answer::json(400, &json!({"error": {"code": "context_length_exceeded", "message": "too long"}})),
    ];
    let model = MockModel::start(answers).await;
    let mut provider = http(&model);
    provider.request_max_retries = 1;
    let words = serde_json::value::to_raw_value(&json!({"type": "message"})).unwrap();
    let request = CompactRequest { model: "m", input: &[&words], instructions: "be kind" };
    let (client, headers, cancel) = (client(), RequestHeaders::default(), CancellationToken::new());
    let compact = || client.compact_bytes(&provider, request.to_bytes(), &headers, &cancel);
    let items = compact().await.unwrap();
    assert_eq!(items.iter().map(|item| item.get()).collect::<Vec<_>>(), [item.to_string()]);
    for kind in
        [ModelErrorKind::StreamClosed, ModelErrorKind::StreamClosed, ModelErrorKind::ContextWindowExceeded]
    {
        assert_eq!(compact().await.unwrap_err().kind, kind);
    }
    let sent = model.requests().swap_remove(1);
    assert_eq!(sent.path.split('?').next(), Some("/v1/responses/compact"));
    assert_eq!(sent.body, json!({"model": "m", "input": [{"type": "message"}], "instructions": "be kind"}));
    cancel.cancel();
    assert_eq!(compact().await.unwrap_err().kind, ModelErrorKind::Cancelled);
}

#[tokio::test]
async fn a_broken_connection_is_a_closed_stream() {
    let model = MockModel::start([Answer::events([events::created("r")]).cut()]).await;
    let (seen, error) = collect(&mut ask(&http(&model)).await.unwrap()).await;
    let error = error.unwrap();
    assert_eq!((seen.len(), &error.kind), (1, &ModelErrorKind::StreamClosed));
    assert!(error.retryable());
}

/// A completed response gives its connection back, which saves the next one a handshake. Whether it is back in time for
/// a request sent at once is a matter of luck, hence the many.
#[tokio::test]
async fn connections_are_used_again() {
    const REQUESTS: usize = 50;
    let model = MockModel::start((0..REQUESTS).map(|_| Answer::message("hi"))).await;
    let (client, provider) = (client(), http(&model));
    for _ in 0..REQUESTS {
        let mut stream = client
            .stream(&provider, &request(), &RequestHeaders::default(), &CancellationToken::new())
            .await
            .unwrap();
        assert!(collect(&mut stream).await.1.is_none());
    }
    assert!(model.connections_seen() < REQUESTS, "{} connections", model.connections_seen());
}

/// Each refusal with one retry allowed: what the turn gets, and how often the server was asked.
async fn check_refusal(status: u16, body: Value, expected: &Expect) {
    let model = MockModel::start_with(move |_| Answer::json(status, &body)).await;
    let mut provider = http(&model);
    provider.request_max_retries = 1;
    let error = ask(&provider).await.unwrap_err();
    assert_eq!(error.http_status, Some(status));
    let retry = if error.retryable() { "retry" } else { "final" };
    let message = error.message.replace(&model.port().to_string(), "<port>");
    expected.assert_eq(&format!("{} requests, {:?}, {retry}: {message}", model.requests().len(), error.kind));
}

#[tokio::test]
async fn refusals() {
    let error = |code: &str| json!({"error": {"message": "why", "code": code}});
    check_refusal(
        400,
        error("x"),
        &expect![[r#"1 requests, InvalidRequest, final: {"error":{"message":"why","code":"x"}}"#]],
    )
    .await;
    check_refusal(400, error("context_length_exceeded"), &expect!["1 requests, ContextWindowExceeded, final: the conversation no longer fits into the model's context window: start a new thread or compact this one"]).await;
    check_refusal(401, error("invalid_api_key"), &expect!["1 requests, Unauthorized, final: unexpected status 401 Unauthorized: why, url: http://127.0.0.1:<port>/v1/responses"]).await;
    check_refusal(403, error("x"), &expect!["1 requests, UnexpectedStatus, retry: unexpected status 403 Forbidden: why, url: http://127.0.0.1:<port>/v1/responses"]).await;
    check_refusal(404, error("x"), &expect!["1 requests, UnexpectedStatus, retry: unexpected status 404 Not Found: why, url: http://127.0.0.1:<port>/v1/responses"]).await;
    check_refusal(404, error("model_not_found"), &expect!["1 requests, ModelNotFound, final: why"]).await;
    check_refusal(405, error("x"), &expect!["1 requests, UnexpectedStatus, retry: unexpected status 405 Method Not Allowed: why, url: http://127.0.0.1:<port>/v1/responses"]).await;
    check_refusal(429, json!({"error": {"type": "usage_limit_reached", "resets_at": 7}}), &expect!["1 requests, UsageLimit { plan_type: None, resets_at: Some(7) }, final: the usage limit is reached"]).await;
    check_refusal(
        429,
        json!({"error": {"type": "usage_not_included"}}),
        &expect!["1 requests, QuotaExceeded, final: the account's plan does not include this model"],
    )
    .await;
    check_refusal(
        429,
        error("rate_limit_exceeded"),
        &expect!["1 requests, TooManyRequests, final: the model's server answers 429 Too Many Requests: why"],
    )
    .await;
    check_refusal(
        500,
        error("x"),
        &expect!["2 requests, InternalServerError, retry: the model's server has a problem: why"],
    )
    .await;
    check_refusal(502, error("x"), &expect!["2 requests, UnexpectedStatus, retry: unexpected status 502 Bad Gateway: why, url: http://127.0.0.1:<port>/v1/responses"]).await;
    check_refusal(503, error("x"), &expect!["2 requests, UnexpectedStatus, retry: unexpected status 503 Service Unavailable: why, url: http://127.0.0.1:<port>/v1/responses"]).await;
    check_refusal(
        503,
        error("server_is_overloaded"),
        &expect![
            "2 requests, Overloaded, final: the model is at capacity: try again later or choose another one"
        ],
    )
    .await;
    check_refusal(
        503,
        error("slow_down"),
        &expect!["2 requests, RateLimited, retry: rate limit exceeded: why"],
    )
    .await;
}

#[tokio::test]
async fn a_refusal_is_understood_as_far_as_its_body_came() {
    let model = MockModel::start([Answer::text(400, "first half, second half").cut()]).await;
    let error = ask(&http(&model)).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ModelErrorKind::InvalidRequest, "first half,"));
}

#[tokio::test]
async fn limits_of_a_refusal_are_kept() {
    let model =
        MockModel::start([Answer::json(429, &json!({})).header("x-codex-primary-used-percent", "100")]).await;
    let error = ask(&http(&model)).await.unwrap_err();
    assert_eq!(error.rate_limits.unwrap().main.primary.unwrap().used_percent, 100.0);
}

#[tokio::test]
async fn a_retry_may_succeed() {
    let model =
        MockModel::start([Answer::hang_up(), Answer::json(503, &json!({})), Answer::message("at last")])
            .await;
    let mut provider = http(&model);
    provider.request_max_retries = 2;
    let mut stream = ask(&provider).await.unwrap();
    assert_eq!(text_of(&collect(&mut stream).await.0), "at last");
    let requests = model.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0].body, requests[2].body);
}

#[tokio::test]
async fn nobody_listens() {
    let model = MockModel::start([]).await;
    let mut provider = http(&model);
    provider.base_url = "http://user:sk-1@127.0.0.1:1/v1".to_owned();
    provider.query_params = vec![("key".to_owned(), "sk-2".to_owned())];
    let error = ask(&provider).await.unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::Connect);
    assert!(error.retryable());
    assert_eq!(error.http_status, None);
    assert!(error.message.contains("http://127.0.0.1:1/v1/responses"), "{}", error.message);
    assert!(!error.message.contains("sk-"), "{}", error.message);
}

#[tokio::test]
async fn a_provider_that_cannot_work_is_named() {
    let model = MockModel::start([]).await;
    let mut provider = http(&model);
    provider.base_url = "models.example/v1".to_owned();
    let error = ask(&provider).await.unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::InvalidProvider);

    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate here").unwrap();
    let missing = folder.path().join("missing.pem");
    for ca_bundle in [empty, missing] {
        let options = NetworkOptions { ca_bundle: Some(ca_bundle.clone()), ignore_proxies: true };
        let error = ModelClient::new(HttpClient::new(options))
            .stream(&http(&model), &request(), &RequestHeaders::default(), &CancellationToken::new())
            .await
            .unwrap_err();
        assert_eq!(error.kind, ModelErrorKind::InvalidProvider);
        assert!(error.message.contains(&ca_bundle.display().to_string()), "{}", error.message);
    }
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn silence_is_not_waited_out() {
    let model = MockModel::start([Answer::stall(), Answer::events([events::created("r")]).hang()]).await;
    let mut provider = http(&model);
    provider.stream_idle_timeout_ms = 300;
    // Neither before the answer,
    let error = ask(&provider).await.unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::IdleTimeout);
    assert!(error.retryable());
    // nor within it.
    let mut stream = ask(&provider).await.unwrap();
    let (_, error) = collect(&mut stream).await;
    assert_eq!(error.unwrap().kind, ModelErrorKind::IdleTimeout);
    model.disconnects_seen(2).await;
}

#[tokio::test]
async fn cancelling_ends_the_wait_and_the_connection() {
    let gate = Gate::new();
    let model = MockModel::start([Answer::stall(), Answer::events([events::created("r")]).gate(&gate)]).await;
    let provider = http(&model);

    // Before the answer.
    let cancel = CancellationToken::new();
    let client = client();
    let (request, headers) = (request(), RequestHeaders::default());
    let call = client.stream(&provider, &request, &headers, &cancel);
    let (result, ()) = tokio::join!(call, async {
        model.requests_seen(1).await;
        cancel.cancel();
    });
    assert_eq!(result.unwrap_err().kind, ModelErrorKind::Cancelled);
    model.disconnects_seen(1).await;

    // Within it.
    let cancel = CancellationToken::new();
    let mut stream = client.stream(&provider, &request, &headers, &cancel).await.unwrap();
    assert!(matches!(stream.next().await, Ok(Some(ModelEvent::Created))));
    let (result, ()) = tokio::join!(stream.next(), async {
        gate.reached().await;
        cancel.cancel();
    });
    assert_eq!(result.unwrap_err().kind, ModelErrorKind::Cancelled);
    assert!(matches!(stream.next().await, Ok(None)), "an error is returned once");
    model.disconnects_seen(2).await;

    // From the start.
    let result = client.stream(&provider, &request, &headers, &cancel).await;
    assert_eq!(result.unwrap_err().kind, ModelErrorKind::Cancelled);
    assert_eq!(model.requests().len(), 2);
}

#[tokio::test]
async fn a_dropped_wait_loses_nothing() {
    let gate = Gate::new();
    let model = MockModel::start([Answer::events([events::created("r")])
        .gate(&gate)
        .and(events::message("msg_1", "one two three"))
        .and([events::completed("r", &Value::Null)])])
    .await;
    let mut stream = ask(&http(&model)).await.unwrap();
    assert!(matches!(stream.next().await, Ok(Some(ModelEvent::Created))));
    tokio::select! {
        biased;
        event = stream.next() => panic!("nothing was sent yet: {event:?}"),
        () = gate.reached() => {}
    }
    gate.open();
    assert_eq!(text_of(&collect(&mut stream).await.0), "one two three");
}

#[tokio::test]
async fn reading_stops_at_completion() {
    let model =
        MockModel::start([Answer::message("done").and(events::message("msg_2", "more")).hang()]).await;
    let mut stream = ask(&http(&model)).await.unwrap();
    let (seen, error) = collect(&mut stream).await;
    assert!(error.is_none());
    assert!(matches!(seen.last(), Some(ModelEvent::Completed { .. })));
    assert_eq!(text_of(&seen), "done");
    // The stream is still held, but the connection is not.
    model.disconnects_seen(1).await;
}

#[tokio::test]
async fn deltas_keep_their_order_whatever_their_number() {
    let words: Vec<String> = (0..20_000).map(|n| format!("{n} \u{e9} ")).collect();
    let message = events::message_of("msg_1", words.iter().map(String::as_str), None);
    let model = MockModel::start([Answer::response([message])]).await;
    let mut stream = ask(&http(&model)).await.unwrap();
    let (seen, error) = collect(&mut stream).await;
    assert!(error.is_none());
    assert_eq!(seen.iter().filter(|event| matches!(event, ModelEvent::TextDelta { .. })).count(), 20_000);
    assert_eq!(text_of(&seen), words.concat());
}

#[tokio::test]
async fn a_huge_event_is_one_event() {
    let text = "\u{1f980}".repeat(2_000_000);
    let model =
        MockModel::start([Answer::response([events::message_of("msg_1", [text.as_str()], None)])]).await;
    let mut stream = ask(&http(&model)).await.unwrap();
    let (seen, error) = collect(&mut stream).await;
    assert!(error.is_none());
    assert!(seen.iter().any(|event| matches!(
        event,
        ModelEvent::ItemDone(item) if matches!(&item.kind, OutputItemKind::Message { text: done, .. } if *done == text)
    )));
    assert!(seen.iter().any(|event| matches!(
        event,
        ModelEvent::Completed { usage: Some(Usage { total_tokens: 15, .. }), .. }
    )));
}

/// Cut anywhere, cleanly or not: the events are a prefix of the whole, and a response counts as complete exactly when
/// all of its completion arrived.
#[tokio::test]
async fn a_stream_cut_at_every_byte() {
    let whole = [
        events::created("r"),
        events::text_delta("m", "a\u{e9}\u{1f980}"),
        events::item_done(&json!({"type": "message", "role": "assistant", "content": []})),
        events::completed("r", &Value::Null),
    ]
    .iter()
    .map(|event| format!("data: {event}\r\n\r\n"))
    .collect::<String>();
    // Without its blank line the completion is understood all the same.
    let complete_from = whole.len() - "\r\n\r\n".len();
    let bytes = whole.clone().into_bytes();
    let model = MockModel::start(
        (0..=bytes.len()).flat_map(|cut| [Answer::raw(&bytes[..cut]), Answer::raw(&bytes[..cut]).cut()]),
    )
    .await;
    let provider = http(&model);
    let client = client();
    let (request, headers, never) = (request(), RequestHeaders::default(), CancellationToken::new());
    let mut all: Vec<String> = Vec::new();
    for cut in 0..=bytes.len() {
        for clean in [true, false] {
            let mut stream = client.stream(&provider, &request, &headers, &never).await.unwrap();
            let (seen, error) = collect(&mut stream).await;
            let seen: Vec<String> = seen.iter().map(|event| format!("{event:?}")).collect();
            assert!(seen.starts_with(&all) || all.starts_with(&seen), "cut at {cut}: {seen:?}");
            // An unclean end gives no last block the benefit of the doubt.
            let complete = if clean { cut >= complete_from } else { cut == bytes.len() };
            assert_eq!(error.is_none(), complete, "cut at {cut}, clean: {clean}");
            if let Some(error) = error {
                assert_eq!(error.kind, ModelErrorKind::StreamClosed);
            }
            if seen.len() > all.len() {
                all = seen;
            }
        }
    }
    assert_eq!(all.len(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever a server sends, the client returns.
    #[test]
    fn any_bytes_end_somehow(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let model = MockModel::start([Answer::raw(body)]).await;
            let mut stream = ask(&http(&model)).await.unwrap();
            let (_, error) = collect(&mut stream).await;
            assert_eq!(error.unwrap().kind, ModelErrorKind::StreamClosed);
        });
    }
}
