//! Agents: threads that the model of another thread begins, talks to, waits for and ends.

use std::sync::Mutex;

use app_server_test_support::{
    Answer, BlockingMockModel, Gate, RecordedRequest, TestServer, events, tool_output,
};
use serde_json::{Value, json};

use crate::{Scene, outline, turn_status};

fn calling(call_id: &str, name: &str, arguments: &Value) -> Answer {
    Answer::response([events::function_call(call_id, name, arguments)])
}

fn is_agent(request: &RecordedRequest) -> bool {
    request.header("x-openai-subagent") == Some("collab_spawn")
}

/// The thread's model does these steps, which know the agent's id once there is one; the agent's model gives these
/// answers.
type Step = Box<dyn Fn(&str) -> Answer + Send>;

fn scene(steps: Vec<Step>, of_agent: Vec<Answer>) -> Scene {
    let (mut steps, mut of_agent) = (steps.into_iter(), of_agent.into_iter());
    let agent = Mutex::new(String::new());
    Scene::with_model(BlockingMockModel::start_with(move |request| {
        if is_agent(request) {
            return of_agent.next().unwrap_or_else(|| Answer::message("agent's answer"));
        }
        let output = tool_output(&request.body, "spawn").as_str().unwrap_or_default();
        let mut agent = agent.lock().unwrap();
        if let Ok(output) = serde_json::from_str::<Value>(output) {
            *agent = output["agent_id"].as_str().unwrap().to_owned();
        }
        steps.next().map_or_else(|| Answer::message("done"), |step| step(&agent))
    }))
}

fn step(answer: impl Fn(&str) -> Answer + Send + 'static) -> Step {
    Box::new(answer)
}

fn spawn() -> Step {
    step(|_| calling("spawn", "spawn_agent", &json!({"message": "child task"})))
}

fn wait() -> Step {
    step(|agent| calling("wait", "wait_agent", &json!({"targets": [agent]})))
}

/// The completed items of agents' tools, by tool.
fn done(messages: &[Value], tool: &str) -> Value {
    let is_it =
        |message: &&Value| message["method"] == "item/completed" && message["params"]["item"]["tool"] == tool;
    messages.iter().find(is_it).unwrap_or_else(|| panic!("{tool}: {messages:?}"))["params"]["item"].clone()
}

fn agent_of(messages: &[Value]) -> String {
    done(messages, "spawnAgent")["receiverThreadIds"][0].as_str().unwrap().to_owned()
}

