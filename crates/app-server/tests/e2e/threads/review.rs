//! `review/start`.

use std::fs;
use std::path::Path;
use std::process::Command;

use app_server_test_support::model::usage;
use app_server_test_support::{Answer, Gate, TestServer, events};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{UNKNOWN, assert_refused};
use crate::calls::{CODEX_MODEL, completed, only, shell, until_asked};
use crate::{Scene, answer_text, outline, turn_status};

const FINDINGS: &str = r#"{"findings":[{"title":"[P1] Fix it","body":"This breaks.","confidence_score":0.9,"priority":1,"code_location":{"absolute_file_path":"/x/app.rs","line_range":{"start":10,"end":20}}}],"overall_correctness":"patch is incorrect","overall_explanation":"Looks mostly fine.","overall_confidence_score":0.8}"#;
const REVIEW: &str =
    "Looks mostly fine.\n\nReview comment:\n\n- [P1] Fix it — /x/app.rs:10-20\n  This breaks.";
const INTERRUPTED: &str = "Review was interrupted. Please re-run /review and wait for it to complete.";
const FAILED: &str = "Reviewer failed to output a response.";

/// Starts a review of the uncommitted changes with these params beside; returns the answer.
fn start(server: &mut TestServer, thread: &str, mut params: Value) -> Value {
    params["threadId"] = json!(thread);
    if params["target"].is_null() {
        params["target"] = json!({"type": "uncommittedChanges"});
    }
    server.request("review/start", params)
}

fn inline(server: &mut TestServer, thread: &str) -> Value {
    start(server, thread, json!({"delivery": "inline"}))
}

fn turn_id(started: &Value) -> &str {
    started["turn"]["id"].as_str().unwrap()
}

fn read_turns(server: &mut TestServer, thread: &str) -> Value {
    let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
    read["thread"]["turns"].clone()
}

/// The texts of the messages a request has, with their roles, but for context.
fn told(scene: &Scene, request: usize) -> Vec<String> {
    let body = scene.model.requests_seen(request).remove(request - 1).body;
    let messages = body["input"].as_array().unwrap().iter().filter(|item| item["type"] == "message");
    let texts = messages.map(|item| {
        let text = item["content"][0]["text"].as_str().unwrap();
        format!("{}: {text}", item["role"].as_str().unwrap())
    });
    let is_context = |text: &String| {
        ["developer: <permissions", "user: <environment", "user: # AGENTS.md"]
            .iter()
            .any(|tag| text.starts_with(tag))
    };
    texts.filter(|text| !is_context(text)).collect()
}

/// All items the client was told of as completed.
fn all_completed(messages: &[Value]) -> Vec<Value> {
    let items = messages.iter().filter(|message| message["method"] == "item/completed");
    items.map(|message| message["params"]["item"].clone()).collect()
}

