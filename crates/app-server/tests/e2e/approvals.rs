//! Approvals: when the client is asked, what its answers do, what is remembered.

use std::fs;

use app_server_test_support::{Answer, TestServer, events};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::calls::{call, completed, only, shell, until_asked};
use crate::{Scene, outline, turn_status};

/// Runs one turn in which the client is asked once and answers so.
fn answered(scene: &Scene, answer: impl Fn(&mut TestServer, &Value)) -> Vec<Value> {
    let mut server = scene.server();
    let thread = scene.asking_thread(&mut server);
    server.start_turn(&thread, "run");
    let request = until_asked(&mut server);
    answer(&mut server, &request);
    server.until_turn_completed(&thread)
}

fn decided(scene: &Scene, decision: &Value) -> Vec<Value> {
    answered(scene, |server, request| server.reply(request, json!({"decision": decision})))
}

#[test]
fn the_question_tells_what_would_run() {
    let arguments = json!({
        "command": "touch made; cat made", "sandbox_permissions": "require_escalated", "justification": "May I?",
    });
    let scene = Scene::calling(call("shell_command", &arguments));
    let mut server = scene.server();
    let params = json!({"approvalPolicy": "on-request", "sandbox": "read-only"});
    let thread = scene.thread_with(&mut server, params);
    let turn = server.start_turn(&thread, "run");
    let mut messages =
        server.until("the question", |message| message["method"] == "item/commandExecution/requestApproval");
    let request = messages.pop().unwrap();
    let params = &request["params"];
    assert_eq!((&params["threadId"], &params["turnId"]), (&json!(thread), &json!(turn)));
    assert_eq!((&params["itemId"], &params["reason"]), (&json!("call_1"), &json!("May I?")));
    assert_eq!(params["cwd"], json!(scene.home.work()));
    assert!(params["command"].as_str().unwrap().contains("touch made; cat made"), "{params}");
    let started = messages.iter().find(|message| message["params"]["item"]["id"] == "call_1").unwrap();
    assert_eq!(started["params"]["item"]["status"], "inProgress");
    let waiting = json!({"type": "active", "activeFlags": ["waitingOnApproval"]});
    assert!(messages.iter().any(|message| message["params"]["status"] == waiting), "{messages:?}");

    server.reply(&request, json!({"decision": "accept"}));
    let messages = server.until_turn_completed(&thread);
    let outline = outline(&messages);
    let at =
        |name: &str| outline.iter().position(|other| other == name).unwrap_or_else(|| panic!("{outline:?}"));
    assert!(at("serverRequest/resolved") < at("item/completed commandExecution"), "{outline:?}");
    assert_eq!(only(&messages, "commandExecution")["exitCode"], 0);
    // The sandbox is read-only; an approved escalation is outside it.
    assert!(scene.home.work().join("made").exists());
}

#[test]
fn a_refused_command_does_not_run_and_the_turn_goes_on() {
    for word in ["decline", "denied"] {
        let scene = Scene::calling(shell("touch made"));
        let messages = decided(&scene, &json!(word));
        assert_eq!(turn_status(&messages), "completed");
        let item = only(&messages, "commandExecution");
        assert_eq!((&item["status"], &item["exitCode"]), (&json!("declined"), &Value::Null));
        assert_eq!(scene.told(), "exec command rejected by user");
        assert!(!scene.home.work().join("made").exists());
    }
}

#[test]
fn a_cancelled_command_ends_the_turn() {
    for word in ["cancel", "abort"] {
        let scene = Scene::new([shell("touch made")]);
        let messages = decided(&scene, &json!(word));
        assert_eq!(turn_status(&messages), "interrupted");
        assert_eq!(only(&messages, "commandExecution")["status"], "declined");
        assert!(!scene.home.work().join("made").exists());
        assert_eq!(scene.model.requests_seen(1).len(), 1);
    }
}

#[test]
fn an_answer_that_is_none_refuses() {
    type Reply = fn(&mut TestServer, &Value);
    let answers: [(Reply, &str); 4] = [
        (|server, request| server.reply_error(request, -32000, "no"), "failed"),
        (|server, request| server.reply_error(request, -32601, "method not found"), "declined"),
        (|server, request| server.reply(request, json!({"decision": "bogus"})), "failed"),
        (|server, request| server.reply(request, json!("bogus")), "failed"),
    ];
    for (answer, status) in answers {
        let scene = Scene::calling(shell("touch made"));
        let messages = answered(&scene, answer);
        assert_eq!(turn_status(&messages), "completed");
        assert_eq!(only(&messages, "commandExecution")["status"], status);
        assert!(!scene.home.work().join("made").exists());
        assert_ne!(scene.told(), "");
    }
}

