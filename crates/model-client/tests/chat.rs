//! The Chat Completions wire against the scripted server: the same answers as over the other wire, and what servers of
//! this one do of their own.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use app_server_model_client::{ModelErrorKind, ModelEvent, OutputItemKind, Provider, RequestHeaders};
use app_server_test_support::{Answer, MockModel, events};
use common::{ask, chat, client, collect, http, outcome, request, text_of};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// What a turn sees of an answer, without the ids that the wire does not carry.
fn shown(events: &[ModelEvent]) -> Vec<String> {
    let kind = |kind: &OutputItemKind| match kind {
        OutputItemKind::Message { text, .. } => format!("message {text:?}"),
        OutputItemKind::Reasoning { content, .. } => format!("reasoning {content:?}"),
        OutputItemKind::FunctionCall { call_id, name, arguments, .. } => {
            format!("{call_id} {name} {arguments}")
        }
        other => format!("{other:?}"),
    };
    events
        .iter()
        .map(|event| match event {
            ModelEvent::ItemAdded(item) => format!("added {}", kind(&item.kind)),
            ModelEvent::ItemDone(item) => format!("done {}", kind(&item.kind)),
            event => format!("{event:?}"),
        })
        .collect()
}

async fn read(provider: &Provider) -> (Vec<ModelEvent>, Option<ModelErrorKind>) {
    let (events, error) = collect(&mut ask(provider).await.unwrap()).await;
    (events, error.map(|error| error.kind))
}

fn answers() -> Vec<Answer> {
    let call = |id: &str| events::function_call(id, "shell", &json!({"cmd": "ls"}));
    vec![
        Answer::message("Hello there"),
        Answer::response([events::reasoning_text("rs_1", "I think so"), events::message("msg_1", "yes")]),
        Answer::response([
            events::reasoning_text("rs_1", "two at once"),
            events::message("msg_1", "I look"),
            call("call_1"),
            call("call_2"),
        ]),
        Answer::events([events::created("r"), events::failed("context_length_exceeded", "too long")]),
        Answer::events([events::created("r"), events::failed("rate_limit_exceeded", "slow down")]),
        Answer::events([events::created("r"), events::incomplete("content_filter")]),
        Answer::events(events::message("msg_1", "half an ans")).cut(),
    ]
}

#[tokio::test]
async fn one_script_gives_the_same_events_over_both_wires() {
    let (first, second) = (MockModel::start(answers()).await, MockModel::start(answers()).await);
    for _ in answers() {
        let (responses, error) = read(&http(&first)).await;
        let (chunks, chat_error) = read(&chat(&second)).await;
        let mut expected = shown(&responses);
        if error == Some(ModelErrorKind::StreamClosed) && chat_error == error {
            // A broken stream: how far each got is a matter of the blocks it is cut into.
            expected.retain(|line| !line.starts_with("done"));
            let seen: Vec<String> = shown(&chunks).into_iter().filter(|line| line != "Created").collect();
            expected.retain(|line| line != "Created");
            assert_eq!(seen, expected);
            continue;
        }
        assert_eq!(shown(&chunks), expected);
        assert_eq!(chat_error, error);
    }
    for (sent, path) in [(&first, "/v1/responses"), (&second, "/v1/chat/completions")] {
        assert!(sent.requests().iter().all(|request| request.path == path));
    }
}

#[tokio::test]
async fn what_is_sent() {
    let model = MockModel::start([Answer::message("hi")]).await;
    let headers = RequestHeaders {
        session_id: "thread-1".to_owned(),
        web_search_eligible: Some(true),
        ..RequestHeaders::default()
    };
    let mut stream =
        client().stream(&chat(&model), &request(), &headers, &CancellationToken::new()).await.unwrap();
    assert_eq!(text_of(&collect(&mut stream).await.0), "hi");
    let sent = model.requests().remove(0);
    assert_eq!(
        sent.body,
        json!({"model": "m", "messages": [], "stream": true, "stream_options": {"include_usage": true}})
    );
    assert_eq!(sent.header("session_id"), Some("thread-1"));
    assert_eq!(sent.header("x-oai-web-search-eligible"), None);
}

