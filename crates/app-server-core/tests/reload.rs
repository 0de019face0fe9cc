//! What a client saw live is what it reads later: threads run on the offline provider, then read and resumed by an
//! actor that knows only the file.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use app_server_config::{ConfigLoader, Environment};
use app_server_core::host::{Answer, Reply};
use app_server_core::thread::{self, ThreadHandle, ThreadOp};
use app_server_core::{Client, Host, KnownSecrets, NoReply, Question, Services, TurnsText};
use app_server_http::HttpClient;
use app_server_protocol::v2::{ThreadItem, ThreadItemKind, ThreadTokenUsage, Turn, TurnStatus};
use app_server_protocol::{RequestId, ServerNotification};
use app_server_sandbox::Launcher;
use pretty_assertions::assert_eq;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Hands every notification to the test.
struct Listener(mpsc::Sender<ServerNotification>);

impl Host for Listener {
    fn notify(&self, notification: ServerNotification) {
        // The test may have stopped listening; a full queue makes it fail by what is missing.
        let _ = self.0.try_send(notification);
    }

    fn ask(&self, _: &'static str, _: &RawValue) -> Question {
        let refused = std::future::ready(Err(NoReply::UnknownMethod));
        Question { id: RequestId::Integer(0), answer: Box::pin(refused) }
    }

    fn is_congested(&self) -> bool {
        false
    }

    fn drained(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }

    fn thread_idle(&self, _: Uuid) {}

    fn hand_over(&self, _: Uuid, _: ThreadOp) {}
}

/// Panics once when an item of the user's begins, which is in the middle of a turn.
struct Faulty(Listener, AtomicBool);

impl Host for Faulty {
    fn notify(&self, notification: ServerNotification) {
        if let ServerNotification::ItemStarted(started) = &notification
            && matches!(started.item.kind, ThreadItemKind::UserMessage { .. })
        {
            assert!(self.1.swap(true, Ordering::Relaxed), "a bug");
        }
        self.0.notify(notification);
    }

    fn ask(&self, method: &'static str, params: &RawValue) -> Question {
        self.0.ask(method, params)
    }

    fn is_congested(&self) -> bool {
        false
    }

    fn drained(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.drained()
    }

    fn thread_idle(&self, _: Uuid) {}

    fn hand_over(&self, _: Uuid, _: ThreadOp) {}
}

/// One session over a home.
struct Session {
    handle: ThreadHandle,
    id: Uuid,
    notifications: mpsc::Receiver<ServerNotification>,
}

/// A turn as its notifications tell it.
#[derive(Debug)]
struct Live {
    turn: Turn,
    items: Vec<ThreadItem>,
    started_at: Option<i64>,
}

impl Session {
    fn new(home: &Path, id: Uuid) -> Self {
        let (sender, notifications) = mpsc::channel(1024);
        Self::with_host(home, id, Arc::new(Listener(sender)), notifications)
    }

    fn with_host(
        home: &Path,
        id: Uuid,
        host: Arc<dyn Host>,
        notifications: mpsc::Receiver<ServerNotification>,
    ) -> Self {
        let environment = Environment::from_pairs([("PWD", home.as_os_str())]);
        let config = ConfigLoader::new(Arc::new(environment), home.to_owned(), Vec::new())
            .with_system_folder(home.join("etc"));
        let client = Client { originator: "test".to_owned(), user_agent: "test/1".to_owned() };
        let launcher = Launcher::new(home.join("no-helper"));
        let secrets = Arc::new(KnownSecrets::new(Arc::clone(config.environment()), None));
        let services = Services::new(config, HttpClient::default(), host, client, "0.0.0", launcher, secrets);
        Session { handle: thread::spawn(Arc::new(services), id), id, notifications }
    }

