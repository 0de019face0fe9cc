//! Commands: what the model is told of them, what the client is shown, what they may see.

use std::fs;
use std::time::{Duration, Instant};

use app_server_test_support::processes::Sleeper;
use app_server_test_support::{Answer, Connection, TestServer, events};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::calls::{
    CODEX_MODEL, LIMIT, call, completed, deltas, only, shell, text_of, timeless, write_to_session,
};
use crate::{BINARY, Scene, outline, turn_status};

/// Runs one call in a fresh scene: the turn's messages and what the model was told.
fn run(answer: Answer) -> (Vec<Value>, String) {
    run_with(answer, json!({}))
}

fn run_with(answer: Answer, params: Value) -> (Vec<Value>, String) {
    let scene = Scene::calling(answer);
    let mut server = scene.server();
    let thread = scene.thread_with(&mut server, params);
    let messages = server.run_turn(&thread, "run");
    assert_eq!(turn_status(&messages), "completed");
    (messages, scene.told())
}

#[test]
fn the_order_of_a_turn_with_a_command() {
    let (messages, _) = run(shell("echo hello"));
    let command: Vec<String> =
        outline(&messages).into_iter().filter(|name| name.contains("ommandExecution")).collect();
    assert_eq!(
        command,
        [
            "item/started commandExecution",
            "item/commandExecution/outputDelta",
            "item/completed commandExecution"
        ]
    );
    let started = messages
        .iter()
        .find(|message| {
            message["method"] == "item/started" && message["params"]["item"]["type"] == "commandExecution"
        })
        .unwrap();
    assert_eq!(started["params"]["item"]["status"], "inProgress");
    let item = only(&messages, "commandExecution");
    assert_eq!(
        (&item["id"], &item["status"], &item["exitCode"], &item["aggregatedOutput"]),
        (&json!("call_1"), &json!("completed"), &json!(0), &json!("hello\n"))
    );
    assert!(item["command"].as_str().unwrap().ends_with(" -lc 'echo hello'"), "{item}");
    assert!(item["durationMs"].is_u64(), "{item}");
}

#[test]
fn a_script_is_told_of_in_lines() {
    let (_, told) = run(shell("echo hello"));
    assert_eq!(timeless(&told), "Exit code: 0\nWall time: S seconds\nOutput:\nhello\n");
}

#[test]
fn a_program_is_told_of_as_json() {
    for name in ["shell", "container.exec"] {
        let (_, told) = run(call(name, &json!({"command": ["echo", "hello"]})));
        let expected = r#"{"output":"hello\n","metadata":{"exit_code":0,"duration_seconds":S}}"#;
        assert_eq!(timeless(&told), expected, "{name}");
    }
}

#[test]
fn a_program_of_a_model_with_the_patch_tool_is_told_of_in_lines() {
    let answer = call("shell", &json!({"command": ["echo", "hello"]}));
    let (_, told) = run_with(answer, json!({"model": CODEX_MODEL}));
    assert_eq!(timeless(&told), "Exit code: 0\nWall time: S seconds\nOutput:\nhello\n");
}

