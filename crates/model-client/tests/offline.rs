//! The offline provider: the same behaviour as over HTTP, on a paused clock where time matters.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::time::Duration;

use app_server_model_client::{ModelErrorKind, ModelEvent, OfflineScript, OutputItemKind, Provider};
use app_server_test_support::MockModel;
use app_server_test_support::model::answers_from_transcript;
use common::{ask, collect, http, outcome, text_of};
use pretty_assertions::assert_eq;
use tokio::time::Instant;

fn offline(script: &str) -> Provider {
    Provider::offline(OfflineScript::parse(script).unwrap())
}

/// Answers of every kind, as recorded conversations hold them.
const SCRIPT: &str = r#"
{"dir":"meta","msg":{"scenario":"answers of every kind"}}
{"dir":"model->server","msg":{"status":200,"events":[{"type":"response.created","response":{"id":"resp_1"}},{"type":"response.output_item.added","output_index":0,"item":{"type":"message","role":"assistant","id":"msg_1","content":[]}},{"type":"response.output_text.delta","item_id":"msg_1","delta":"Hello\né"},{"type":"response.output_item.done","item":{"type":"message","role":"assistant","id":"msg_1","content":[{"type":"output_text","text":"Hello\né"}]}},{"type":"response.completed","response":{"id":"resp_1","usage":{"input_tokens":10,"output_tokens":5,"total_tokens":15}}}]}}
{"dir":"model->server","msg":{"status":200,"events":[{"type":"response.created"},"data: {\"type\":\"response.done\"}\n\n"]}}
{"dir":"model->server","msg":{"status":200,"events":[{"type":"response.created"}]}}
{"dir":"server->model","msg":{"method":"POST"}}
{"dir":"model->server","msg":{"status":200,"events":[{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"try again in 20ms"}}}]}}
{"dir":"model->server","msg":{"status":400,"json":{"error":{"message":"bad request body"}}}}
{"dir":"model->server","msg":{"status":429,"headers":{"x-request-id":"req_1"},"json":{"error":{"message":"slow down"}}}}
{"dir":"model->server","msg":{"status":429,"json":{"error":{"type":"usage_limit_reached","plan_type":"pro","resets_at":4102444800}}}}
{"dir":"model->server","msg":{"status":500,"json":{"error":{"message":"oops"}}}}
{"dir":"model->server","msg":{"status":503,"json":{"error":{"code":"server_is_overloaded"}}}}
{"dir":"model->server","msg":{"status":200,"json":{"id":"no stream"}}}
{"dir":"model->server","msg":{"status":200,"text":"no stream"}}
{"dir":"model->server","msg":{"status":200,"events":[{"type":"response.created"}],"delay":0.01,"hang":0.02}}
"#;

#[tokio::test]
async fn a_script_plays_the_same_offline_and_over_http() {
    let model = MockModel::start(answers_from_transcript(SCRIPT).unwrap()).await;
    let http = http(&model);
    let offline = offline(SCRIPT);
    let answers = SCRIPT.matches("model->server").count();
    for index in 0..answers {
        assert_eq!(outcome(&offline).await, outcome(&http).await, "answer {index}");
    }
    assert_eq!(model.requests().len(), answers);
}

#[tokio::test(start_paused = true)]
async fn pauses_are_kept() {
    let provider = offline(
        r#"{"events":[{"type":"response.created"},{"type":"response.created"}],"delay":2,"hang":30}"#,
    );
    let start = Instant::now();
    let mut stream = ask(&provider).await.unwrap();
    stream.next().await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 0);
    stream.next().await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 2);
    let error = stream.next().await.unwrap_err();
    assert_eq!((error.kind, start.elapsed().as_secs()), (ModelErrorKind::StreamClosed, 34));
}

