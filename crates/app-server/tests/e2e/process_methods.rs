//! `process/*`: processes that are begun for the client, told of as they go, and end with the session.

use std::time::Duration;

use app_server_test_support::TestServer;
use app_server_test_support::processes::Sleeper;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::Scene;
use crate::command_exec::{params, said};

fn spawn(scene: &Scene, server: &mut TestServer, handle: &str, script: &str, more: Value) {
    let params = spawn_params(scene, handle, script, more);
    assert_eq!(server.request("process/spawn", params), json!({}));
}

fn spawn_params(scene: &Scene, handle: &str, script: &str, more: Value) -> Value {
    let mut params = params(script, more);
    params["processHandle"] = json!(handle);
    params["cwd"] = json!(scene.home.work());
    params
}

/// Takes everything up to the end of a process; returns that and what was said before.
fn until_exited(server: &mut TestServer, handle: &str) -> (Value, Vec<Value>) {
    let is_it = |message: &Value| {
        message["method"] == "process/exited" && message["params"]["processHandle"] == handle
    };
    let mut messages = server.until("process/exited", is_it);
    (messages.pop().unwrap()["params"].take(), messages)
}

#[test]
fn a_process_is_told_of_when_it_ends() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    spawn(&scene, &mut server, "h", "echo out; echo err >&2; exit 3", json!({}));
    let (exited, before) = until_exited(&mut server, "h");
    assert_eq!(
        exited,
        json!({"processHandle": "h", "exitCode": 3, "outputDrainTimedOut": false,
            "stdout": "out\n", "stdoutCapReached": false, "stderr": "err\n", "stderrCapReached": false})
    );
    assert_eq!(before, Vec::<Value>::new());
    // The handle is free again.
    spawn(&scene, &mut server, "h", "printf 123456", json!({"outputBytesCap": 4}));
    let (exited, _) = until_exited(&mut server, "h");
    assert_eq!((&exited["stdout"], &exited["stdoutCapReached"]), (&json!("1234"), &json!(true)));
    spawn(&scene, &mut server, "h", "echo part; sleep 600", json!({"timeoutMs": 300}));
    let (exited, _) = until_exited(&mut server, "h");
    assert_eq!((&exited["stdout"], &exited["exitCode"]), (&json!("part\n"), &json!(124)));
}

#[test]
fn a_process_is_not_confined() {
    let scene = Scene::talkative();
    let text = std::fs::read_to_string(scene.home.home().join("config.toml")).unwrap();
    scene.home.write_config(&text.replace("danger-full-access", "read-only")).unwrap();
    let mut server = scene.server();
    let outside = scene.home.base().join("outside");
    spawn(&scene, &mut server, "h", &format!("echo hi > {}", outside.display()), json!({}));
    assert_eq!(until_exited(&mut server, "h").0["exitCode"], 0);
    assert!(outside.exists());
}

#[test]
fn a_process_reads_what_the_client_writes() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let more = json!({"streamStdin": true, "streamStdoutStderr": true});
    spawn(&scene, &mut server, "h", "cat", more);
    let write = |text: &str| json!({"processHandle": "h", "deltaBase64": BASE64_STANDARD.encode(text)});
    server.request("process/writeStdin", write("x\n"));
    let delta = server.take("process/outputDelta");
    assert_eq!(
        delta["params"],
        json!({"processHandle": "h", "stream": "stdout", "deltaBase64": "eAo=", "capReached": false})
    );
    server.request("process/writeStdin", json!({"processHandle": "h", "closeStdin": true}));
    let (exited, _) = until_exited(&mut server, "h");
    assert_eq!((&exited["exitCode"], &exited["stdout"]), (&json!(0), &json!("")));
    let error = server.request_error("process/writeStdin", write("x"));
    assert_eq!(error["message"], "no active process for process handle \"h\"");
}

#[test]
fn a_process_may_have_a_terminal() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    spawn(&scene, &mut server, "h", "stty size; read x; stty size", json!({"tty": true}));
    let first = server.take("process/outputDelta");
    assert_eq!(said(&[first], "process/outputDelta").0, b"24 80\r\n");
    let size = json!({"processHandle": "h", "size": {"rows": 40, "cols": 120}});
    server.request("process/resizePty", size.clone());
    server.request("process/writeStdin", json!({"processHandle": "h", "deltaBase64": "Cg=="}));
    let (exited, messages) = until_exited(&mut server, "h");
    assert_eq!(exited["exitCode"], 0);
    let (stdout, _, _) = said(&messages, "process/outputDelta");
    assert!(String::from_utf8(stdout).unwrap().ends_with("40 120\r\n"));
    let error = server.request_error("process/resizePty", size);
    assert_eq!(error["message"], "no active process for process handle \"h\"");
}