    async fn ask<T: Send + 'static>(&self, op: impl FnOnce(Reply<T>) -> ThreadOp) -> T {
        self.answer(op).await.result
    }

    /// The turns of the thread that is answered.
    async fn turns<T: Send + 'static>(&self, op: impl FnOnce(Reply<T>) -> ThreadOp) -> Vec<Turn> {
        match self.answer(op).await.turns {
            Some(TurnsText::Held(text)) => serde_json::from_slice(&text).unwrap(),
            turns => panic!("no short text: {turns:?}"),
        }
    }

    async fn answer<T: Send + 'static>(&self, op: impl FnOnce(Reply<T>) -> ThreadOp) -> Answer<T> {
        let (sender, answer) = oneshot::channel();
        let reply = Reply::new(move |answer| {
            assert!(sender.send(answer).is_ok(), "nobody waits for the answer");
        });
        self.handle.send(op(reply)).await;
        answer.await.unwrap().unwrap()
    }

    async fn start(&self) {
        self.ask(|reply| ThreadOp::Start(Box::new(of(json!({}))), reply)).await;
    }

    async fn start_turn(&self, params: Value) -> String {
        let mut all = json!({"threadId": self.id.to_string()});
        all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
        self.ask(|reply| ThreadOp::StartTurn(Box::new(of(all)), reply)).await.turn.id
    }

    /// Takes notifications until `wanted` finds what it wants.
    async fn until<T>(&mut self, mut wanted: impl FnMut(ServerNotification) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(self.notifications.recv().await.unwrap()) {
                return found;
            }
        }
    }

    /// Collects the turn that is running, up to its end.
    async fn turn(&mut self) -> Live {
        let (mut items, mut started_at) = (Vec::new(), None);
        let turn = self
            .until(|notification| match notification {
                ServerNotification::TurnStarted(started) => {
                    started_at = started.turn.started_at;
                    None
                }
                ServerNotification::ItemCompleted(completed) => {
                    items.push(completed.item);
                    None
                }
                ServerNotification::TurnCompleted(completed) => Some(completed.turn),
                _ => None,
            })
            .await;
        Live { turn, items, started_at }
    }

    async fn say(&mut self, text: &str) -> Live {
        self.start_turn(json!({"input": [{"type": "text", "text": text}]})).await;
        self.turn().await
    }

    async fn end(self) {
        let (done, ended) = oneshot::channel();
        self.handle.send(ThreadOp::Shutdown(done)).await;
        ended.await.unwrap();
    }
}

fn of<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// A home whose model answers with these events, one list per request.
fn home(answers: &[Value]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let script: String = answers.iter().map(|answer| format!("{answer}\n")).collect();
    std::fs::write(home.path().join("script.jsonl"), script).unwrap();
    let config = format!(
        "model = \"m-1\"\nmodel_provider = \"play\"\nshow_raw_agent_reasoning = true\n\
         [model_providers.play]\nname = \"play\"\nrequest_max_retries = 0\nstream_max_retries = 0\nscript = '{}'\n",
        home.path().join("script.jsonl").display()
    );
    std::fs::write(home.path().join("config.toml"), config).unwrap();
    home
}

fn added(item: &Value) -> Value {
    json!({"type": "response.output_item.added", "output_index": 0, "item": item})
}

fn done(item: &Value) -> Value {
    json!({"type": "response.output_item.done", "output_index": 0, "item": item})
}

fn message(id: &str, text: &str) -> [Value; 3] {
    let item = |content: Value| json!({"type": "message", "role": "assistant", "id": id, "content": content});
    [
        added(&item(json!([]))),
        json!({"type": "response.output_text.delta", "item_id": id, "output_index": 0, "content_index": 0, "delta": text}),
        done(&item(json!([{"type": "output_text", "text": text}]))),
    ]
}

