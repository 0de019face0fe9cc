//! What was told of a thread while it ran is what is read of it later: every kind of item, in order, with its content.

use std::collections::{BTreeSet, VecDeque};
use std::fs;

use app_server_test_support::{Answer, BlockingMockModel, Gate, TestServer, events, tool_output};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::Scene;
use crate::calls::CODEX_MODEL;

/// The kinds of items that a thread of this server can have.
const KINDS: [&str; 13] = [
    "agentMessage",
    "collabAgentToolCall",
    "commandExecution",
    "contextCompaction",
    "dynamicToolCall",
    "enteredReviewMode",
    "exitedReviewMode",
    "fileChange",
    "imageView",
    "plan",
    "reasoning",
    "userMessage",
    "webSearch",
];

const PATCH: &str = "*** Begin Patch\n*** Add File: added.txt\n+fresh\n*** Update File: old.txt\n*** Move to: new.txt\n@@\n\
                     -a\n+b\n*** End Patch";

/// A picture, as far as its first bytes go.
const PICTURE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

/// The turns of a thread with their items, as they are told while they run.
struct Live {
    thread: String,
    turns: Vec<Value>,
}

impl Live {
    fn take(&mut self, messages: &[Value]) {
        for message in messages {
            let params = &message["params"];
            // An agent's turns are told of in between.
            if params["threadId"] != self.thread.as_str() {
                continue;
            }
            match message["method"].as_str() {
                Some("turn/started") => {
                    let turn =
                        json!({"id": params["turn"]["id"], "items": [], "status": null, "error": null});
                    self.turns.push(turn);
                }
                Some("item/completed") => {
                    let turn = self.turns.iter_mut().find(|turn| turn["id"] == params["turnId"]).unwrap();
                    turn["items"].as_array_mut().unwrap().push(params["item"].clone());
                }
                Some("turn/completed") => {
                    let turn = self.turns.iter_mut().find(|turn| turn["id"] == params["turn"]["id"]).unwrap();
                    turn["status"] = params["turn"]["status"].clone();
                    turn["error"] = params["turn"]["error"].clone();
                }
                _ => {}
            }
        }
    }

    fn kinds(&self) -> BTreeSet<&str> {
        let items = self.turns.iter().flat_map(|turn| turn["items"].as_array().unwrap());
        items.map(|item| item["type"].as_str().unwrap()).collect()
    }
}

/// Stored turns as [`Live`] has them.
fn told_of(turns: &Value) -> Vec<Value> {
    let told = |turn: &Value| json!({"id": turn["id"], "items": turn["items"], "status": turn["status"], "error": turn["error"]});
    turns.as_array().unwrap().iter().map(told).collect()
}

fn call(id: &str, name: &str, arguments: &Value) -> Answer {
    Answer::response([events::function_call(id, name, arguments)])
}

fn web_search(id: &str, action: &Value) -> Vec<Value> {
    vec![
        events::item_added(&json!({"type": "web_search_call", "id": id, "status": "in_progress"})),
        events::item_done(
            &json!({"type": "web_search_call", "id": id, "status": "completed", "action": action}),
        ),
    ]
}

/// The call that begins an agent, and the one that waits for it.
const SPAWN: &str = "call_8";
const WAIT: &str = "call_9";

/// A model that gives these answers, in order, and waits for the agent it has begun, whose own model finds something.
fn scene(answers: impl IntoIterator<Item = Answer>) -> Scene {
    let mut answers: VecDeque<Answer> = answers.into_iter().collect();
    Scene::with_model(BlockingMockModel::start_with(move |request| {
        if request.header("x-openai-subagent") == Some("collab_spawn") {
            return Answer::message("found");
        }
        let told = |id: &str| tool_output(&request.body, id).as_str().map(str::to_owned);
        match told(SPAWN).filter(|_| told(WAIT).is_none()) {
            Some(spawned) => {
                let spawned: Value = serde_json::from_str(&spawned).unwrap();
                call(WAIT, "wait_agent", &json!({"targets": [spawned["agent_id"]]}))
            }
            None => answers.pop_front().unwrap(),
        }
    }))
}