/// A model that works until the gate opens.
fn held(gate: &Gate, text: &str) -> Answer {
    let added = json!({"type": "message", "role": "assistant", "id": "msg_1", "content": []});
    let done = json!({
        "type": "message", "role": "assistant", "id": "msg_1", "content": [{"type": "output_text", "text": text}],
    });
    Answer::events([events::created("resp_1"), events::item_added(&added)])
        .gate(gate)
        .and([events::item_done(&done), events::completed("resp_1", &usage(10, 5))])
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]);
    let output = command.args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_review_is_a_turn_with_a_conversation_of_its_own() {
    let scene = Scene::new([
        Answer::message("hi"),
        shell("echo looking"),
        Answer::message(FINDINGS),
        Answer::message("mended"),
    ]);
    let mut server = scene.server();
    let thread =
        scene.thread_with(&mut server, json!({"model": CODEX_MODEL, "sandbox": "danger-full-access"}));
    server.run_turn(&thread, "hello");

    let started = inline(&mut server, &thread);
    let turn = turn_id(&started).to_owned();
    assert_eq!(
        (&started["reviewThreadId"], &started["turn"]["status"]),
        (&json!(thread), &json!("inProgress"))
    );
    let label = &started["turn"]["items"][0];
    assert_eq!((&label["type"], &label["id"]), (&json!("userMessage"), &json!(turn)));
    assert_eq!(label["content"][0]["text"], "current changes");
    let messages = server.until_turn_completed(&thread);
    let of_review: Vec<String> =
        outline(&messages).into_iter().filter(|name| !name.contains("outputDelta")).collect();
    assert_eq!(
        of_review,
        [
            "thread/status/changed active",
            "turn/started",
            "item/started enteredReviewMode",
            "item/completed enteredReviewMode",
            "item/started userMessage",
            "item/completed userMessage",
            "item/started commandExecution",
            "item/completed commandExecution",
            "item/started exitedReviewMode",
            "item/completed exitedReviewMode",
            "item/started agentMessage",
            "item/completed agentMessage",
            "thread/status/changed idle",
            "turn/completed",
        ]
    );
    for message in messages.iter().filter(|message| !message["params"]["turnId"].is_null()) {
        assert_eq!(message["params"]["turnId"], json!(turn), "{message}");
    }
    assert_eq!(only(&messages, "enteredReviewMode")["review"], "current changes");
    assert_eq!(only(&messages, "exitedReviewMode")["review"], REVIEW);
    assert_eq!((answer_text(&messages), turn_status(&messages)), (REVIEW, "completed"));
    let ended = &messages.last().unwrap()["params"]["turn"];
    assert_eq!((&ended["id"], &ended["itemsView"]), (&json!(turn), &json!("summary")));
    assert_eq!(ended["items"], json!([only(&messages, "agentMessage")]));

    // The reviewer knows nothing of the thread, and its requests say what they are.
    let requests = scene.model.requests_seen(3);
    let of_thread = &requests[0];
    for request in &requests[1..3] {
        assert_eq!(request.header("x-openai-subagent"), Some("review"));
        assert_ne!(request.body["instructions"], of_thread.body["instructions"]);
        assert!(!request.body.to_string().contains("hello"));
        assert!(!request.body["tools"].to_string().contains("web_search"));
    }
    assert_eq!(of_thread.header("x-openai-subagent"), None);

    // The thread knows what came of it: two messages, and no more.
    server.run_turn(&thread, "mend it");
    let told = told(&scene, 4);
    assert_eq!(told.len(), 5, "{told:#?}");
    assert_eq!((told[0].as_str(), told[1].as_str()), ("user: hello", "assistant: hi"));
    assert!(told[2].starts_with("user: <user_action>") && told[2].contains(REVIEW), "{}", told[2]);
    assert_eq!((told[3].as_str(), told[4].as_str()), (&*format!("assistant: {REVIEW}"), "user: mend it"));
    let input = scene.model.requests_seen(4)[3].body["input"].clone();
    assert!(!input.to_string().contains("echo looking"), "{input}");

    // What was seen is what is read, here and after a restart.
    let items = all_completed(&messages);
    let turns = read_turns(&mut server, &thread);
    assert_eq!((&turns[1]["id"], &turns[1]["items"]), (&json!(turn), &json!(items)));
    server.close();
    // Older readers find the records they know.
    let file = fs::read_to_string(&scene.home.rollouts().unwrap()[0]).unwrap();
    let records = file.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["payload"].clone());
    let records: Vec<Value> = records.collect();
    let of_kind = |kind: &str| records.iter().find(|record| record["type"] == kind).unwrap();
    let entered = of_kind("entered_review_mode");
    assert_eq!(entered["target"], json!({"type": "uncommittedChanges"}));
    assert_eq!(entered["user_facing_hint"], "current changes");
    let output: Value = serde_json::from_str(FINDINGS).unwrap();
    assert_eq!(of_kind("exited_review_mode")["review_output"], output);
    let mut server = scene.server();
    let resumed = server.request("thread/resume", json!({"threadId": thread}));
    server.take("thread/tokenUsage/updated");
    assert_eq!(resumed["thread"]["turns"], turns);
    scene.model.model().push(Answer::message("again"));
    server.run_turn(&thread, "and now");
    let again = self::told(&scene, 5);
    assert_eq!(again[..5], told[..]);
}