#[tokio::test]
async fn a_server_that_does_not_know_the_usage_option_is_asked_once_more() {
    let model = MockModel::start_with(|request| match request.body.get("stream_options") {
        Some(_) => Answer::json(400, &json!({"error": {"message": "unknown field: stream_options"}})),
        None => Answer::message("hi"),
    })
    .await;
    let (client, provider) = (client(), chat(&model));
    let ask = || async {
        let (request, headers, never) = (request(), RequestHeaders::default(), CancellationToken::new());
        let mut stream = client.stream(&provider, &request, &headers, &never).await.unwrap();
        text_of(&collect(&mut stream).await.0)
    };
    assert_eq!(ask().await, "hi");
    assert_eq!(model.requests().len(), 2);
    // It is remembered.
    assert_eq!(ask().await, "hi");
    assert_eq!(model.requests().len(), 3);
}

#[tokio::test]
async fn refusals_are_told_like_those_of_the_other_wire() {
    for (status, body) in [
        (400, json!({"error": {"message": "why", "code": "context_length_exceeded"}})),
        (400, json!({"error": {"message": "why", "code": 400}})),
        (404, json!({"error": {"message": "no such page"}})),
        (429, json!({"error": {"message": "slow down"}})),
        (500, json!({})),
    ] {
        let model = MockModel::start_with(move |_| Answer::json(status, &body)).await;
        let responses = ask(&http(&model)).await.unwrap_err();
        let chat = ask(&chat(&model)).await.unwrap_err();
        let message = chat.message.replace("/chat/completions", "/responses");
        assert_eq!((chat.kind, message), (responses.kind, responses.message));
    }
}

fn chunk(delta: &Value, finish_reason: Option<&str>) -> Value {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish_reason});
    json!(format!("data: {}\n\n", json!({"id": "r", "choices": [choice]})))
}

#[tokio::test]
async fn a_whole_answer_counts_however_the_connection_ends() {
    let said = || Answer::events([chunk(&json!({"content": "hi"}), None), chunk(&json!({}), Some("stop"))]);
    let model = MockModel::start([said(), said().cut(), said().hang()]).await;
    let mut provider = chat(&model);
    provider.stream_idle_timeout_ms = 300;
    for _ in 0..3 {
        let (events, error) = read(&provider).await;
        assert_eq!(error, None);
        assert!(matches!(events.last(), Some(ModelEvent::Completed { .. })));
        assert_eq!(text_of(&events), "hi");
    }
    // While a body that is no stream is no answer.
    let model = MockModel::start([Answer::json(200, &json!({"choices": []}))]).await;
    assert!(outcome(&chat(&model)).await.contains("before any answer"));
}

/// Cut anywhere, cleanly or not: the events are a prefix of the whole, but for the completion of what was open.
#[tokio::test]
async fn an_answer_cut_at_every_byte() {
    let function = json!({"name": "f", "arguments": "{\"a\":1}"});
    let blocks = [
        chunk(&json!({"content": "a\u{e9}\u{1f980}"}), None),
        chunk(&json!({"tool_calls": [{"index": 0, "id": "c", "function": function}]}), None),
        chunk(&json!({}), Some("tool_calls")),
        json!("data: [DONE]\n\n"),
    ];
    let whole: String = blocks.iter().filter_map(Value::as_str).collect();
    let finished_from = whole.find("data: [DONE]").unwrap();
    let bytes = whole.into_bytes();
    let model = MockModel::start(
        (0..=bytes.len()).flat_map(|cut| [Answer::raw(&bytes[..cut]), Answer::raw(&bytes[..cut]).cut()]),
    )
    .await;
    let provider = chat(&model);
    for cut in 0..=bytes.len() {
        for clean in [true, false] {
            let (events, error) = read(&provider).await;
            if !clean {
                assert_eq!(error.is_none(), cut >= finished_from, "cut at {cut}");
            }
            let calls = events.iter().filter(
                |event| matches!(event, ModelEvent::ItemDone(item) if matches!(item.kind, OutputItemKind::FunctionCall { .. })),
            );
            let calls = calls.count();
            assert!(calls <= 1 && (calls == 1 || cut < finished_from), "cut at {cut}: {events:?}");
        }
    }
}