#[test]
fn a_hosted_shell_call_runs() {
    let item = json!({
        "type": "local_shell_call", "id": "lsh_1", "call_id": "call_1", "status": "completed",
        "action": {"type": "exec", "command": ["echo", "hello"], "timeout_ms": 5000},
    });
    let (messages, told) = run(Answer::response([vec![events::item_done(&item)]]));
    assert_eq!(only(&messages, "commandExecution")["aggregatedOutput"], "hello\n");
    assert_eq!(timeless(&told), r#"{"output":"hello\n","metadata":{"exit_code":0,"duration_seconds":S}}"#);
}

#[test]
fn a_session_command_is_told_of_with_its_end() {
    let (messages, told) = run(call("exec_command", &json!({"cmd": "echo hello"})));
    assert_eq!(
        timeless(&told),
        "Chunk ID: C\nWall time: S seconds\nProcess exited with code 0\nOriginal token count: 2\nOutput:\nhello\n"
    );
    assert_eq!(only(&messages, "commandExecution")["aggregatedOutput"], "hello\n");
}

#[test]
fn a_failure_is_told_of_like_a_success() {
    let (messages, told) = run(shell("echo out; echo err 1>&2; exit 3"));
    let item = only(&messages, "commandExecution");
    assert_eq!((&item["status"], &item["exitCode"]), (&json!("failed"), &json!(3)));
    assert_eq!(timeless(&told), "Exit code: 3\nWall time: S seconds\nOutput:\nout\nerr\n");
    let (_, told) = run(call("exec_command", &json!({"cmd": "echo out; exit 3"})));
    assert!(told.contains("\nProcess exited with code 3\n") && told.ends_with("\nOutput:\nout\n"), "{told}");
}

#[test]
fn a_death_by_signal_keeps_the_output() {
    let (messages, told) = run(shell("echo before; kill -9 $$"));
    let item = only(&messages, "commandExecution");
    assert_eq!((&item["status"], &item["exitCode"]), (&json!("failed"), &json!(137)));
    assert_eq!(timeless(&told), "Exit code: 137\nWall time: S seconds\nOutput:\nbefore\n");
}

#[test]
fn a_missing_program_is_a_failure_of_the_command() {
    let (messages, told) = run(shell("no_such_command_xyz"));
    assert_eq!(only(&messages, "commandExecution")["exitCode"], 127);
    assert!(told.starts_with("Exit code: 127\n"), "{told}");
}

#[test]
fn a_timeout_keeps_the_output_and_kills_the_descendants() {
    let sleeper = Sleeper::new();
    let script = format!("echo begun; {} & {}", sleeper.command(), sleeper.command());
    let start = Instant::now();
    let (messages, told) = run(call("shell_command", &json!({"command": script, "timeout_ms": 500})));
    assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
    let item = only(&messages, "commandExecution");
    assert_eq!((&item["status"], &item["exitCode"]), (&json!("failed"), &json!(124)));
    assert_eq!(
        timeless(&told),
        "Exit code: 124\nWall time: S seconds\nOutput:\ncommand timed out after M milliseconds\nbegun\n"
    );
    sleeper.wait_running(0, Duration::from_secs(1)).unwrap();

    let (_, told) = run(call("shell", &json!({"command": ["sleep", "100"], "timeout_ms": 300})));
    let expected = r#"{"output":"command timed out after M milliseconds\n","metadata":{"exit_code":124,"duration_seconds":S}}"#;
    assert_eq!(timeless(&told), expected);
}

/// Returns what is before the mark of truncation, the number in it, and what is after it.
fn truncated<'a>(text: &'a str, unit: &str) -> (&'a str, usize, &'a str) {
    let mut parts = text.split('…');
    let (head, mark, tail) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    assert_eq!(parts.next(), None, "one mark only");
    let number = mark.strip_suffix(&format!(" {unit} truncated")).unwrap_or_else(|| panic!("{mark}"));
    (head, number.parse().unwrap(), tail)
}

#[test]
fn long_output_is_cut_in_the_middle_for_the_model() {
    let whole: String = (1..=20_000).map(|number| format!("{number}\n")).collect();
    for (model, unit, budget, unit_bytes) in
        [(CODEX_MODEL, "tokens", 40_000, 4), ("gpt-5", "chars", 10_000, 1)]
    {
        let (messages, told) = run_with(shell("seq 1 20000"), json!({"model": model}));
        assert!(only(&messages, "commandExecution")["aggregatedOutput"] == whole.as_str());
        let told = timeless(&told);
        let head = "Exit code: 0\nWall time: S seconds\nTotal output lines: 20000\nOutput:\n";
        let text = told.strip_prefix(head).unwrap_or_else(|| panic!("{}", &told[..200]));
        let (head, number, tail) = truncated(text, unit);
        assert!(whole.starts_with(head) && whole.ends_with(tail), "{model}");
        assert!(head.len().abs_diff(budget / 2) < 8 && tail.len().abs_diff(budget / 2) < 8, "{model}");
        assert_eq!(number, (whole.len() - head.len() - tail.len()).div_ceil(unit_bytes), "{model}");
    }
}

#[test]
fn output_deltas_add_up_to_the_output() {
    let script = "for i in 1 2 3; do echo größe $i; echo ünd 1>&2; done; seq 1 5000; printf 'no newline ä'";
    for answer in [shell(script), call("exec_command", &json!({"cmd": script}))] {
        let (messages, _) = run(answer);
        let item = only(&messages, "commandExecution");
        let output = item["aggregatedOutput"].as_str().unwrap();
        assert!(output.contains("größe 3\n") && output.contains("5000\nno newline ä"));
        assert!(deltas(&messages, "call_1") == output);
    }
}

#[test]
fn a_background_child_neither_delays_nor_loses_the_output() {
    let sleeper = Sleeper::new();
    let scene = Scene::calling(shell(&format!("{} & echo shown", sleeper.command())));
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let start = Instant::now();
    let messages = server.run_turn(&thread, "run");
    assert!(start.elapsed() < Duration::from_millis(1500), "{:?}", start.elapsed());
    assert_eq!(only(&messages, "commandExecution")["aggregatedOutput"], "shown\n");
    assert!(scene.told().ends_with("\nOutput:\nshown\n"));
    sleeper.wait_running(0, Duration::from_millis(500)).unwrap();
}