/// What the thread's model was told by its last request.
fn told(scene: &Scene, call_id: &str) -> Value {
    let requests = scene.model.model().requests();
    let last = requests.iter().rev().find(|request| !is_agent(request)).unwrap();
    let text = tool_output(&last.body, call_id).as_str().unwrap();
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

fn read(server: &mut TestServer, thread: &str) -> Value {
    server.request("thread/read", json!({"threadId": thread, "includeTurns": true}))["thread"].clone()
}

#[test]
fn an_agent_runs_in_a_thread_of_its_own() {
    let scene = scene(vec![spawn(), wait()], vec![Answer::message("found it")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "delegate");
    let messages = server.until_turn_completed(&thread);
    let agent = agent_of(&messages);
    let spawned = done(&messages, "spawnAgent");
    assert_eq!(spawned["agentsStates"][&agent]["status"], "pendingInit");
    assert_eq!((&spawned["prompt"], &spawned["status"]), (&json!("child task"), &json!("completed")));
    let waited = done(&messages, "wait");
    assert_eq!(waited["agentsStates"][&agent], json!({"status": "completed", "message": "found it"}));
    assert_eq!(
        told(&scene, "wait"),
        json!({"status": {&agent: {"completed": "found it"}}, "timed_out": false})
    );

    let of_agent: Vec<Value> =
        messages.iter().filter(|message| message["params"]["threadId"] == agent.as_str()).cloned().collect();
    let shown = outline(&of_agent);
    let begins = ["thread/status/changed idle", "thread/status/changed active", "turn/started"];
    assert_eq!(shown[..3], begins.map(str::to_owned));
    assert!(shown.contains(&"item/completed userMessage".to_owned()));
    assert_eq!(shown[shown.len() - 2..], ["thread/status/changed idle", "turn/completed"].map(str::to_owned));
    assert_eq!(of_agent[2]["params"]["turn"]["rootTurnId"], turn.as_str());

    // A thread like any other, under the one that began it; not in lists of the user's threads.
    let child = read(&mut server, &agent);
    assert_eq!(
        (&child["parentThreadId"], &child["sessionId"], &child["preview"]),
        (&json!(thread), &json!(thread), &json!("child task"))
    );
    assert_eq!(child["source"]["subAgent"]["thread_spawn"]["depth"], 1, "{child}");
    let list = server.request("thread/list", json!({}));
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    let items = read(&mut server, &thread)["turns"][0]["items"].clone();
    assert!(items.as_array().unwrap().iter().any(|item| item["tool"] == "spawnAgent"), "{items}");

    // It cannot begin agents, and it is cached with its parent.
    let requests = scene.model.model().requests();
    let names = |request: &RecordedRequest| {
        let tools = request.body["tools"].as_array().unwrap().clone();
        tools.iter().filter_map(|tool| tool["name"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let child = requests.iter().find(|request| is_agent(request)).unwrap();
    assert!(!names(child).contains(&"spawn_agent".to_owned()));
    assert!(names(&requests[0]).contains(&"spawn_agent".to_owned()));
    assert_eq!(child.body["prompt_cache_key"], thread.as_str());
    // Its parent's model hears of its end by itself, too.
    let text = requests.last().unwrap().body["input"].to_string();
    assert!(text.contains("<subagent_notification>"), "{text}");
}

#[test]
fn an_agent_gets_more_input_and_is_ended_and_brought_back() {
    let scene = scene(
        vec![
            spawn(),
            wait(),
            step(|agent| calling("send", "send_input", &json!({"target": agent, "message": "more"}))),
            step(|agent| calling("wait2", "wait", &json!({"ids": [agent]}))),
            step(|agent| calling("close", "close_agent", &json!({"id": agent}))),
            step(|agent| calling("send2", "send_input", &json!({"id": agent, "message": "again"}))),
            step(|agent| calling("resume", "resume_agent", &json!({"id": agent}))),
            step(|agent| calling("send3", "send_input", &json!({"target": agent, "message": "again"}))),
            step(|agent| calling("wait3", "wait_agent", &json!({"targets": [agent]}))),
        ],
        vec![Answer::message("one"), Answer::message("two"), Answer::message("three")],
    );
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.start_turn(&thread, "delegate");
    let messages = server.until_turn_completed(&thread);
    let agent = agent_of(&messages);
    let answered = |text: &str| json!({"status": {&agent: {"completed": text}}, "timed_out": false});
    assert_eq!(told(&scene, "wait"), answered("one"));
    assert!(told(&scene, "send")["submission_id"].is_string());
    assert_eq!(told(&scene, "wait2"), answered("two"));
    assert_eq!(told(&scene, "close"), json!({"status": {"completed": "two"}}));
    assert!(told(&scene, "send2").as_str().unwrap().contains("resume_agent"));
    assert_eq!(told(&scene, "resume"), json!({"status": "pending_init"}));
    assert_eq!(told(&scene, "wait3"), answered("three"));
    let closed: Vec<_> = messages.iter().filter(|message| message["method"] == "thread/closed").collect();
    assert_eq!(closed.len(), 1);
    assert_eq!(read(&mut server, &agent)["turns"].as_array().unwrap().len(), 3);
}

#[test]
fn an_agent_is_brought_back_after_a_restart() {
    let scene = scene(
        vec![
            spawn(),
            wait(),
            step(|_| Answer::message("done")),
            step(|agent| calling("send", "send_input", &json!({"target": agent, "message": "again"}))),
            step(|agent| calling("resume", "resume_agent", &json!({"id": agent}))),
            step(|agent| calling("send2", "send_input", &json!({"target": agent, "message": "again"}))),
            step(|agent| calling("wait2", "wait_agent", &json!({"targets": [agent]}))),
        ],
        vec![Answer::message("one"), Answer::message("two")],
    );
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.start_turn(&thread, "delegate");
    let agent = agent_of(&server.until_turn_completed(&thread));
    server.close();

    let mut server = scene.server();
    server.request("thread/resume", json!({"threadId": thread}));
    server.start_turn(&thread, "once more");
    server.until_turn_completed(&thread);
    assert_eq!(told(&scene, "send"), format!("there is no agent {agent}"));
    assert_eq!(told(&scene, "resume"), json!({"status": "pending_init"}));
    assert_eq!(told(&scene, "wait2"), json!({"status": {&agent: {"completed": "two"}}, "timed_out": false}));
    assert_eq!(read(&mut server, &agent)["turns"].as_array().unwrap().len(), 2);
    let requests = scene.model.model().requests();
    let last = requests.iter().rev().find(|request| is_agent(request)).unwrap();
    assert!(last.body["input"].to_string().contains("child task"), "{}", last.body["input"]);
}

#[test]
fn there_are_so_many_agents_and_no_more() {
    let scene = scene(
        vec![spawn(), step(|_| calling("second", "spawn_agent", &json!({"message": "another"}))), wait()],
        vec![],
    );
    scene.home.write_mock_config(&scene.model.base_url(), "[agents]\nmax_threads = 1\n").unwrap();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.start_turn(&thread, "delegate");
    let messages = server.until_turn_completed(&thread);
    let failed =
        messages.iter().rev().find(|message| message["params"]["item"]["tool"] == "spawnAgent").unwrap();
    assert_eq!(failed["params"]["item"]["status"], "failed");
    assert!(told(&scene, "second").as_str().unwrap().contains("close_agent"));
    server.take_rest();
}

#[test]
fn questions_of_an_agent_reach_the_client() {
    let command = calling("run", "shell_command", &json!({"command": "touch made"}));
    let scene = scene(vec![spawn(), wait()], vec![command, Answer::message("made")]);
    let mut server = scene.server();
    let thread = server.start_thread_with(
        json!({"cwd": scene.home.work(), "model": "gpt-5.2-codex", "approvalPolicy": "untrusted"}),
    );
    server.start_turn(&thread, "delegate");
    let question = server.take("item/commandExecution/requestApproval");
    let agent = question["params"]["threadId"].clone();
    assert_ne!(agent, json!(thread));
    server.reply(&question, json!({"decision": "decline"}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(agent_of(&messages), agent);
    assert_eq!(turn_status(&messages), "completed");
}

#[test]
fn an_interrupt_ends_the_wait_and_not_the_agent() {
    let gate = Gate::new();
    let held =
        Answer::events([events::created("resp_1")]).gate(&gate).and(events::message("msg_1", "late")).and([
            events::completed("resp_1", &json!({"input_tokens": 1, "output_tokens": 1, "total_tokens": 2})),
        ]);
    let scene = scene(vec![spawn(), wait()], vec![held]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "delegate");
    server.take_where("the wait", |message| {
        message["method"] == "item/started" && message["params"]["item"]["tool"] == "wait"
    });
    scene.model.gate_reached(&gate);
    server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    let messages = server.until_turn_completed(&thread);
    let agent = agent_of(&messages);
    assert_eq!(done(&messages, "wait")["status"], "interrupted");
    assert_eq!(turn_status(&messages), "interrupted");
    gate.open();
    assert_eq!(turn_status(&server.until_turn_completed(&agent)), "completed");
}

#[test]
fn agents_go_with_their_thread() {
    for method in ["thread/archive", "thread/delete"] {
        let gate = Gate::new();
        let held = Answer::events([events::created("resp_1")]).gate(&gate);
        let scene = scene(vec![spawn()], vec![held]);
        let mut server = scene.server();
        let thread = scene.start_thread(&mut server);
        server.start_turn(&thread, "delegate");
        let agent = agent_of(&server.until_turn_completed(&thread));
        scene.model.gate_reached(&gate);
        server.request(method, json!({"threadId": thread}));
        let told = if method == "thread/archive" { "thread/archived" } else { "thread/deleted" };
        let messages = server.until(told, |message| {
            message["method"] == told && message["params"]["threadId"] == agent.as_str()
        });
        assert!(outline(&messages).contains(&"turn/completed".to_owned()), "{messages:?}");
        assert!(scene.home.rollouts().unwrap().is_empty());
        server.take_rest();
    }
}

#[test]
fn an_agent_may_know_what_was_said() {
    let scene = scene(
        vec![
            step(|_| Answer::message("noted")),
            step(|_| {
                let arguments = json!({"items": [{"type": "text", "text": "go on"}], "fork_context": true, "model": "other"});
                calling("spawn", "spawn_agent", &arguments)
            }),
            wait(),
        ],
        vec![],
    );
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "remember the number 7");
    server.run_turn(&thread, "delegate");
    let requests = scene.model.model().requests();
    let child = requests.iter().find(|request| is_agent(request)).unwrap();
    let input = child.body["input"].to_string();
    assert!(input.contains("remember the number 7") && input.contains("go on"), "{input}");
    assert!(!input.contains("spawn_agent"), "{input}");
    assert_eq!(child.body["model"], "other");
    server.take_rest();
}

#[test]
fn what_is_no_agent_is_said() {
    let unknown = "0199a213-81c0-7800-8aa1-bbab2a035a53";
    let call = move |id: &'static str, name: &'static str, arguments: Value| {
        step(move |_| calling(id, name, &arguments))
    };
    let scene = scene(
        vec![
            call("a", "send_input", json!({"target": unknown, "message": "hello"})),
            call("b", "close_agent", json!({"target": unknown})),
            call("c", "resume_agent", json!({"id": unknown})),
            call("d", "wait_agent", json!({"targets": [unknown]})),
            call("e", "wait_agent", json!({"targets": ["nobody"]})),
            call("f", "spawn_agent", json!({"message": ""})),
        ],
        vec![],
    );
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "delegate");
    for call in ["a", "b"] {
        assert_eq!(told(&scene, call), format!("there is no agent {unknown}"));
    }
    assert!(told(&scene, "c").as_str().unwrap().contains("no rollout found"));
    assert_eq!(told(&scene, "d"), json!({"status": {unknown: "not_found"}, "timed_out": false}));
    assert_eq!(told(&scene, "e"), "nobody is not the id of an agent");
    assert!(told(&scene, "f").as_str().unwrap().contains("must be told"));
}
