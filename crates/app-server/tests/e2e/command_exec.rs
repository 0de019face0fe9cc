//! `command/exec`: commands that run for the client, buffered and streamed, their limits, and that nothing of them is
//! left.

use std::fs;
use std::time::{Duration, Instant};

use app_server_test_support::TestServer;
use app_server_test_support::processes::Sleeper;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::{BINARY, Scene};

/// How soon after its end everything of a command must be gone.
const SOON: Duration = Duration::from_millis(500);

/// Runs a script to its end.
fn exec(server: &mut TestServer, script: &str, more: Value) -> Value {
    server.request("command/exec", params(script, more))
}

/// The params of a script, and more.
pub(crate) fn params(script: &str, more: Value) -> Value {
    let mut params = json!({"command": ["/bin/sh", "-c", script]});
    let (Some(params_map), Value::Object(more)) = (params.as_object_mut(), more) else { panic!("no object") };
    params_map.extend(more);
    params
}

/// Puts the deltas of a process together: its stdout, its stderr, and whether a limit was reached.
pub(crate) fn said(messages: &[Value], method: &str) -> (Vec<u8>, Vec<u8>, bool) {
    let (mut stdout, mut stderr, mut is_capped) = (Vec::new(), Vec::new(), false);
    for message in messages.iter().filter(|message| message["method"] == method) {
        let params = &message["params"];
        let bytes = BASE64_STANDARD.decode(params["deltaBase64"].as_str().unwrap()).unwrap();
        assert!(bytes.len() <= 40_000, "a delta of {} bytes", bytes.len());
        assert!(!is_capped, "something came after the limit: {message}");
        is_capped = params["capReached"].as_bool().unwrap();
        match params["stream"].as_str().unwrap() {
            "stdout" => stdout.extend(bytes),
            _ => stderr.extend(bytes),
        }
    }
    (stdout, stderr, is_capped)
}

/// Takes everything up to the answer to a streaming command.
fn until_answer(server: &mut TestServer, id: &Value) -> (Vec<Value>, Value) {
    let is_it = |message: &Value| message.get("method").is_none() && message["id"] == *id;
    let mut messages = server.until("the end of the command", is_it);
    let answer = messages.pop().unwrap();
    (messages, answer)
}

/// Takes deltas until the text has been said.
fn until_said(server: &mut TestServer, text: &str) -> String {
    let mut whole = Vec::new();
    while !String::from_utf8_lossy(&whole).contains(text) {
        whole.extend(said(&[server.take("command/exec/outputDelta")], "command/exec/outputDelta").0);
    }
    String::from_utf8(whole).unwrap()
}

fn encoded(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}

#[test]
fn a_command_is_answered_when_it_ends() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let result = exec(&mut server, "echo out; echo err >&2; exit 4", json!({}));
    assert_eq!(result, json!({"exitCode": 4, "stdout": "out\n", "stderr": "err\n"}));
    assert_eq!(exec(&mut server, "kill -9 $$", json!({}))["exitCode"], 137);
    assert_eq!(exec(&mut server, "pwd", json!({"cwd": "/"}))["stdout"], "/\n");
    fs::create_dir(scene.home.work().join("sub")).unwrap();
    let result = exec(&mut server, "pwd", json!({"cwd": "sub"}));
    assert_eq!(result["stdout"], format!("{}\n", scene.home.work().join("sub").display()));
    let env = json!({"env": {"FOO": "bar", "HOME": null}});
    assert_eq!(exec(&mut server, "echo $FOO ${HOME-none}", env)["stdout"], "bar none\n");
    let result = exec(&mut server, "printf 'a\\377b'", json!({}));
    assert_eq!(result["stdout"], "a\u{fffd}b");
}