#[test]
fn what_is_known_to_be_safe_is_not_asked_for() {
    let scene = Scene::calling(shell("ls && cat file | head -1"));
    fs::write(scene.home.work().join("file"), "text\n").unwrap();
    let mut server = scene.server();
    let thread = scene.asking_thread(&mut server);
    let messages = server.run_turn(&thread, "run");
    assert_eq!(only(&messages, "commandExecution")["aggregatedOutput"], "file\ntext\n");
}

#[test]
fn a_program_named_like_a_safe_one_is_asked_for() {
    let scene = Scene::calling(shell("./ls"));
    let messages = decided(&scene, &json!("decline"));
    assert_eq!(only(&messages, "commandExecution")["status"], "declined");
}

#[test]
fn questions_are_answered_in_any_order() {
    let both = Answer::response([
        events::function_call("call_a", "exec_command", &json!({"cmd": "touch a; echo a"})),
        events::function_call("call_b", "exec_command", &json!({"cmd": "touch b; echo b"})),
    ]);
    let scene = Scene::calling(both);
    let mut server = scene.server();
    let thread = scene.asking_thread(&mut server);
    server.start_turn(&thread, "run");
    let mut ask = || {
        let is_question = |message: &Value| message["method"] == "item/commandExecution/requestApproval";
        server.take_where("a question", is_question)
    };
    let mut requests = [ask(), ask()];
    requests.sort_by_key(|request| request["params"]["itemId"].to_string());
    let [a, b] = requests;
    server.reply(&b, json!({"decision": "decline"}));
    server.reply(&a, json!({"decision": "accept"}));
    let messages = server.until_turn_completed(&thread);
    let mut items: Vec<(&Value, &Value)> =
        completed(&messages, "commandExecution").iter().map(|item| (&item["id"], &item["status"])).collect();
    items.sort_by_key(|(id, _)| id.to_string());
    assert_eq!(items, [(&json!("call_a"), &json!("completed")), (&json!("call_b"), &json!("declined"))]);
    assert!(scene.home.work().join("a").exists() && !scene.home.work().join("b").exists());
    assert!(scene.told_of("call_a", 1).ends_with("a\n"));
    assert!(scene.told_of("call_b", 1).contains("rejected by user"));
}

#[test]
fn what_is_approved_for_the_session_is_asked_for_once() {
    let scripts = ["echo x >> made", "echo x >> made", "echo y >> made"];
    let answers = scripts.iter().flat_map(|script| [shell(script), Answer::message("done")]);
    let scene = Scene::new(answers);
    let mut server = scene.server();
    let thread = scene.asking_thread(&mut server);
    server.start_turn(&thread, "one");
    let request = until_asked(&mut server);
    server.reply(&request, json!({"decision": "acceptForSession"}));
    server.until_turn_completed(&thread);
    // The same again, unasked.
    let messages = server.run_turn(&thread, "two");
    assert_eq!(only(&messages, "commandExecution")["exitCode"], 0);
    // Another command.
    server.start_turn(&thread, "three");
    let request = until_asked(&mut server);
    server.reply(&request, json!({"decision": "decline"}));
    server.until_turn_completed(&thread);
    assert_eq!(fs::read_to_string(scene.home.work().join("made")).unwrap(), "x\nx\n");
}