fn response(events: impl IntoIterator<Item = Value>) -> Value {
    let mut all = vec![json!({"type": "response.created", "response": {"id": "r"}})];
    all.extend(events);
    let usage = json!({"input_tokens": 10, "input_tokens_details": {"cached_tokens": 2}, "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 15});
    all.push(json!({"type": "response.completed", "response": {"id": "r", "usage": usage}}));
    json!({"events": all})
}

/// Reads and resumes the thread with nothing but the file, and compares.
#[track_caller]
fn assert_same(live: &[Live], read: &[Turn]) {
    let seen: Vec<_> = live
        .iter()
        .map(|Live { turn, items, started_at }| {
            (&turn.id, turn.status, &turn.error, *started_at, turn.completed_at, turn.duration_ms, items)
        })
        .collect();
    let read: Vec<_> = read
        .iter()
        .map(|turn| {
            let items = &turn.items;
            (&turn.id, turn.status, &turn.error, turn.started_at, turn.completed_at, turn.duration_ms, items)
        })
        .collect();
    assert_eq!(read, seen);
}

async fn check_reload(home: &Path, id: Uuid, live: &[Live]) -> Option<ThreadTokenUsage> {
    let mut session = Session::new(home, id);
    let read = session.turns(|reply| ThreadOp::Read(true, reply)).await;
    assert_same(live, &read);
    let params = of(json!({"threadId": id.to_string()}));
    let resumed = session.turns(|reply| ThreadOp::Resume(Box::new(params), reply)).await;
    assert_same(live, &resumed);
    session.notifications.close();
    let mut usage = None;
    while let Some(notification) = session.notifications.recv().await {
        if let ServerNotification::ThreadTokenUsageUpdated(updated) = notification {
            usage = Some(updated.token_usage);
        }
    }
    session.end().await;
    usage
}

#[tokio::test]
async fn items_read_back_are_the_items_seen_live() {
    let search = |item: Value| {
        [added(&json!({"type": "web_search_call", "id": item["id"], "status": "in_progress"})), done(&item)]
    };
    let home = home(&[
        response(
            [
                added(&json!({"type": "reasoning", "id": "rs_1", "summary": []})),
                done(&json!({"type": "reasoning", "id": "rs_1", "summary": [
                    {"type": "summary_text", "text": "**One**"}, {"type": "summary_text", "text": "**Two**"},
                ], "content": [{"type": "reasoning_text", "text": "raw"}], "encrypted_content": "E"})),
            ]
            .into_iter()
            .chain(message("msg_1", "Let me look"))
            .chain(search(json!({"type": "web_search_call", "id": "ws_1", "status": "completed",
                "action": {"type": "search", "query": "rust", "queries": ["rust", "serde"]}})))
            .chain(search(json!({"type": "web_search_call", "id": "ws_2", "status": "completed",
                "action": {"type": "find_in_page", "url": "https://e.org", "pattern": "x"}})))
            .chain([done(&json!({"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "AA=="}))])
            .chain(message("msg_2", "Done")),
        ),
        response(message("msg_3", "Intro\n<proposed_plan>\n- one\n</proposed_plan>\nOutro")),
    ]);
    let id = Uuid::now_v7();
    let mut session = Session::new(home.path(), id);
    session.start().await;
    session
        .start_turn(json!({"clientUserMessageId": "c-1", "input": [
            {"type": "text", "text": "look @a", "text_elements": [{"byteRange": {"start": 5, "end": 7}, "placeholder": "@a"}]},
            {"type": "image", "url": "data:image/png;base64,AA=="},
            {"type": "mention", "name": "m", "path": "app://m"},
        ]}))
        .await;
    let mut live = vec![session.turn().await];
    session
        .start_turn(json!({
            "input": [{"type": "text", "text": "plan"}],
            "collaborationMode": {"mode": "plan", "settings": {"model": "m-2", "reasoning_effort": null, "developer_instructions": null}},
        }))
        .await;
    live.push(session.turn().await);
    session.end().await;
    let kinds: Vec<Value> =
        live.iter().flat_map(|live| &live.items).map(|item| json!(item)["type"].clone()).collect();
    assert_eq!(
        json!(kinds),
        json!([
            "userMessage",
            "reasoning",
            "agentMessage",
            "webSearch",
            "webSearch",
            "agentMessage",
            "userMessage",
            "plan",
            "agentMessage"
        ])
    );
    let usage = check_reload(home.path(), id, &live).await.unwrap();
    assert_eq!((usage.total.total_tokens, usage.last.total_tokens), (30, 15));
}

#[tokio::test]
async fn turns_that_fail_or_are_interrupted_read_back_as_they_ended() {
    let half = message("msg_2", "half").into_iter().take(2);
    let home = home(&[
        json!({"status": 500, "json": {"error": {"message": "boom"}}}),
        json!({"events": message("msg_1", "finished").into_iter().chain(half.clone()).collect::<Vec<_>>()}),
        json!({"events": half.collect::<Vec<_>>(), "hang": 1000}),
        response(message("msg_3", "after")),
    ]);
    let id = Uuid::now_v7();
    let mut session = Session::new(home.path(), id);
    session.start().await;
    let mut live = vec![session.say("one").await, session.say("two").await];
    let turn_id = session.start_turn(json!({"input": [{"type": "text", "text": "stop me"}]})).await;
    let (mut items, mut started_at) = (Vec::new(), None);
    session
        .until(|notification| match notification {
            ServerNotification::TurnStarted(started) => {
                started_at = started.turn.started_at;
                None
            }
            ServerNotification::ItemCompleted(completed) => {
                items.push(completed.item);
                None
            }
            ServerNotification::ItemAgentMessageDelta(_) => Some(()),
            _ => None,
        })
        .await;
    session.ask(|reply| ThreadOp::Interrupt(turn_id, reply)).await;
    let stopped = session.turn().await;
    items.extend(stopped.items);
    live.push(Live { turn: stopped.turn, items, started_at });
    live.push(session.say("go on").await);
    session.end().await;
    let ends: Vec<(TurnStatus, usize)> =
        live.iter().map(|live| (live.turn.status, live.items.len())).collect();
    use TurnStatus::{Completed, Failed, Interrupted};
    assert_eq!(ends, [(Failed, 1), (Failed, 2), (Interrupted, 1), (Completed, 2)]);
    check_reload(home.path(), id, &live).await;
}

#[tokio::test]
async fn input_given_to_a_running_turn_reads_back_in_its_place() {
    let home = home(&[response(message("msg_1", "first"))]);
    let id = Uuid::now_v7();
    let mut session = Session::new(home.path(), id);
    session.start().await;
    // Both are in the mailbox before the actor lets the turn's task run.
    let (sender, answer) = oneshot::channel();
    let inputs =
        [("one", Reply::new(move |result| drop(sender.send(result)))), ("and this", Reply::new(drop))];
    for (text, reply) in inputs {
        let params = of(json!({"threadId": id.to_string(), "clientUserMessageId": text,
            "input": [{"type": "text", "text": text}]}));
        session.handle.send(ThreadOp::StartTurn(Box::new(params), reply)).await;
    }
    answer.await.unwrap().unwrap();
    let live = [session.turn().await];
    session.end().await;
    let users = live[0].items.iter().filter(|item| json!(item)["type"] == "userMessage").count();
    assert_eq!(users, 2);
    check_reload(home.path(), id, &live).await;
}

#[tokio::test]
async fn a_review_that_breaks_down_is_over_when_it_is_read() {
    let home = home(&[response(message("msg_1", "after"))]);
    let id = Uuid::now_v7();
    let (sender, notifications) = mpsc::channel(1024);
    let host = Arc::new(Faulty(Listener(sender), AtomicBool::new(false)));
    let mut session = Session::with_host(home.path(), id, host, notifications);
    session.start().await;
    let target = json!({"type": "custom", "instructions": "look at it"});
    let params = json!({"threadId": id.to_string(), "target": target, "delivery": "inline"});
    session.ask(|reply| ThreadOp::Review(Box::new(of(params)), reply)).await;
    let mut live = vec![session.turn().await];
    live.push(session.say("go on").await);
    session.end().await;
    assert_eq!(live[0].turn.status, TurnStatus::Failed);
    let kinds: Vec<Value> = live[0].items.iter().map(|item| json!(item)["type"].clone()).collect();
    assert_eq!(json!(kinds), json!(["enteredReviewMode", "exitedReviewMode", "agentMessage"]));
    assert_eq!(live[1].turn.status, TurnStatus::Completed);
    check_reload(home.path(), id, &live).await;
}