#[test]
fn what_cannot_be_started_is_an_error() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let missing = "failed to spawn command: No such file or directory (os error 2)";
    let error = server.request_error("command/exec", json!({"command": ["no-such-program"]}));
    assert_eq!((&error["code"], &error["message"]), (&json!(-32603), &json!(missing)));
    let error = server.request_error("command/exec", json!({"command": ["true"], "cwd": "/no/such"}));
    assert_eq!((&error["code"], &error["message"]), (&json!(-32603), &json!(missing)));
    let script = scene.home.work().join("no-program");
    fs::write(&script, "x").unwrap();
    let error = server.request_error("command/exec", json!({"command": [script]}));
    assert_eq!(error["code"], -32603);
    // Within a sandbox nobody but the sandbox can look.
    let sandboxed = json!({"command": ["no-such-program"], "sandboxPolicy": {"type": "readOnly"}});
    let result = server.request("command/exec", sandboxed);
    assert_eq!(result["exitCode"], 127);
    assert!(result["stderr"].as_str().unwrap().contains("no-such-program"), "{result}");
}

#[test]
fn a_command_is_confined_as_the_request_or_the_configuration_says() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let write = "echo hi > f.txt && cat f.txt";
    let result = exec(&mut server, write, json!({"sandboxPolicy": {"type": "readOnly"}}));
    assert_ne!(result["exitCode"], 0);
    let result = exec(&mut server, write, json!({"permissionProfile": ":read-only"}));
    assert_ne!(result["exitCode"], 0);
    assert!(!scene.home.work().join("f.txt").exists());
    let outside = scene.home.base().join("outside");
    let workspace = json!({"sandboxPolicy": {"type": "workspaceWrite", "excludeSlashTmp": true, "excludeTmpdirEnvVar": true}});
    let result = exec(&mut server, write, workspace.clone());
    assert_eq!(result["stdout"], "hi\n", "{result}");
    let result = exec(&mut server, &format!("echo hi > {}", outside.display()), workspace);
    assert_ne!(result["exitCode"], 0, "{result}");
    assert!(!outside.exists());
    // The mock configuration says full access.
    let result = exec(&mut server, &format!("echo hi > {}", outside.display()), json!({}));
    assert_eq!(result["exitCode"], 0, "{result}");

    let text = fs::read_to_string(scene.home.home().join("config.toml")).unwrap();
    scene.home.write_config(&text.replace("danger-full-access", "read-only")).unwrap();
    let result = exec(&mut server, "echo again > f.txt; echo $CODEX_SANDBOX_NETWORK_DISABLED", json!({}));
    assert_eq!(result["stdout"], "1\n", "{result}");
    assert_eq!(fs::read_to_string(scene.home.work().join("f.txt")).unwrap(), "hi\n");
    server.take_rest();
}

#[test]
fn time_and_output_are_limited() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let begun = Instant::now();
    let result = exec(&mut server, "echo part; sleep 60", json!({"timeoutMs": 300}));
    assert_eq!(result, json!({"exitCode": 124, "stdout": "part\n", "stderr": ""}));
    assert!(begun.elapsed() < Duration::from_secs(30));
    let result = exec(&mut server, "printf 1234567890", json!({"outputBytesCap": 4}));
    assert_eq!(result["stdout"], "1234");
    let many = "head -c 3000000 /dev/zero | tr '\\0' x";
    assert_eq!(exec(&mut server, many, json!({}))["stdout"].as_str().unwrap().len(), 1024 * 1024);
    let all = exec(&mut server, many, json!({"disableOutputCap": true, "disableTimeout": true}));
    assert_eq!(all["stdout"].as_str().unwrap().len(), 3_000_000);
}

#[test]
fn params_that_contradict_themselves_are_refused() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    for (more, code) in [
        (json!({"command": []}), -32600),
        (json!({"command": ["true"], "tty": true}), -32600),
        (json!({"command": ["true"], "outputBytesCap": 4, "disableOutputCap": true}), -32602),
        (json!({"command": ["true"], "timeoutMs": 4, "disableTimeout": true}), -32602),
        (json!({"command": ["true"], "size": {"rows": 1, "cols": 1}}), -32602),
        (json!({"command": ["true"], "timeoutMs": -1}), -32602),
        (
            json!({"command": ["true"], "sandboxPolicy": {"type": "readOnly"}, "permissionProfile": ":workspace"}),
            -32600,
        ),
    ] {
        assert_eq!(server.request_error("command/exec", more.clone())["code"], code, "{more}");
    }
    for (method, more) in [
        ("command/exec/write", json!({"closeStdin": true})),
        ("command/exec/resize", json!({"size": {"rows": 1, "cols": 1}})),
        ("command/exec/terminate", json!({})),
    ] {
        let mut params = more.clone();
        params["processId"] = json!("nope");
        let error = server.request_error(method, params);
        assert_eq!(error["message"], "no active command/exec for process id \"nope\"", "{method}");
    }
}