/// Starts a turn with these params beside the input.
fn start(server: &mut TestServer, thread: &str, input: Value, mut params: Value) {
    params["threadId"] = json!(thread);
    params["input"] = input;
    server.request("turn/start", params);
}

fn text(words: &str) -> Value {
    json!([{"type": "text", "text": words}])
}

#[test]
fn items_read_later_are_those_told_live() {
    let steered = Gate::new();
    let stopped = Gate::new();
    let scene = scene([
        // Every kind of item in one turn.
        Answer::response([
            events::reasoning("rs_1", &["**Think**\n\nhard", "**Again**"]),
            events::message_in_phase("msg_1", "Let me look", "commentary"),
            web_search("ws_1", &json!({"type": "search", "query": "rust json", "queries": ["rust json"]})),
            web_search("ws_2", &json!({"type": "open_page", "url": "https://example.org/"})),
            web_search(
                "ws_3",
                &json!({"type": "find_in_page", "url": "https://example.org/", "pattern": "x y"}),
            ),
            events::function_call(
                "call_1",
                "shell_command",
                &json!({"command": "echo out; echo err >&2; exit 3"}),
            ),
        ]),
        Answer::response([events::custom_tool_call("call_2", "apply_patch", PATCH)]),
        Answer::response([events::custom_tool_call("call_3", "apply_patch", PATCH)]),
        call("call_4", "view_image", &json!({"path": "pic.png"})),
        call("call_5", "lookup", &json!({"q": "x"})),
        call("call_6", "lookup", &json!({"q": ["y", {"z": null}]})),
        Answer::response([events::message_in_phase("msg_2", "Ünï\n\n```\ncode\n```\n", "final_answer")]),
        // A plan.
        Answer::message("Before\n<proposed_plan>\n- one\n- two\n</proposed_plan>\nAfter"),
        // A command that is declined.
        call("call_7", "shell_command", &json!({"command": "touch made"})),
        Answer::message("a pity"),
        // Input in between.
        Answer::events([events::created("resp_1")]).gate(&steered).and(
            [
                events::message("msg_3", "begun"),
                vec![events::completed("resp_1", &app_server_test_support::model::usage(1, 1))],
            ]
            .concat(),
        ),
        Answer::message("both"),
        // An agent, a compaction, a review.
        call(SPAWN, "spawn_agent", &json!({"message": "find it"})),
        Answer::message("delegated"),
        Answer::message("a note"),
        Answer::message("all is well"),
        // A turn that is interrupted, and one that fails.
        Answer::events([events::created("resp_1")]).and(events::message("msg_4", "first")).gate(&stopped),
        Answer::json(400, &json!({"error": {"message": "no such thing"}})),
    ]);
    let work = scene.home.work();
    fs::write(work.join("old.txt"), "a\n").unwrap();
    let (_, data) = PICTURE.split_once(',').unwrap();
    fs::write(work.join("pic.png"), base64(data)).unwrap();
    let mut server = scene.server();
    let schema = json!({"type": "object", "properties": {}});
    let tool = json!({"name": "lookup", "description": "looks things up", "inputSchema": schema});
    let thread = scene.thread_with(&mut server, json!({"model": CODEX_MODEL, "dynamicTools": [tool]}));
    let mut live = Live { thread: thread.clone(), turns: Vec::new() };

    let input = json!([
        {"type": "text", "text": "look @a", "text_elements": [{"byteRange": {"start": 5, "end": 7}, "placeholder": "@a"}]},
        {"type": "image", "url": PICTURE},
        {"type": "localImage", "path": work.join("pic.png")},
        {"type": "skill", "name": "s", "path": "/skills/s/SKILL.md"},
        {"type": "mention", "name": "m", "path": "app://m"},
        {"type": "text", "text": "and speak"},
    ]);
    start(&mut server, &thread, input, json!({"clientUserMessageId": "mine"}));
    for result in [
        json!({"contentItems": [{"type": "inputText", "text": "found"}], "success": true}),
        json!({"contentItems": [{"type": "inputText", "text": "not"}], "success": false}),
    ] {
        let before = server.until("item/tool/call", |message| message["method"] == "item/tool/call");
        server.reply(before.last().unwrap(), result);
        live.take(&before);
    }
    live.take(&server.until_turn_completed(&thread));

    let settings = json!({"model": CODEX_MODEL, "reasoning_effort": null, "developer_instructions": null});
    let mode = |mode: &str| json!({"collaborationMode": {"mode": mode, "settings": settings}});
    start(&mut server, &thread, text("plan"), mode("plan"));
    live.take(&server.until_turn_completed(&thread));

    let mut params = mode("default");
    params["approvalPolicy"] = json!("untrusted");
    start(&mut server, &thread, text("touch"), params);
    let before = server.until("a request for approval", |message| {
        message["method"] == "item/commandExecution/requestApproval"
    });
    server.reply(before.last().unwrap(), json!({"decision": "decline"}));
    live.take(&before);
    live.take(&server.until_turn_completed(&thread));

    // A command of the user's own.
    server.request("thread/shellCommand", json!({"threadId": thread, "command": "echo mine"}));
    live.take(&server.until_turn_completed(&thread));

    let turn = server.start_turn(&thread, "begin");
    scene.model.gate_reached(&steered);
    let more = json!({"threadId": thread, "expectedTurnId": turn, "input": text("and this")});
    server.request("turn/steer", more);
    steered.open();
    live.take(&server.until_turn_completed(&thread));

    live.take(&server.run_turn(&thread, "delegate"));
    server.request("thread/compact/start", json!({"threadId": thread}));
    live.take(&server.until_turn_completed(&thread));
    let target = json!({"type": "custom", "instructions": "look at it"});
    server.request("review/start", json!({"threadId": thread, "target": target, "delivery": "inline"}));
    live.take(&server.until_turn_completed(&thread));

    let turn = server.start_turn(&thread, "stop");
    scene.model.gate_reached(&stopped);
    server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    live.take(&server.until_turn_completed(&thread));
    live.take(&server.run_turn(&thread, "fail"));

    assert_eq!(live.kinds().into_iter().collect::<Vec<_>>(), KINDS);
    let statuses: Vec<&str> = live.turns.iter().map(|turn| turn["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, [["completed"; 8].as_slice(), &["interrupted", "failed"]].concat());
    let read = json!({"threadId": thread, "includeTurns": true});
    let loaded = server.request("thread/read", read.clone());
    assert_eq!(told_of(&loaded["thread"]["turns"]), live.turns);
    server.close();

    let mut server = scene.server();
    let stored = server.request("thread/read", read);
    assert_eq!(told_of(&stored["thread"]["turns"]), live.turns);
    let resumed = server.request("thread/resume", json!({"threadId": thread}));
    server.take("thread/tokenUsage/updated");
    server.take("thread/status/changed");
    assert_eq!(resumed["thread"]["turns"], stored["thread"]["turns"]);
    assert_eq!(stored["thread"]["turns"], loaded["thread"]["turns"]);
    let forked = server.request("thread/fork", json!({"threadId": thread}));
    assert_eq!(told_of(&forked["thread"]["turns"]), live.turns);
    server.take("thread/tokenUsage/updated");
    server.take("thread/started");
}

/// Decodes what is known to be well formed.
fn base64(text: &str) -> Vec<u8> {
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for digit in text.bytes().filter_map(|byte| digits.bytes().position(|digit| digit == byte)) {
        bits = bits << 6 | u32::try_from(digit).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap());
        }
    }
    bytes
}
