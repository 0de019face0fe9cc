//! The other tools: pictures, plans, the client's own tools, questions to the user.

use std::fs;
use std::path::Path;

use app_server_test_support::Answer;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::calls::{call, completed, only};
use crate::{Scene, turn_status};

/// One transparent pixel.
const PIXEL: [u8; 70] = [
    137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 31,
    21, 196, 137, 0, 0, 0, 13, 73, 68, 65, 84, 120, 218, 99, 100, 248, 207, 80, 15, 0, 3, 134, 1, 128, 90,
    52, 125, 107, 0, 0, 0, 0, 73, 69, 78, 68, 174, 66, 96, 130,
];

#[test]
fn a_picture_reaches_the_model() {
    for is_absolute in [false, true] {
        let answer = |path: &Path| call("view_image", &json!({"path": path}));
        let scene = Scene::new([]);
        let path = scene.home.work().join("pic.png");
        scene.model.model().push(answer(if is_absolute { &path } else { Path::new("pic.png") }));
        scene.model.model().push(Answer::message("done"));
        fs::write(&path, PIXEL).unwrap();
        let mut server = scene.server();
        let thread = scene.start_thread(&mut server);
        let messages = server.run_turn(&thread, "look");
        assert_eq!(turn_status(&messages), "completed");
        let item = only(&messages, "imageView");
        assert_eq!((&item["id"], &item["path"]), (&json!("call_1"), &json!(path)));
        let body = scene.model.requests_seen(2).remove(1).body;
        assert!(body.to_string().contains("data:image/png;base64,iVBORw0KGgo"), "{body}");
    }
}

#[test]
fn what_is_no_picture_is_told_of() {
    let scene = Scene::calling(call("view_image", &json!({"path": "missing.png"})));
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "look");
    assert_eq!(completed(&messages, "imageView").len(), 0);
    let path = scene.home.work().join("missing.png");
    let text = format!("unable to locate image at `{}`: ", path.display());
    assert!(scene.told().starts_with(&text), "{}", scene.told());

    for prepare in [
        |scene: &Scene| fs::create_dir(scene.home.work().join("thing.png")),
        |scene: &Scene| fs::write(scene.home.work().join("thing.png"), "words"),
    ] {
        let scene = Scene::calling(call("view_image", &json!({"path": "thing.png"})));
        prepare(&scene).unwrap();
        let mut server = scene.server();
        let thread = scene.start_thread(&mut server);
        assert_eq!(turn_status(&server.run_turn(&thread, "look")), "completed");
        assert_ne!(scene.told(), "");
        let body = scene.model.requests_seen(2).remove(1).body;
        assert!(!body.to_string().contains("data:image"), "{body}");
    }
}

#[test]
fn a_plan_is_shown() {
    let plan = json!([
        {"step": "one", "status": "completed"},
        {"step": "two", "status": "in_progress"},
        {"step": "three", "status": "pending"},
    ]);
    let scene = Scene::calling(call("update_plan", &json!({"explanation": "why", "plan": plan})));
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "plan");
    let messages = server.until_turn_completed(&thread);
    let updates: Vec<&Value> = messages
        .iter()
        .filter(|message| message["method"] == "turn/plan/updated")
        .map(|message| &message["params"])
        .collect();
    assert_eq!(
        updates,
        [&json!({
            "threadId": thread, "turnId": turn, "explanation": "why",
            "plan": [
                {"step": "one", "status": "completed"},
                {"step": "two", "status": "inProgress"},
                {"step": "three", "status": "pending"},
            ],
        })]
    );
    assert_eq!(scene.told(), "Plan updated");
}

#[test]
fn a_plan_that_cannot_be_read_is_told_of() {
    let plan = json!([{"step": "one", "status": "done"}]);
    let scene = Scene::calling(call("update_plan", &json!({"plan": plan})));
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "plan");
    assert!(!messages.iter().any(|message| message["method"] == "turn/plan/updated"));
    assert!(scene.told().starts_with("failed to parse function arguments: "), "{}", scene.told());
}