#[test]
fn input_and_output_are_streamed() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let more = json!({"processId": "p", "streamStdin": true, "streamStdoutStderr": true});
    let script = "read x; echo got $x; echo err >&2; cat";
    let id = server.start_request("command/exec", params(script, more.clone()));
    // A name in use is refused; the one that has it goes on.
    let error = server.request_error("command/exec", params("true", json!({"processId": "p"})));
    assert_eq!(error["message"], "duplicate active command/exec process id: \"p\"");
    server.request("command/exec/write", json!({"processId": "p", "deltaBase64": encoded("abc\n")}));
    server.request(
        "command/exec/write",
        json!({"processId": "p", "deltaBase64": encoded("end"), "closeStdin": true}),
    );
    let (messages, answer) = until_answer(&mut server, &id);
    assert_eq!(answer["result"], json!({"exitCode": 0, "stdout": "", "stderr": ""}));
    assert_eq!(
        said(&messages, "command/exec/outputDelta"),
        (b"got abc\nend".to_vec(), b"err\n".to_vec(), false)
    );
    let error =
        server.request_error("command/exec/write", json!({"processId": "p", "deltaBase64": encoded("x")}));
    assert_eq!(error["message"], "no active command/exec for process id \"p\"");
    // The name is free again.
    let id = server.start_request("command/exec", params("cat", more));
    server.request("command/exec/write", json!({"processId": "p", "closeStdin": true}));
    assert_eq!(server.answer(&id)["result"]["exitCode"], 0);
}

#[test]
fn an_answer_to_a_write_stands_before_what_the_process_says_to_it() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let more = json!({"processId": "p", "streamStdin": true, "streamStdoutStderr": true});
    let id = server.start_request("command/exec", params("cat", more));
    for number in 0..50 {
        let line = encoded(&format!("{number}\n"));
        let write =
            server.start_request("command/exec/write", json!({"processId": "p", "deltaBase64": line}));
        let messages = server.until("the echo", |message| message["method"] == "command/exec/outputDelta");
        assert_eq!(messages[0]["id"], write, "{messages:?}");
    }
    server.request("command/exec/write", json!({"processId": "p", "closeStdin": true}));
    assert_eq!(server.answer(&id)["result"]["exitCode"], 0);
}

#[test]
fn a_limit_ends_a_stream() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let more = json!({"processId": "p", "streamStdoutStderr": true, "outputBytesCap": 4});
    let id = server.start_request("command/exec", params("printf 1234567890", more));
    let (messages, answer) = until_answer(&mut server, &id);
    assert_eq!(said(&messages, "command/exec/outputDelta"), (b"1234".to_vec(), Vec::new(), true));
    assert_eq!(answer["result"]["exitCode"], 0);
}

#[test]
fn a_terminal_has_a_size_that_can_change() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let more = json!({"processId": "p", "tty": true, "size": {"rows": 30, "cols": 100}});
    let script = "stty size; while read x; do stty size; done; echo over";
    let id = server.start_request("command/exec", params(script, more));
    until_said(&mut server, "30 100\r\n");
    server.request("command/exec/resize", json!({"processId": "p", "size": {"rows": 40, "cols": 120}}));
    server.request("command/exec/write", json!({"processId": "p", "deltaBase64": encoded("\n")}));
    until_said(&mut server, "40 120\r\n");
    server.request(
        "command/exec/write",
        json!({"processId": "p", "deltaBase64": encoded("x"), "closeStdin": true}),
    );
    let (messages, answer) = until_answer(&mut server, &id);
    let (stdout, stderr, _) = said(&messages, "command/exec/outputDelta");
    assert!(String::from_utf8(stdout).unwrap().ends_with("over\r\n"));
    assert_eq!(stderr, b"");
    assert_eq!(answer["result"], json!({"exitCode": 0, "stdout": "", "stderr": ""}));
    // Only a terminal has a size, and only what was begun so takes input.
    let id = server.start_request("command/exec", params("sleep 600", json!({"processId": "q"})));
    let error = server
        .request_error("command/exec/resize", json!({"processId": "q", "size": {"rows": 1, "cols": 1}}));
    assert_eq!(error["message"], "failed to resize PTY: process is not attached to a PTY");
    let error = server.request_error("command/exec/write", json!({"processId": "q", "closeStdin": true}));
    assert_eq!(error["message"], "stdin streaming is not enabled for this command/exec");
    server.request("command/exec/terminate", json!({"processId": "q"}));
    assert_eq!(server.answer(&id)["result"]["exitCode"], 137);
}