#[test]
fn an_amendment_is_written_and_holds_at_once() {
    let answers = ["touch made", "touch made && touch made", "touch other"]
        .iter()
        .flat_map(|script| [shell(script), Answer::message("done")]);
    let scene = Scene::new(answers);
    let mut server = scene.server();
    let thread = scene.asking_thread(&mut server);
    server.start_turn(&thread, "one");
    let request = until_asked(&mut server);
    let words = json!(["touch", "made"]);
    assert_eq!(request["params"]["proposedExecpolicyAmendment"], words);
    let decision = json!({"acceptWithExecpolicyAmendment": {"execpolicy_amendment": words}});
    server.reply(&request, json!({"decision": decision}));
    assert_eq!(only(&server.until_turn_completed(&thread), "commandExecution")["exitCode"], 0);
    let rules = scene.home.home().join("rules/default.rules");
    let line = "prefix_rule(pattern=[\"touch\", \"made\"], decision=\"allow\")\n";
    assert_eq!(fs::read_to_string(&rules).unwrap(), line);
    // Unasked.
    assert_eq!(only(&server.run_turn(&thread, "two"), "commandExecution")["exitCode"], 0);
    // Another prefix.
    server.start_turn(&thread, "three");
    let request = until_asked(&mut server);
    server.reply(&request, json!({"decision": "decline"}));
    server.until_turn_completed(&thread);
    server.close();

    // The next session reads it.
    let scene_again = Scene { model: Scene::calling(shell("touch made")).model, home: scene.home };
    scene_again.home.write_mock_config(&scene_again.model.base_url(), "").unwrap();
    let mut server = scene_again.server();
    let thread = scene_again.asking_thread(&mut server);
    assert_eq!(only(&server.run_turn(&thread, "run"), "commandExecution")["exitCode"], 0);
    assert_eq!(fs::read_to_string(&rules).unwrap(), line);
}

#[test]
fn a_forbidden_prefix_is_refused_without_a_question() {
    let scene = Scene::calling(shell("touch made"));
    let rules = scene.home.home().join("rules");
    fs::create_dir(&rules).unwrap();
    let rule =
        "prefix_rule(pattern=[\"touch\"], decision=\"forbidden\", justification=\"we do not touch\")\n";
    fs::write(rules.join("default.rules"), rule).unwrap();
    let mut server = scene.server();
    let thread = scene.asking_thread(&mut server);
    let messages = server.run_turn(&thread, "run");
    assert_eq!(turn_status(&messages), "completed");
    let told = scene.told();
    assert!(told.contains("touch made") && told.ends_with("` rejected: we do not touch"), "{told}");
    assert!(!scene.home.work().join("made").exists());
}

#[test]
fn never_means_no_question_of_any_kind() {
    // Dangerous, whatever the sandbox.
    let scene = Scene::calling(shell("rm -rf nothing"));
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    assert_eq!(turn_status(&server.run_turn(&thread, "run")), "completed");
    let told = scene.told();
    assert!(told.contains("rm -rf nothing") && told.contains("rejected"), "{told}");

    // Outside the sandbox.
    let arguments = json!({
        "command": "touch made", "sandbox_permissions": "require_escalated", "justification": "May I?",
    });
    let scene = Scene::calling(call("shell_command", &arguments));
    let mut server = scene.server();
    let thread = scene.thread_with(&mut server, json!({"sandbox": "read-only"}));
    let messages = server.run_turn(&thread, "run");
    assert_eq!(completed(&messages, "commandExecution").len(), 0);
    assert!(scene.told().starts_with("approval policy is Never; reject command"), "{}", scene.told());
    assert!(!scene.home.work().join("made").exists());

    // Refused by the sandbox alone.
    let scene = Scene::calling(shell("touch made"));
    let mut server = scene.server();
    let thread = scene.thread_with(&mut server, json!({"sandbox": "read-only"}));
    let messages = server.run_turn(&thread, "run");
    assert_eq!(only(&messages, "commandExecution")["status"], "failed");
    assert!(!scene.home.work().join("made").exists());
}

/// An approved command runs in the sandbox first, and again without when the sandbox was in its way.
#[test]
fn an_approved_command_is_not_held_by_the_sandbox() {
    let scene = Scene::calling(shell("echo text > made"));
    let mut server = scene.server();
    let thread =
        scene.thread_with(&mut server, json!({"approvalPolicy": "untrusted", "sandbox": "read-only"}));
    server.start_turn(&thread, "run");
    let request = until_asked(&mut server);
    server.reply(&request, json!({"decision": "accept"}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(only(&messages, "commandExecution")["status"], "completed");
    assert_eq!(fs::read_to_string(scene.home.work().join("made")).unwrap(), "text\n");
}

/// It is as good as declined for the command, but the model must not hear of it: nobody is there any more.
#[test]
fn a_question_that_is_open_at_the_end_of_the_input_asks_the_model_nothing_more() {
    let scene = Scene::calling(shell("touch made"));
    let mut server = scene.server();
    let thread = scene.asking_thread(&mut server);
    server.start_turn(&thread, "run");
    until_asked(&mut server);
    server.connection().close_input();
    server.expect_exit();
    server.take_rest();
    assert!(!scene.home.work().join("made").exists());
    assert_eq!(scene.model.model().requests().len(), 1);
}