fn lookup() -> Value {
    let schema = json!({"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]});
    json!({"name": "lookup", "description": "looks things up", "inputSchema": schema})
}

#[test]
fn a_tool_of_the_client_is_called() {
    let items = json!([{"type": "inputText", "text": "found it"}]);
    for (result, status, told) in [
        (json!({"contentItems": items, "success": true}), "completed", "found it"),
        (json!({"output": "found it", "success": true}), "completed", "found it"),
        (json!({"contentItems": items, "success": false}), "failed", "found it"),
        (json!({"output": "found it", "success": false}), "failed", "found it"),
        (json!({"something": "else"}), "failed", "dynamic tool request failed"),
    ] {
        let scene = Scene::calling(call("lookup", &json!({"q": "x"})));
        let mut server = scene.server();
        let thread = scene.thread_with(&mut server, json!({"dynamicTools": [lookup()]}));
        let turn = server.start_turn(&thread, "use it");
        let request = server.take("item/tool/call");
        let params = &request["params"];
        assert_eq!((&params["threadId"], &params["turnId"]), (&json!(thread), &json!(turn)));
        assert_eq!((&params["callId"], &params["tool"]), (&json!("call_1"), &json!("lookup")));
        assert_eq!(params["arguments"], json!({"q": "x"}));
        server.reply(&request, result);
        let messages = server.until_turn_completed(&thread);
        let item = only(&messages, "dynamicToolCall");
        assert_eq!((&item["id"], &item["status"]), (&json!("call_1"), &json!(status)));
        assert_eq!(scene.told(), told);
        let body = scene.model.requests_seen(1).remove(0).body;
        let tools = body["tools"].as_array().unwrap();
        assert!(tools.iter().any(|tool| tool["name"] == "lookup"), "{tools:?}");
    }
}

#[test]
fn a_tool_that_the_client_refuses_fails() {
    let scene = Scene::calling(call("lookup", &json!({"q": "x"})));
    let mut server = scene.server();
    let thread = scene.thread_with(&mut server, json!({"dynamicTools": [lookup()]}));
    server.start_turn(&thread, "use it");
    let request = server.take("item/tool/call");
    server.reply_error(&request, -32000, "client failed");
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "completed");
    assert_eq!(only(&messages, "dynamicToolCall")["status"], "failed");
    assert_eq!(scene.told(), "dynamic tool request failed");
}

#[test]
fn tools_with_bad_names_are_refused() {
    let scene = Scene::new([]);
    let mut server = scene.server();
    let mut bad = lookup();
    bad["name"] = json!("bad name!");
    for tools in [json!([lookup(), lookup()]), json!([bad])] {
        let params = json!({"cwd": scene.home.work(), "dynamicTools": tools});
        assert_eq!(server.request_error("thread/start", params)["code"], -32600);
    }
}

fn question() -> Answer {
    let options = json!([
        {"label": "A (Recommended)", "description": "first"}, {"label": "B", "description": "second"},
    ]);
    let question = json!({"id": "pick", "header": "Pick", "question": "Which one?", "options": options});
    call("request_user_input", &json!({"questions": [question]}))
}

fn mode(name: &str) -> Value {
    let settings = json!({"model": "mock-model", "reasoning_effort": null, "developer_instructions": null});
    json!({"mode": name, "settings": settings})
}

#[test]
fn the_user_is_asked_in_plan_mode() {
    let answers = json!({"pick": {"answers": ["A (Recommended)", "user_note: ok"]}});
    for (result, told) in [
        (
            Some(json!({"answers": answers})),
            r#"{"answers":{"pick":{"answers":["A (Recommended)","user_note: ok"]}}}"#,
        ),
        (None, r#"{"answers":{}}"#),
    ] {
        let scene = Scene::calling(question());
        let mut server = scene.server();
        let thread = scene.start_thread(&mut server);
        let input = json!([{"type": "text", "text": "ask"}]);
        let params = json!({"threadId": thread, "input": input, "collaborationMode": mode("plan")});
        server.request("turn/start", params);
        let mut messages =
            server.until("the question", |message| message["method"] == "item/tool/requestUserInput");
        let request = messages.pop().unwrap();
        let asked = &request["params"]["questions"][0];
        assert_eq!((&asked["id"], &asked["question"]), (&json!("pick"), &json!("Which one?")));
        assert_eq!((&asked["isOther"], &asked["options"][1]["label"]), (&json!(true), &json!("B")));
        assert_eq!(request["params"]["itemId"], "call_1");
        let waiting = json!({"type": "active", "activeFlags": ["waitingOnUserInput"]});
        assert!(messages.iter().any(|message| message["params"]["status"] == waiting), "{messages:?}");
        match result {
            Some(result) => server.reply(&request, result),
            None => server.reply_error(&request, -32000, "dismissed"),
        }
        let messages = server.until_turn_completed(&thread);
        assert_eq!(turn_status(&messages), "completed");
        assert_eq!(scene.told(), told);
    }
}

#[test]
fn the_user_is_not_asked_otherwise() {
    let scene = Scene::calling(question());
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "ask");
    assert_eq!(turn_status(&messages), "completed");
    assert_eq!(scene.told(), "request_user_input is unavailable in Default mode");
}

#[test]
fn a_proposed_plan_is_an_item_of_its_own() {
    let scene =
        Scene::new([Answer::message("Before\n<proposed_plan>\n- one\n- two\n</proposed_plan>\nAfter")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let input = json!([{"type": "text", "text": "plan"}]);
    let params = json!({"threadId": thread, "input": input, "collaborationMode": mode("plan")});
    server.request("turn/start", params);
    let messages = server.until_turn_completed(&thread);
    let plan = only(&messages, "plan");
    let pieces = messages.iter().filter(|message| message["method"] == "item/plan/delta");
    let pieces: Vec<&Value> = pieces.map(|message| &message["params"]).collect();
    assert!(pieces.iter().all(|params| params["itemId"] == plan["id"]), "{pieces:?}");
    let text: String = pieces.iter().map(|params| params["delta"].as_str().unwrap()).collect();
    assert_eq!((text.trim(), plan["text"].as_str().unwrap().trim()), ("- one\n- two", "- one\n- two"));
}