#[test]
fn a_process_that_does_not_read_holds_nobody_up() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let more = json!({"processId": "p", "streamStdin": true, "disableTimeout": true});
    let id = server.start_request("command/exec", params("sleep 600", more));
    let megabyte = encoded(&"x".repeat(1024 * 1024));
    let writes: Vec<Value> = (0..20)
        .map(|_| {
            server.start_request("command/exec/write", json!({"processId": "p", "deltaBase64": megabyte}))
        })
        .collect();
    // The loop goes on, and what does not fit is refused.
    server.request("thread/loaded/list", json!({}));
    let refused = server.take_where("a refusal", |message| message.get("error").is_some());
    assert_eq!(refused["error"]["code"], -32603);
    assert_eq!(refused["error"]["message"], "the process does not read its input");
    server.request("command/exec/terminate", json!({"processId": "p"}));
    assert_eq!(server.answer(&id)["result"]["exitCode"], 137);
    let answers: Vec<Value> =
        writes.iter().filter(|id| **id != refused["id"]).map(|id| server.answer(id)).collect();
    assert!(answers.iter().all(|answer| answer.get("error").is_some()));
}

#[test]
fn all_of_a_long_output_comes() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let bytes = 16 * 1024 * 1024;
    let more = json!({"processId": "p", "streamStdoutStderr": true, "disableOutputCap": true,
        "disableTimeout": true});
    let id = server.start_request("command/exec", params(&format!("head -c {bytes} /dev/zero"), more));
    let (messages, answer) = until_answer(&mut server, &id);
    let (stdout, _, _) = said(&messages, "command/exec/outputDelta");
    assert_eq!(stdout.len(), bytes);
    assert!(stdout.iter().all(|byte| *byte == 0));
    assert_eq!(answer["result"]["exitCode"], 0);
}

/// The pipe fills and the command waits; its time limit counts all the same.
#[cfg(target_os = "linux")]
#[test]
fn a_client_that_does_not_read_slows_the_command_down() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let sleeper = Sleeper::new();
    let more = json!({"processId": "p", "streamStdoutStderr": true, "disableOutputCap": true,
        "timeoutMs": 2000});
    server.connection().pause_reading();
    let id =
        server.start_request("command/exec", params(&format!("{} & cat /dev/zero", sleeper.command()), more));
    sleeper.wait_running(1, Duration::from_secs(30)).unwrap();
    sleeper.wait_running(0, Duration::from_secs(30)).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", server.connection().process_id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let peak: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(peak < 128 * 1024, "{peak} KiB");
    server.connection().resume_reading();
    let (messages, answer) = until_answer(&mut server, &id);
    let (stdout, _, _) = said(&messages, "command/exec/outputDelta");
    assert!(stdout.len() < 16 * 1024 * 1024, "{} bytes", stdout.len());
    assert_eq!(answer["result"]["exitCode"], 124);
}

#[test]
fn many_commands_at_once_all_end() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let ids: Vec<Value> = (0..200)
        .map(|number| {
            let more = json!({"disableTimeout": true});
            server.start_request("command/exec", params(&format!("echo {number}"), more))
        })
        .collect();
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(server.answer(id)["result"]["stdout"], format!("{number}\n"));
    }
}