#[test]
fn a_client_of_the_first_form_sees_one_item() {
    let scene = Scene::new([
        Answer::message("Plain words."),
        Answer::message("ok"),
        Answer::message(FINDINGS),
        Answer::message("ok"),
    ]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let started = start(&mut server, &thread, json!({}));
    assert_eq!(started["turn"]["items"][0]["content"][0]["text"], "Review uncommitted changes");
    assert_eq!(started["reviewThreadId"], json!(thread));
    let turn = json!(turn_id(&started));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(
        outline(&messages),
        [
            "thread/status/changed active",
            "turn/started",
            "item/started codeReview",
            "item/started userMessage",
            "item/completed userMessage",
            "item/completed codeReview",
            "thread/status/changed idle",
            "turn/completed",
        ]
    );
    assert_eq!(messages[1]["params"]["turn"]["items"], started["turn"]["items"]);
    let item = |message: &Value| {
        let item = &message["params"]["item"];
        (item["id"].clone(), item["review"].clone())
    };
    assert_eq!(item(&messages[2]), (turn.clone(), json!("current changes")));
    assert_eq!(item(&messages[5]), (turn, json!("Plain words.")));
    assert_eq!(messages.last().unwrap()["params"]["turn"]["items"], json!([]));
    server.run_turn(&thread, "after");
    let told = told(&scene, 2);
    assert!(told[0].starts_with("user: <user_action>") && told[0].contains("Plain words."), "{told:?}");
    assert_eq!(told[1..], ["user: after"]);

    let started = start(&mut server, &thread, json!({"appendToOriginalThread": true}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(only(&messages, "codeReview")["review"], REVIEW);
    assert_eq!(answer_text(&messages), REVIEW);
    server.run_turn(&thread, "after");
    let last = self::told(&scene, 4);
    assert_eq!(last[last.len() - 2], format!("assistant: {REVIEW}"));

    // Read back it has today's form, which all clients know.
    let turns = read_turns(&mut server, &thread);
    let kinds = |turn: &Value| -> Vec<String> {
        let items = turn["items"].as_array().unwrap().iter();
        items.map(|item| item["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(&turns[0]), ["enteredReviewMode", "userMessage", "exitedReviewMode"]);
    assert_eq!(turns[0]["items"][2]["review"], "Plain words.");
    assert_eq!(turns[2]["id"], json!(turn_id(&started)));
    assert_eq!(kinds(&turns[2]), ["enteredReviewMode", "userMessage", "exitedReviewMode", "agentMessage"]);
    server.close();
    let mut server = scene.server();
    assert_eq!(read_turns(&mut server, &thread), turns);
}

#[test]
fn who_sends_null_for_the_delivery_sees_two_items() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    for params in [
        json!({"delivery": null}),
        json!({"delivery": null, "appendToOriginalThread": null}),
        json!({"delivery": "inline", "appendToOriginalThread": true}),
    ] {
        start(&mut server, &thread, params);
        let messages = server.until_turn_completed(&thread);
        assert_eq!(only(&messages, "exitedReviewMode")["review"], "answer");
        assert_eq!(answer_text(&messages), "answer");
        assert_eq!(completed(&messages, "codeReview").len(), 0);
    }
}

#[test]
fn targets_are_checked_and_named() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    for (target, text) in [
        (json!({"type": "custom", "instructions": "  "}), "instructions must not be empty"),
        (json!({"type": "baseBranch", "branch": " "}), "branch must not be empty"),
        (json!({"type": "commit", "sha": ""}), "sha must not be empty"),
    ] {
        let params = json!({"threadId": thread, "target": target});
        assert_refused(&mut server, "review/start", params.clone(), text);
        // What is wrong with the request comes before what is wrong with the thread.
        let params = json!({"threadId": UNKNOWN, "target": params["target"]});
        assert_refused(&mut server, "review/start", params, text);
    }
    assert_refused(
        &mut server,
        "review/start",
        json!({"threadId": UNKNOWN, "target": {"type": "uncommittedChanges"}}),
        &format!("thread not found: {UNKNOWN}"),
    );
    let unknown = json!({"threadId": thread, "target": {"type": "nope"}});
    assert_eq!(server.request_error("review/start", unknown)["code"], -32600);

    for (target, label, sentence) in [
        (
            json!({"type": "baseBranch", "branch": "main"}),
            "changes against 'main'",
            "Review changes against base branch 'main'",
        ),
        (
            json!({"type": "commit", "sha": "1234567deadbeef", "title": "Polish"}),
            "commit 1234567: Polish",
            "Review commit 1234567: Polish",
        ),
        (
            json!({"type": "custom", "instructions": " Check the tests "}),
            "Check the tests",
            "Check the tests",
        ),
    ] {
        for (params, expected) in
            [(json!({"delivery": "inline", "target": target}), label), (json!({"target": target}), sentence)]
        {
            let started = start(&mut server, &thread, params);
            assert_eq!(started["turn"]["items"][0]["content"][0]["text"], expected);
            let messages = server.until_turn_completed(&thread);
            let named = messages.iter().find(|message| !message["params"]["item"]["review"].is_null());
            assert_eq!(named.unwrap()["params"]["item"]["review"], label);
        }
    }
    let requests = scene.model.requests_seen(6);
    let asked =
        |request: usize| requests[request].body["input"].as_array().unwrap().last().unwrap().to_string();
    // No repository is here, so the reviewer is told how to find out.
    assert!(asked(0).contains("git merge-base HEAD 'main'"), "{}", asked(0));
    assert!(asked(2).contains("1234567deadbeef") && asked(2).contains("Polish"), "{}", asked(2));
    assert!(asked(4).contains("\"Check the tests\""), "{}", asked(4));
}

#[test]
fn a_base_branch_is_named_with_what_both_have_in_common() {
    let scene = Scene::talkative();
    let work = scene.home.work();
    git(&work, &["init", "--quiet"]);
    git(&work, &["commit", "--quiet", "--allow-empty", "--message", "one"]);
    let base = git(&work, &["rev-parse", "HEAD"]);
    git(&work, &["checkout", "--quiet", "-b", "topic"]);
    git(&work, &["commit", "--quiet", "--allow-empty", "--message", "two"]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let asked = |server: &mut TestServer, branch: &str| {
        let target = json!({"type": "baseBranch", "branch": branch});
        start(server, &thread, json!({"delivery": "inline", "target": target}));
        let messages = server.until_turn_completed(&thread);
        only(&messages, "userMessage")["content"][0]["text"].as_str().unwrap().to_owned()
    };
    let request = asked(&mut server, "main");
    assert!(request.contains(&format!("git diff {base}")), "{request}");
    let missing = asked(&mut server, "nowhere");
    assert!(missing.contains("git merge-base HEAD 'nowhere'"), "{missing}");
    let option = asked(&mut server, "--all");
    assert!(option.contains("git merge-base HEAD '--all'"), "{option}");

    // The request is what the thread began with.
    let read = server.request("thread/read", json!({"threadId": thread}));
    assert_eq!(read["thread"]["preview"], json!(request));
    server.close();
    let mut server = scene.server();
    let listed = server.request("thread/list", json!({}));
    assert_eq!(listed["data"][0]["preview"], json!(request));
}

#[test]
fn a_detached_review_runs_in_a_fork() {
    let scene = Scene::new([
        Answer::message("hi"),
        Answer::message(FINDINGS),
        Answer::message("ok"),
        Answer::message("ok"),
    ]);
    let mut server = scene.server();
    let thread = scene.thread_with(&mut server, json!({"model": "thread-model", "approvalPolicy": "never"}));
    server.run_turn(&thread, "hello");
    let request = server.start_request(
        "review/start",
        json!({"threadId": thread, "target": {"type": "uncommittedChanges"}, "delivery": "detached"}),
    );
    let messages = server.until("the end of the review", |message| message["method"] == "turn/completed");
    let names = outline(&messages);
    assert_eq!(names[..4], ["thread/started", "answer", "thread/status/changed active", "turn/started"]);
    assert_eq!(messages[1]["id"], request);
    let new = messages[1]["result"]["reviewThreadId"].as_str().unwrap().to_owned();
    assert_ne!(new, thread);
    let forked = &messages[0]["params"]["thread"];
    assert_eq!((&forked["id"], &forked["forkedFromId"]), (&json!(new), &json!(thread)));
    assert_eq!((&forked["turns"], &forked["preview"]), (&json!([]), &json!("hello")));
    assert_eq!(forked["model"], "thread-model");
    for message in &messages[2..] {
        assert_eq!(message["params"]["threadId"], json!(new), "{message}");
    }
    assert_eq!(answer_text(&messages), REVIEW);
    assert_eq!(scene.model.requests_seen(2)[1].body["model"], "thread-model");

    let turns = read_turns(&mut server, &new);
    assert_eq!(turns[1]["items"], json!(all_completed(&messages)));
    assert_eq!(read_turns(&mut server, &thread).as_array().unwrap().len(), 1);
    server.run_turn(&thread, "the thread goes on");
    assert_eq!(told(&scene, 3), ["user: hello", "assistant: hi", "user: the thread goes on"]);
    server.run_turn(&new, "the fork too");
    assert_eq!(told(&scene, 4).len(), 5);

    let params =
        json!({"threadId": UNKNOWN, "target": {"type": "uncommittedChanges"}, "delivery": "detached"});
    assert_refused(&mut server, "review/start", params, &format!("thread not found: {UNKNOWN}"));
}

#[test]
fn a_review_takes_no_input_and_ends_at_an_interrupt() {
    let gate = Gate::new();
    let scene = Scene::new([held(&gate, FINDINGS), Answer::message("ok")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let started = inline(&mut server, &thread);
    let turn = turn_id(&started).to_owned();
    scene.model.gate_reached(&gate);

    let input = json!([{"type": "text", "text": "faster"}]);
    let steer = json!({"threadId": thread, "expectedTurnId": turn, "input": input});
    let not_steerable = json!({"codexErrorInfo": {"activeTurnNotSteerable": {"turnKind": "review"}}});
    let error = server.request_error("turn/steer", steer);
    assert_eq!((&error["code"], &error["data"]), (&json!(-32600), &not_steerable));
    let error = server.request_error("turn/start", json!({"threadId": thread, "input": input}));
    assert_eq!((&error["code"], &error["data"]), (&json!(-32600), &not_steerable));
    let busy = "cannot begin a review while a turn is in progress";
    let params = json!({"threadId": thread, "target": {"type": "uncommittedChanges"}});
    assert_refused(&mut server, "review/start", params, busy);
    let running = &read_turns(&mut server, &thread)[0];
    assert_eq!((&running["id"], &running["status"]), (&json!(turn), &json!("inProgress")));

    server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "interrupted");
    assert_eq!(only(&messages, "exitedReviewMode")["review"], FAILED);
    assert_eq!(answer_text(&messages), INTERRUPTED);
    let turns = read_turns(&mut server, &thread);
    assert_eq!(
        (&turns[0]["status"], &turns[0]["items"]),
        (&json!("interrupted"), &json!(all_completed(&messages)))
    );

    server.run_turn(&thread, "after");
    let told = told(&scene, 2);
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(told[0].starts_with("user: <user_action>") && told[0].contains("interrupted"), "{}", told[0]);
    assert_eq!(told[1..], [format!("assistant: {INTERRUPTED}"), "user: after".to_owned()]);
}

#[test]
fn a_review_that_fails_fails_its_turn() {
    let refusal = json!({"error": {"message": "no such model", "type": "invalid_request_error"}});
    let scene = Scene::new([Answer::json(400, &refusal), Answer::response([]), Answer::message("ok")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    inline(&mut server, &thread);
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "failed");
    assert_eq!(only(&messages, "exitedReviewMode")["review"], FAILED);
    assert_eq!(answer_text(&messages), INTERRUPTED);
    let error = messages.iter().find(|message| message["method"] == "error").unwrap();
    assert_eq!(error["params"]["willRetry"], false);

    // Nothing said is nothing found.
    inline(&mut server, &thread);
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "completed");
    assert_eq!(only(&messages, "exitedReviewMode")["review"], FAILED);
    assert_eq!(answer_text(&messages), INTERRUPTED);
    server.run_turn(&thread, "after");
}

#[test]
fn a_reviewer_has_its_own_model_and_asks_the_same_client() {
    let scene = Scene::new([shell("touch made"), Answer::message(FINDINGS), Answer::message("ok")]);
    scene.home.write_mock_config(&scene.model.base_url(), "").unwrap();
    let config = fs::read_to_string(scene.home.home().join("config.toml")).unwrap();
    scene.home.write_config(&format!("review_model = \"{CODEX_MODEL}\"\n{config}")).unwrap();
    let mut server = scene.server();
    let params =
        json!({"model": "thread-model", "approvalPolicy": "untrusted", "sandbox": "danger-full-access"});
    let thread = scene.thread_with(&mut server, params);
    let started = inline(&mut server, &thread);
    let question = until_asked(&mut server);
    assert_eq!(
        (&question["params"]["threadId"], &question["params"]["turnId"]),
        (&json!(thread), &started["turn"]["id"])
    );
    server.reply(&question, json!({"decision": "decline"}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(only(&messages, "commandExecution")["status"], "declined");
    assert_eq!(scene.told(), "exec command rejected by user");
    assert!(!scene.home.work().join("made").exists());
    server.run_turn(&thread, "after");
    let models: Vec<Value> =
        scene.model.requests_seen(3).iter().map(|request| request.body["model"].clone()).collect();
    assert_eq!(models, [CODEX_MODEL, CODEX_MODEL, "thread-model"]);
    server.close();

    // The thread goes on with its own model.
    let mut server = scene.server();
    let resumed = server.request("thread/resume", json!({"threadId": thread}));
    assert_eq!(resumed["model"], "thread-model");
    server.take("thread/status/changed");
    server.take("thread/tokenUsage/updated");
}

#[test]
fn a_review_is_rolled_back_as_a_turn() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "hello");
    inline(&mut server, &thread);
    server.until_turn_completed(&thread);
    let rolled_back = server.request("thread/rollback", json!({"threadId": thread, "numTurns": 1}));
    server.take("thread/tokenUsage/updated");
    assert_eq!(rolled_back["thread"]["turns"].as_array().unwrap().len(), 1);
    server.run_turn(&thread, "after");
    assert_eq!(told(&scene, 3), ["user: hello", "assistant: answer", "user: after"]);
}

#[test]
fn a_thread_in_memory_is_reviewed_too() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.thread_with(&mut server, json!({"ephemeral": true}));
    inline(&mut server, &thread);
    let messages = server.until_turn_completed(&thread);
    assert_eq!(only(&messages, "exitedReviewMode")["review"], "answer");
    server.run_turn(&thread, "after");
    assert_eq!(told(&scene, 2).len(), 3);
    assert!(scene.home.rollouts().unwrap().is_empty());
}

#[test]
fn what_the_user_runs_meanwhile_is_told_to_the_thread() {
    let gate = Gate::new();
    let scene = Scene::new([held(&gate, FINDINGS), Answer::message("ok")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let started = inline(&mut server, &thread);
    scene.model.gate_reached(&gate);
    server.request("thread/shellCommand", json!({"threadId": thread, "command": "echo by hand"}));
    let messages = server.until("the command's end", |message| {
        message["method"] == "item/completed" && message["params"]["item"]["type"] == "commandExecution"
    });
    assert_eq!(messages.last().unwrap()["params"]["turnId"], started["turn"]["id"]);
    gate.open();
    server.until_turn_completed(&thread);
    server.run_turn(&thread, "after");
    let told = told(&scene, 2);
    assert!(told[0].starts_with("user: <user_shell_command>") && told[0].contains("by hand"), "{told:#?}");
    assert!(told[1].contains("<user_action>"), "{told:#?}");
    assert_eq!(told.len(), 4);
}