#[test]
fn outputs_go_back_in_the_order_of_the_calls() {
    let slow_first = Answer::response([
        events::function_call("call_a", "shell_command", &json!({"command": "sleep 0.3; echo a"})),
        events::function_call("call_b", "shell_command", &json!({"command": "echo b"})),
    ]);
    let scene = Scene::calling(slow_first);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "run");
    assert_eq!(completed(&messages, "commandExecution").len(), 2);
    let body = scene.model.requests_seen(2).remove(1).body;
    let outputs: Vec<(&str, bool)> = body["input"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["type"] == "function_call_output")
        .map(|item| {
            let call = item["call_id"].as_str().unwrap();
            let letter = call.trim_start_matches("call_");
            (call, text_of(&item["output"]).ends_with(&format!("\nOutput:\n{letter}\n")))
        })
        .collect();
    assert_eq!(outputs, [("call_a", true), ("call_b", true)]);
}

/// The client reads nothing until the command has written most of it.
#[test]
fn a_slow_client_gets_all_of_a_long_output() {
    const BYTES: usize = 5_000_000;
    let scene =
        Scene::calling(shell(&format!("touch begun; head -c {BYTES} /dev/zero | tr '\\0' x; touch ended")));
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.start_turn(&thread, "run");
    server.connection().pause_reading();
    let begun = scene.home.work().join("begun");
    let deadline = Instant::now() + LIMIT;
    while !begun.exists() {
        assert!(Instant::now() < deadline, "the command did not start");
        std::thread::yield_now();
    }
    server.connection().resume_reading();
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "completed");
    assert_eq!(only(&messages, "commandExecution")["status"], "completed");
    let shown = deltas(&messages, "call_1");
    assert_eq!((shown.len(), shown.trim_matches('x').len()), (BYTES, 0));
}

#[test]
fn calls_that_cannot_be_made_are_told_of() {
    for (answer, told) in [
        (call("shell_command", &json!({})), "failed to parse function arguments: "),
        (call("no_such_tool", &json!({})), "unsupported call: no_such_tool"),
        (
            Answer::response([events::custom_tool_call("call_1", "no_such_tool", "x")]),
            "unsupported custom tool call: no_such_tool",
        ),
    ] {
        let (messages, output) = run(answer);
        assert!(output.starts_with(told), "{output}");
        assert_eq!(completed(&messages, "commandExecution").len(), 0);
    }
}

#[test]
fn a_session_goes_on_while_it_is_written_to() {
    let scene = Scene::stepwise([
        |_| call("exec_command", &json!({"cmd": "read x; echo got $x", "tty": true, "yield_time_ms": 250})),
        |request| write_to_session(request, "hey\n"),
    ]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "run");
    assert_eq!(
        timeless(&scene.told()),
        "Chunk ID: C\nWall time: S seconds\nProcess running with session ID N\nOriginal token count: 0\nOutput:\n"
    );
    assert_eq!(
        timeless(&scene.told_of("call_2", 2)),
        "Chunk ID: C\nWall time: S seconds\nProcess exited with code 0\nOriginal token count: 4\nOutput:\nhey\r\ngot hey\r\n"
    );
    let item = only(&messages, "commandExecution");
    assert_eq!((&item["id"], &item["aggregatedOutput"]), (&json!("call_1"), &json!("hey\r\ngot hey\r\n")));
    let interaction = messages
        .iter()
        .find(|message| message["method"] == "item/commandExecution/terminalInteraction")
        .unwrap();
    let params = &interaction["params"];
    assert_eq!((&params["itemId"], &params["stdin"]), (&json!("call_1"), &json!("hey\n")));
    assert_eq!(params["processId"], item["processId"]);
}

#[test]
fn a_session_that_cannot_be_written_to_is_told_of() {
    let (_, told) = run(call("write_stdin", &json!({"session_id": 4711, "chars": "x"})));
    assert_eq!(told, "write_stdin failed: Unknown process id 4711");

    let scene = Scene::stepwise([
        |_| call("exec_command", &json!({"cmd": "sleep 600", "yield_time_ms": 250})),
        |request| write_to_session(request, "x"),
    ]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "run");
    assert_eq!(
        scene.told_of("call_2", 2),
        "write_stdin failed: stdin is closed for this session; rerun exec_command with tty=true to keep stdin open"
    );
    // The command ends with the server, and is told of or not.
    server.close();
}

#[test]
fn secrets_of_the_environment_stay_with_the_server() {
    let secrets = [
        ("OPENAI_API_KEY", "sk-value-of-a-key"),
        ("GH_TOKEN", "ghp_value_of_a_token"),
        ("AWS_SECRET_ACCESS_KEY", "value-of-a-secret"),
        ("DB_PASSWORD", "value-of-a-password"),
    ];
    let scene = Scene::calling(shell("env"));
    let env: Vec<_> = secrets.into_iter().chain([("HARMLESS", "value-to-be-seen")]).collect();
    let mut server = TestServer::start_in(BINARY, &scene.home, &env);
    server.initialize(json!({"experimentalApi": true}));
    let thread = scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "run");
    let output = only(&messages, "commandExecution")["aggregatedOutput"].as_str().unwrap();
    assert!(output.contains("HARMLESS=value-to-be-seen"), "{output}");
    for (name, value) in secrets {
        assert!(!output.contains(name) && !output.contains(value), "{name} in {output}");
    }
}