#[test]
fn secrets_are_masked_wherever_the_output_is_cut() {
    let scene = Scene::talkative();
    let secret = "tok-Abcdef0123456789";
    let mut server = TestServer::start_in(BINARY, &scene.home, &[("MY_API_TOKEN", secret)]);
    server.initialize(json!({"experimentalApi": true}));
    let (first, second) = secret.split_at(7);
    let result = exec(&mut server, &format!("printf 'a {first}{second} b'"), json!({}));
    assert_eq!(result["stdout"], "a [secret] b");
    let more = json!({"processId": "p", "streamStdin": true, "streamStdoutStderr": true});
    let id = server
        .start_request("command/exec", params(&format!("printf {first}; read x; printf {second}."), more));
    server.request("command/exec/write", json!({"processId": "p", "deltaBase64": encoded("\n")}));
    let (messages, answer) = until_answer(&mut server, &id);
    assert_eq!(said(&messages, "command/exec/outputDelta").0, b"[secret].");
    assert_eq!(answer["result"]["exitCode"], 0);
}

/// What was held back because it could be the beginning of a secret is told when nothing follows.
#[test]
fn a_prompt_that_begins_like_a_secret_is_told() {
    let scene = Scene::talkative();
    let mut server = TestServer::start_in(BINARY, &scene.home, &[("MY_API_TOKEN", "tok-Abcdef0123456789")]);
    server.initialize(json!({"experimentalApi": true}));
    let more = json!({"processId": "p", "streamStdin": true, "streamStdoutStderr": true});
    let id = server.start_request("command/exec", params("printf tok-; read x", more));
    assert_eq!(until_said(&mut server, "tok-"), "tok-");
    server.request("command/exec/write", json!({"processId": "p", "deltaBase64": encoded("\n")}));
    assert_eq!(server.answer(&id)["result"]["exitCode"], 0);
}

/// A script that hides children in every way, and how many of them sleep.
fn hiding(sleeper: &Sleeper) -> (String, usize) {
    let sleep = sleeper.command();
    let script = format!(
        "{sleep} & nohup {sleep} >/dev/null 2>&1 & \
         setsid sh -c 'setsid {sleep} </dev/null >/dev/null 2>&1 & exit 0' & echo begun"
    );
    (script, 3)
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_command_leaves_behind_ends_with_its_answer() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    for policy in [json!({"type": "dangerFullAccess"}), json!({"type": "readOnly"})] {
        let sleeper = Sleeper::new();
        let (script, _) = hiding(&sleeper);
        let result = exec(&mut server, &script, json!({"sandboxPolicy": policy}));
        assert_eq!((&result["exitCode"], &result["stdout"]), (&json!(0), &json!("begun\n")));
        assert_eq!(sleeper.running(), Vec::<u32>::new());
    }
    server.take_rest();
}

#[cfg(target_os = "linux")]
#[test]
fn commands_end_with_the_server_however_it_ends() {
    for (way, policy) in [
        ("end of input", "dangerFullAccess"),
        ("end of input", "readOnly"),
        ("signal", "dangerFullAccess"),
        ("kill", "dangerFullAccess"),
        ("kill", "readOnly"),
    ] {
        let scene = Scene::talkative();
        let mut server = scene.server();
        let sleeper = Sleeper::new();
        let (script, count) = hiding(&sleeper);
        let more = json!({"sandboxPolicy": {"type": policy}, "disableTimeout": true});
        let script = format!("{script}; {}", sleeper.command());
        let id = server.start_request("command/exec", params(&script, more));
        sleeper.wait_running(count + 1, Duration::from_secs(30)).unwrap();
        match way {
            "end of input" => {
                server.connection().close_input();
                assert_eq!(server.answer(&id)["result"]["exitCode"], 137);
                server.expect_exit();
            }
            "signal" => server.connection().terminate().unwrap(),
            _ => server.connection().kill().unwrap(),
        }
        server.connection().wait_exit(Duration::from_secs(30)).unwrap();
        let left = sleeper.wait_running(0, SOON);
        assert!(left.is_ok(), "{way}, {policy}: {left:?} survived");
        server.take_rest();
        server.without_checks();
    }
}

/// Commands that wait for their turn are answered, too.
#[test]
fn commands_that_wait_are_answered_at_the_end() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let ids: Vec<Value> = (0..80)
        .map(|_| server.start_request("command/exec", params("sleep 600", json!({"disableTimeout": true}))))
        .collect();
    // The loop is not held up.
    server.request("thread/loaded/list", json!({}));
    server.connection().close_input();
    for id in &ids {
        assert_eq!(server.answer(id)["result"]["exitCode"], 137);
    }
    server.expect_exit();
}