#[tokio::test(start_paused = true)]
async fn a_silence_of_five_minutes_ends_the_stream() {
    let provider = offline(r#"{"events":[{"type":"response.created"}],"delay":290,"hang":1000}"#);
    let start = Instant::now();
    let mut stream = ask(&provider).await.unwrap();
    let (_, error) = collect(&mut stream).await;
    let error = error.unwrap();
    assert_eq!(error.kind, ModelErrorKind::IdleTimeout);
    assert_eq!(start.elapsed().as_secs(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_failure_announced_before_the_silence_is_the_one_raised() {
    let provider = offline(
        r#"{"events":[{"type":"response.failed","response":{"error":{"code":"invalid_prompt","message":"no"}}}],"hang":1000}"#,
    );
    let (_, error) = collect(&mut ask(&provider).await.unwrap()).await;
    assert_eq!(error.unwrap().kind, ModelErrorKind::InvalidPrompt);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_event_count_as_life() {
    let provider =
        offline(r#"{"events":[": a\n\n",": b\n\n",": c\n\n",{"type":"response.done"}],"delay":200}"#);
    let start = Instant::now();
    let (_, error) = collect(&mut ask(&provider).await.unwrap()).await;
    assert!(error.is_none());
    assert_eq!(start.elapsed().as_secs(), 600);
}

#[tokio::test]
async fn a_script_can_cut_the_connection() {
    let provider = offline(r#"{"events":[{"type":"response.created"}],"cut":true}"#);
    let (seen, error) = collect(&mut ask(&provider).await.unwrap()).await;
    assert_eq!((seen.len(), error.unwrap().kind), (1, ModelErrorKind::StreamClosed));
}

#[tokio::test(start_paused = true)]
async fn asking_again_and_again_does_not_prolong_the_silence() {
    let provider = offline(r#"{"events":[{"type":"response.created"}],"hang":1000}"#);
    let mut stream = ask(&provider).await.unwrap();
    stream.next().await.unwrap();
    let start = Instant::now();
    let error = loop {
        if let Ok(result) = tokio::time::timeout(Duration::from_secs(7), stream.next()).await {
            break result.unwrap_err();
        }
    };
    assert_eq!((error.kind, start.elapsed().as_secs()), (ModelErrorKind::IdleTimeout, 300));
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_no_silent_server() {
    let provider = offline(r#"{"events":[{"type":"response.created"},{"type":"response.done"}]}"#);
    let mut stream = ask(&provider).await.unwrap();
    stream.next().await.unwrap();
    tokio::time::sleep(Duration::from_secs(4000)).await;
    assert!(matches!(stream.next().await, Ok(Some(ModelEvent::Completed { .. }))));
}

#[tokio::test(start_paused = true)]
async fn a_failing_server_is_asked_five_times() {
    let mut provider = offline(
        &r#"{"status":500,"json":{}}
"#
        .repeat(6),
    );
    provider.request_max_retries = 4;
    let start = Instant::now();
    let error = ask(&provider).await.unwrap_err();
    assert_eq!(error.kind, ModelErrorKind::InternalServerError);
    // 200 + 400 + 800 + 1600 ms, each 10 % more or less.
    let waited_ms = start.elapsed().as_millis();
    assert!((2700..=3300).contains(&waited_ms), "{waited_ms}");
    assert_eq!(format!("{:?}", provider.kind), "Offline(OfflineScript(1 answers left))");
}

#[tokio::test]
async fn a_script_that_has_run_out_says_so_and_is_not_retried() {
    let provider = offline(r#"{"events":[{"type":"response.done"}]}"#);
    // Shared by all who hold it.
    let other = provider.clone();
    collect(&mut ask(&other).await.unwrap()).await;
    let (_, error) = collect(&mut ask(&provider).await.unwrap()).await;
    let error = error.unwrap();
    assert_eq!(error.kind, ModelErrorKind::InvalidPrompt);
    assert!(!error.retryable());
    assert_eq!(error.message, "the offline script has no answer left after 1");
}

#[tokio::test]
async fn the_built_in_script_answers_every_request() {
    let provider = Provider::offline(OfflineScript::builtin());
    let mut ids = Vec::new();
    for _ in 0..2 {
        let (events, error) = collect(&mut ask(&provider).await.unwrap()).await;
        assert!(error.is_none());
        assert!(text_of(&events).contains("scripted"));
        assert!(
            matches!(events.last(), Some(ModelEvent::Completed { usage: Some(usage), .. }) if usage.output_tokens > 0)
        );
        ids.extend(events.iter().filter_map(|event| match event {
            ModelEvent::ItemDone(item) => match &item.kind {
                OutputItemKind::Message { id, .. } | OutputItemKind::Reasoning { id, .. } => id.clone(),
                _ => None,
            },
            _ => None,
        }));
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((count, ids.len()), (6, 6), "ids are never used twice");
}