#[test]
fn a_killed_process_is_told_of() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let sleeper = Sleeper::new();
    spawn(&scene, &mut server, "h", &format!("{} & {}", sleeper.command(), sleeper.command()), json!({}));
    sleeper.wait_running(2, Duration::from_secs(30)).unwrap();
    assert_eq!(server.request("process/kill", json!({"processHandle": "h"})), json!({}));
    assert_eq!(until_exited(&mut server, "h").0["exitCode"], 137);
    assert_eq!(sleeper.running(), Vec::<u32>::new());
    let error = server.request_error("process/kill", json!({"processHandle": "h"}));
    assert_eq!(
        (&error["code"], &error["message"]),
        (&json!(-32600), &json!("no active process for process handle \"h\""))
    );
}

#[test]
fn output_that_the_background_keeps_open_is_cut() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let sleeper = Sleeper::new();
    spawn(&scene, &mut server, "h", &format!("{} & echo hi", sleeper.command()), json!({}));
    let (exited, _) = until_exited(&mut server, "h");
    assert_eq!(
        (&exited["exitCode"], &exited["stdout"], &exited["outputDrainTimedOut"]),
        (&json!(0), &json!("hi\n"), &json!(true))
    );
    assert_eq!(sleeper.running(), Vec::<u32>::new());
}

#[test]
fn processes_that_cannot_be_begun_are_refused() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let refused = |server: &mut TestServer, handle: &str, more: Value| {
        let mut params = spawn_params(&scene, handle, "true", json!({}));
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let error = server.request_error("process/spawn", params);
        (error["code"].as_i64().unwrap(), error["message"].as_str().unwrap().to_owned())
    };
    let missing = "failed to spawn process: No such file or directory (os error 2)";
    for (handle, more, code, text) in [
        ("h", json!({"command": []}), -32600, "command must not be empty"),
        ("h", json!({"command": ["no-such-program"]}), -32603, missing),
        ("h", json!({"cwd": "/no/such"}), -32603, missing),
        ("", json!({}), -32600, "processHandle must not be empty"),
        ("h", json!({"timeoutMs": -1}), -32602, "process/spawn timeoutMs must be non-negative, got -1"),
        ("h", json!({"size": {"rows": 1, "cols": 1}}), -32602, "process/spawn size requires tty: true"),
    ] {
        assert_eq!(refused(&mut server, handle, more), (code, text.to_owned()));
    }
    assert_eq!(refused(&mut server, "h", json!({"cwd": "relative"})).0, -32600);
    let sleeper = Sleeper::new();
    spawn(&scene, &mut server, "h", &sleeper.command(), json!({}));
    assert_eq!(
        refused(&mut server, "h", json!({})),
        (-32600, "duplicate active process handle: \"h\"".to_owned())
    );
    let error = server.request_error("process/writeStdin", json!({"processHandle": "h", "closeStdin": true}));
    assert_eq!(error["message"], "stdin streaming is not enabled for this process");
    let error = server.request_error("process/writeStdin", json!({"processHandle": "h"}));
    assert_eq!(error["code"], -32602);
    server.request("process/kill", json!({"processHandle": "h"}));
    until_exited(&mut server, "h");
}

#[test]
fn processes_end_with_the_session_and_are_told_of() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let sleeper = Sleeper::new();
    for handle in ["a", "b"] {
        spawn(
            &scene,
            &mut server,
            handle,
            &format!("{} & {}", sleeper.command(), sleeper.command()),
            json!({}),
        );
    }
    sleeper.wait_running(4, Duration::from_secs(30)).unwrap();
    let mut exited = server.close();
    exited.sort_by_key(|message| message["params"]["processHandle"].to_string());
    let ends: Vec<_> = exited
        .iter()
        .map(|message| (message["params"]["processHandle"].as_str(), message["params"]["exitCode"].as_i64()))
        .collect();
    assert_eq!(ends, [(Some("a"), Some(137)), (Some("b"), Some(137))]);
    assert_eq!(sleeper.running(), Vec::<u32>::new());
}

#[test]
fn process_methods_need_the_capability() {
    let scene = Scene::talkative();
    let mut server = TestServer::initialized_with(crate::BINARY, &scene.home, json!({}));
    let error = server.request_error("process/spawn", spawn_params(&scene, "h", "true", json!({})));
    assert_eq!(error["message"], "process/spawn requires experimentalApi capability");
}