const KEY: &str = "sk-test-0123456789abcdefghijklmnopqrstuv";

fn write_key(scene: &Scene) -> String {
    let path = scene.home.home().join("auth.json");
    fs::write(&path, json!({"OPENAI_API_KEY": KEY}).to_string()).unwrap();
    path.to_string_lossy().into_owned()
}

#[test]
fn the_credentials_are_out_of_reach_of_a_sandboxed_command() {
    for sandbox in ["read-only", "workspace-write"] {
        let scene = Scene::stepwise([|request| {
            // The home is named in the user's message.
            let path = path_in(&request.body);
            shell(&format!("rev '{path}'"))
        }]);
        let path = write_key(&scene);
        let mut server = scene.server();
        let thread = scene.thread_with(&mut server, json!({"sandbox": sandbox}));
        let messages = server.run_turn(&thread, &format!("read {path}"));
        let item = only(&messages, "commandExecution");
        assert_ne!(item["exitCode"], 0, "{item}");
        let reversed: String = KEY.chars().rev().collect();
        assert!(!item["aggregatedOutput"].as_str().unwrap_or_default().contains(&reversed), "{item}");
    }
}

/// Returns what follows `read ` in the user's message.
fn path_in(body: &Value) -> String {
    let items = body["input"].as_array().unwrap().iter();
    let texts = items.flat_map(|item| item["content"].as_array().into_iter().flatten());
    let text = texts.filter_map(|content| content["text"].as_str()?.strip_prefix("read ")).next_back();
    text.unwrap().to_owned()
}

#[test]
fn known_secrets_are_masked_wherever_output_goes() {
    let scene = Scene::stepwise([|request| shell(&format!("cat '{}'", path_in(&request.body)))]);
    let path = write_key(&scene);
    let mut server = Connection::spawn(&[BINARY.to_owned()], &scene.home, &[]).unwrap();
    let mut id = 0;
    let mut request = |server: &mut Connection, method: &str, params: Value| {
        id += 1;
        server
            .send_line(json!({"method": method, "id": id, "params": params}).to_string().as_bytes())
            .unwrap();
        let is_answer = |message: &&Value| message["id"] == id && message.get("method").is_none();
        server.wait_within(LIMIT, |messages| messages.iter().find(is_answer).cloned()).unwrap()
    };
    let client = json!({"name": "probe", "version": "1"});
    request(&mut server, "initialize", json!({"clientInfo": client}));
    server.send_line(br#"{"method":"initialized"}"#).unwrap();
    let answer = request(&mut server, "thread/start", json!({"cwd": scene.home.work()}));
    let thread = &answer["result"]["thread"]["id"];
    let input = json!([{"type": "text", "text": format!("read {path}")}]);
    request(&mut server, "turn/start", json!({"threadId": thread, "input": input}));
    let is_over = |message: &Value| message["method"] == "turn/completed";
    server.wait_within(LIMIT, |messages| messages.iter().any(is_over).then_some(())).unwrap();

    let messages = server.messages();
    let item = only(&messages, "commandExecution");
    assert_eq!(item["exitCode"], 0, "{item}");
    assert!(item["aggregatedOutput"].as_str().unwrap().contains("OPENAI_API_KEY"), "{item}");
    for message in &messages {
        assert!(!message.to_string().contains(KEY), "{message}");
    }
    for request in scene.model.requests_seen(2) {
        assert!(!request.body.to_string().contains(KEY), "{}", request.body);
    }
    for rollout in scene.home.rollouts().unwrap() {
        assert!(!fs::read_to_string(&rollout).unwrap().contains(KEY));
    }
    assert!(!server.stderr().contains(KEY));
}

#[test]
fn known_secrets_are_masked_in_what_the_user_and_the_project_say() {
    let scene = Scene::talkative();
    write_key(&scene);
    fs::write(scene.home.work().join("AGENTS.md"), format!("Use {KEY} for tests.")).unwrap();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, &format!("My key is {KEY}, is it?"));
    let said = only(&messages, "userMessage")["content"][0]["text"].as_str().unwrap();
    assert_eq!(said, "My key is [secret], is it?");
    let asked = scene.model.requests_seen(1)[0].body.to_string();
    assert!(asked.contains("Use [secret] for tests.") && !asked.contains(KEY), "{asked}");
    for rollout in scene.home.rollouts().unwrap() {
        assert!(!fs::read_to_string(&rollout).unwrap().contains(KEY));
    }
}
