//! Servers of the Model Context Protocol: start, status, direct calls.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use app_server_test_support::mcp::{HttpMcpServer, stdio_server};
use app_server_test_support::{Answer, TestServer};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::calls::LIMIT;
use crate::{BINARY, Scene};

/// A table of the configuration: the server of the tests with these arguments, and further settings.
pub(crate) fn demo(name: &str, arguments: &[&str], settings: &str) -> String {
    let arguments: Vec<&str> = std::iter::once(stdio_server()).chain(arguments.iter().copied()).collect();
    table(name, "python3", &arguments, settings)
}

fn table(name: &str, command: &str, arguments: &[&str], settings: &str) -> String {
    format!("[mcp_servers.{name}]\ncommand = \"{command}\"\nargs = {arguments:?}\n{settings}\n")
}

impl Scene {
    /// The configuration has these servers.
    pub(crate) fn with_mcp(self, tables: &[String]) -> Self {
        self.home.write_mock_config(&self.model.base_url(), &tables.concat()).unwrap();
        self
    }
}

/// Takes the notifications about one server until its start has ended; returns the last.
pub(crate) fn settled(server: &mut TestServer, thread: &str, name: &str) -> Value {
    let of_it = |message: &Value, status: &[&str]| {
        let params = &message["params"];
        message["method"] == "mcpServer/startupStatus/updated"
            && params["threadId"] == thread
            && params["name"] == name
            && status.iter().any(|status| params["status"] == *status)
    };
    server.take_where("starting", |message| of_it(message, &["starting"]));
    let last = server
        .take_where("the end of the start", |message| of_it(message, &["ready", "failed", "cancelled"]));
    last["params"].clone()
}

/// The text a tool answered with, called by the client.
#[allow(clippy::needless_pass_by_value, reason = "`json!` makes values")]
fn says(server: &mut TestServer, thread: &str, tool: &str, arguments: Value) -> String {
    let params = json!({"threadId": thread, "server": "demo", "tool": tool, "arguments": arguments});
    let result = server.request("mcpServer/tool/call", params);
    result["content"][0]["text"].as_str().unwrap().to_owned()
}

fn is_running(pid: &str) -> bool {
    // A zombie is none.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}

fn wait_gone(pid: &str) {
    let begun = Instant::now();
    while is_running(pid) {
        assert!(begun.elapsed() < LIMIT, "process {pid} is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_thread_starts_before_its_servers() {
    let scene = Scene::talkative();
    let ready = scene.home.base().join("ready");
    let mut tables: Vec<String> = (0..20)
        .map(|number| {
            table(
                &format!("dead{number:02}"),
                "sleep",
                &["600"],
                &format!("env = {{ N = \"{number}\" }}\nstartup_timeout_sec = 0.2"),
            )
        })
        .collect();
    tables.push(demo("slow", &[&format!("ready-when={}", ready.display())], ""));
    let scene = scene.with_mcp(&tables);
    let mut server = scene.server();
    let params = json!({"cwd": scene.home.work()});
    let id = server.start_request("thread/start", params);
    let messages = server.until("the last start", |message| message["params"]["name"] == "slow");
    assert_eq!(messages[0]["id"], id, "the answer comes first");
    let thread = messages[0]["result"]["thread"]["id"].as_str().unwrap().to_owned();
    assert_eq!(messages[1]["method"], "thread/started");
    let told = |message: &Value, status: &str| message["params"]["status"] == status;
    assert_eq!(messages.iter().filter(|message| told(message, "starting")).count(), 21);
    let mut failed = messages.iter().filter(|message| told(message, "failed")).count();
    while failed < 20 {
        let message = server.take("mcpServer/startupStatus/updated");
        let error = message["params"]["error"].as_str().unwrap();
        assert!(
            error.contains("failed to start: MCP startup failed: it did not start within 0.2 s"),
            "{error}"
        );
        failed += 1;
    }
    fs::write(&ready, "").unwrap();
    let last = server.take("mcpServer/startupStatus/updated");
    assert_eq!((&last["params"]["name"], &last["params"]["status"]), (&json!("slow"), &json!("ready")));
    assert_eq!(last["params"]["threadId"], thread.as_str());
}

#[test]
fn threads_with_one_definition_share_one_process() {
    let scene = Scene::talkative().with_mcp(&[demo("demo", &["all"], "")]);
    let mut server = scene.server();
    let mut pids = Vec::new();
    for _ in 0..3 {
        let thread = scene.start_thread(&mut server);
        assert_eq!(settled(&mut server, &thread, "demo")["status"], "ready");
        pids.push(says(&mut server, &thread, "pid", json!({})));
    }
    assert!(pids.iter().all(|pid| *pid == pids[0]), "{pids:?}");
    let params = json!({"cwd": scene.home.work(), "config": {"mcp_servers.demo.env": {"MORE": "1"}}});
    let other = server.start_thread_with(params);
    settled(&mut server, &other, "demo");
    assert_ne!(says(&mut server, &other, "pid", json!({})), pids[0]);
}

#[test]
fn the_state_of_servers_is_told_with_and_without_a_thread() {
    let tables = [
        demo("demo", &[], "disabled_tools = [\"boom\"]"),
        table("broken", "no-such-program-xyz", &[], ""),
        demo("off", &[], "enabled = false"),
        "[mcp_servers.odd]\ncommand = \"a\"\nurl = \"http://b\"\n".to_owned(),
    ];
    let scene = Scene::talkative().with_mcp(&tables);
    let mut server = scene.server();
    let all = server.request("mcpServerStatus/list", json!({}));
    let names: Vec<&str> =
        all["data"].as_array().unwrap().iter().map(|status| status["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["broken", "demo", "odd", "off"]);
    assert_eq!(all["nextCursor"], Value::Null);
    let [broken, found, odd] = [0, 1, 2].map(|at| &all["data"][at]);
    assert_eq!(broken["toolsError"], "MCP startup failed: No such file or directory (os error 2)");
    assert!(odd["toolsError"].as_str().unwrap().contains("invalid transport"), "{odd}");
    assert_eq!(found["serverInfo"]["name"], "demo-server");
    assert_eq!(found["resources"][0]["uri"], "demo://a");
    assert_eq!(found["authStatus"], "unsupported");
    let tools: Vec<&String> = found["tools"].as_object().unwrap().keys().collect();
    assert_eq!(tools, ["echo"]);
    assert!(all["data"].as_array().unwrap().iter().all(|status| status["runtimeStatus"].is_null()));

    let thread = scene.start_thread(&mut server);
    let params = json!({"threadId": thread, "detail": "toolsAndAuthOnly", "limit": 3});
    let page = server.request("mcpServerStatus/list", params);
    let stand: Vec<&Value> =
        page["data"].as_array().unwrap().iter().map(|status| &status["runtimeStatus"]).collect();
    assert_eq!(stand, ["failed", "connected", "failed"]);
    assert_eq!(page["data"][1]["resources"], json!([]));
    assert_eq!(page["nextCursor"], "3");
    let rest = server.request("mcpServerStatus/list", json!({"threadId": thread, "cursor": "3"}));
    assert_eq!(rest["data"][0]["runtimeStatus"], "disabled");
    assert_eq!(rest["data"].as_array().unwrap().len(), 1);
    let one = server.request("mcpServerStatus/list", json!({"serverName": "demo"}));
    assert_eq!(one["data"].as_array().unwrap().len(), 1);
    let error = server.request_error("mcpServerStatus/list", json!({"cursor": "garbage"}));
    assert_eq!(error["message"], "invalid cursor: garbage");
    server.take_rest();
}

#[test]
fn clients_call_tools_and_read_resources() {
    let scene = Scene::talkative().with_mcp(&[demo("demo", &[], "enabled_tools = [\"echo\"]")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let call = |tool: &str, name: &str, arguments: Value| json!({"threadId": thread, "server": name, "tool": tool, "arguments": arguments});
    let result = server.request("mcpServer/tool/call", call("echo", "demo", json!({"text": "direct"})));
    assert_eq!(result["content"], json!([{"type": "text", "text": "echo: direct"}]));
    assert_eq!(result["structuredContent"], json!({"ok": true}));
    let error = server.request_error("mcpServer/tool/call", call("echo", "nope", json!({})));
    assert_eq!((&error["code"], &error["message"]), (&json!(-32603), &json!("unknown MCP server 'nope'")));
    let error = server.request_error("mcpServer/tool/call", call("boom", "demo", json!({})));
    assert!(error["message"].as_str().unwrap().contains("switched off"), "{error}");
    let error = server.request_error("mcpServer/tool/call", call("echo", "demo", json!([1])));
    assert_eq!((&error["code"], &error["message"]), (&json!(-32600), &json!("arguments must be an object")));
    let unknown = "01a2001c-60a1-78b3-8ba4-cd217986b7f6";
    let params = json!({"threadId": unknown, "server": "demo", "tool": "echo"});
    let error = server.request_error("mcpServer/tool/call", params);
    assert_eq!(error["message"], format!("thread not found: {unknown}"));

    for params in [
        json!({"threadId": thread, "server": "demo", "uri": "demo://a"}),
        json!({"server": "demo", "uri": "demo://a"}),
    ] {
        let read = server.request("mcpServer/resource/read", params);
        assert_eq!(read["contents"][0]["text"], "resource body");
    }
    let error = server.request_error("mcpServer/resource/read", json!({"server": "demo", "uri": "demo://b"}));
    assert!(error["message"].as_str().unwrap().contains("no such resource"), "{error}");
    let error = server.request_error("mcpServer/resource/read", json!({"server": "nope", "uri": "demo://a"}));
    assert_eq!(error["message"], "unknown MCP server 'nope'");
    server.take_rest();
}

#[test]
fn a_server_that_dies_has_last_words() {
    let settings = "env = { DB_PASSWORD = \"hunter2-hunter2\" }";
    let shell = "echo 'trying hunter2-hunter2' >&2; echo 'no such database' >&2; exit 3";
    let scene = Scene::talkative().with_mcp(&[table("demo", "sh", &["-c", shell], settings)]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let told = settled(&mut server, &thread, "demo");
    assert_eq!(told["status"], "failed");
    let error = told["error"].as_str().unwrap();
    let expected = "MCP client for `demo` failed to start: MCP startup failed: the server ended with exit code 3; \
                    its last words:\ntrying [secret]\nno such database";
    assert_eq!(error, expected);
}

#[test]
fn a_server_sees_what_it_is_to_see() {
    let scene = Scene::talkative();
    let folder = scene.home.base().join("elsewhere");
    fs::create_dir(&folder).unwrap();
    let settings = format!(
        "env_vars = [\"HANDED_ON\"]\ncwd = {folder:?}\nenv = {{ OWN = \"own\", MY_TOKEN = \"s3cret-s3cret\" }}"
    );
    let scene = scene.with_mcp(&[demo("demo", &["all"], &settings)]);
    let environment = [("HANDED_ON", "yes"), ("KEPT_BACK", "no")];
    let mut server = TestServer::start_in(BINARY, &scene.home, &environment);
    server.initialize(json!({"experimentalApi": true}));
    let thread = scene.start_thread(&mut server);
    let mut variable = |name: &str| says(&mut server, &thread, "env", json!({"name": name}));
    assert_eq!(variable("HANDED_ON"), "yes");
    assert_eq!(variable("KEPT_BACK"), "unset");
    assert_eq!(variable("OWN"), "own");
    assert_eq!(variable("CODEX_HOME"), "unset");
    assert_ne!(variable("PATH"), "unset");
    assert_eq!(variable("MY_TOKEN"), "[secret]", "what comes back is masked");
    assert_eq!(says(&mut server, &thread, "cwd", json!({})), folder.to_str().unwrap());
    server.take_rest();
}

#[test]
fn a_server_that_is_gone_is_started_again_by_the_next_call() {
    let scene = Scene::talkative().with_mcp(&[demo("demo", &["all"], "")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let before = says(&mut server, &thread, "pid", json!({}));
    let params = json!({"threadId": thread, "server": "demo", "tool": "crash"});
    server.request_error("mcpServer/tool/call", params);
    let after = says(&mut server, &thread, "pid", json!({}));
    assert_ne!(before, after);
    wait_gone(&before);
    server.take_rest();
}

#[test]
fn the_configuration_is_read_anew() {
    let scene = Scene::talkative().with_mcp(&[
        demo("demo", &["all"], ""),
        demo("old", &["title=old"], ""),
        table("broken", "no-such-xyz", &[], ""),
    ]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    for name in ["demo", "old", "broken"] {
        settled(&mut server, &thread, name);
    }
    let pid = says(&mut server, &thread, "pid", json!({}));
    let scene = scene.with_mcp(&[
        demo("demo", &["all"], ""),
        demo("new", &["title=new"], ""),
        table("broken", "no-such-xyz", &[], ""),
    ]);
    assert_eq!(server.request("config/mcpServer/reload", Value::Null), json!({}));
    assert_eq!(settled(&mut server, &thread, "new")["status"], "ready");
    assert_eq!(settled(&mut server, &thread, "broken")["status"], "failed", "what had failed is tried again");
    let list = server.request("mcpServerStatus/list", json!({"threadId": thread}));
    let names: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|status| status["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["broken", "demo", "new"]);
    assert_eq!(says(&mut server, &thread, "pid", json!({})), pid, "what has not changed runs on");

    fs::write(scene.home.home().join("config.toml"), "model = ").unwrap();
    server.request_error("config/mcpServer/reload", Value::Null);
    assert_eq!(says(&mut server, &thread, "pid", json!({})), pid);
}

#[test]
fn a_write_lets_threads_take_over_the_servers_if_it_says_so() {
    let scene = Scene::talkative().with_mcp(&[table("broken", "no-such-xyz", &[], "")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    settled(&mut server, &thread, "broken");
    let names = |server: &mut TestServer| {
        let list = server.request("mcpServerStatus/list", json!({"threadId": thread}));
        let data = list["data"].as_array().unwrap().clone();
        data.iter().map(|status| status["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let add = |name: &str, with_reload: bool| {
        let edit = json!({"keyPath": format!("mcp_servers.{name}"), "value": {"command": "no-such-xyz"},
            "mergeStrategy": "replace"});
        json!({"edits": [edit], "reloadUserConfig": with_reload})
    };
    server.request("config/batchWrite", add("quiet", false));
    assert_eq!(names(&mut server), ["broken"]);
    assert_eq!(server.request("config/batchWrite", add("told", true))["status"], "ok");
    for name in ["broken", "quiet", "told"] {
        settled(&mut server, &thread, name);
    }
    assert_eq!(names(&mut server), ["broken", "quiet", "told"]);
}

#[test]
fn the_end_of_the_session_leaves_no_process() {
    for is_killed in [false, true] {
        let scene = Scene::talkative().with_mcp(&[demo("demo", &["all", "stubborn"], "")]);
        let mut server = scene.server();
        let thread = scene.start_thread(&mut server);
        let pids = ["pid", "child"].map(|tool| says(&mut server, &thread, tool, json!({})));
        assert!(pids.iter().all(|pid| is_running(pid)), "{pids:?}");
        if is_killed {
            server.without_checks();
            server.connection().kill().unwrap();
        } else {
            server.close();
        }
        pids.iter().for_each(|pid| wait_gone(pid));
    }
}

#[test]
fn the_end_of_the_session_does_not_wait_for_slow_servers() {
    let scene = Scene::talkative();
    let never = scene.home.base().join("never");
    let tables = [
        demo("slow", &[&format!("ready-when={}", never.display())], "startup_timeout_sec = 600"),
        demo("demo", &["all"], "tool_timeout_sec = 600"),
    ];
    let scene = scene.with_mcp(&tables);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    says(&mut server, &thread, "pid", json!({}));
    let list = server.start_request("mcpServerStatus/list", json!({}));
    let params = json!({"threadId": thread, "server": "demo", "tool": "hang"});
    let call = server.start_request("mcpServer/tool/call", params);
    let begun = Instant::now();
    server.connection().close_input();
    server.answer(&list);
    assert!(server.answer(&call).get("error").is_some());
    server.expect_exit();
    assert!(begun.elapsed() < LIMIT);
    server.take_rest();
}

/// A repository's own servers are programs of whoever wrote it.
#[test]
fn a_project_that_is_not_trusted_starts_no_server() {
    let scene = Scene::talkative();
    let folder = scene.home.work().join(".codex");
    fs::create_dir(&folder).unwrap();
    let started = scene.home.base().join("started");
    let script = format!("touch {}", started.display());
    fs::write(folder.join("config.toml"), table("evil", "sh", &["-c", &script], "")).unwrap();
    let mut server = scene.server();
    let thread = server.start_thread_with(json!({"cwd": scene.home.work(), "sandbox": "workspace-write"}));
    let list = server.request("mcpServerStatus/list", json!({"threadId": thread}));
    assert_eq!(list["data"], json!([]));
    let of_folder = server.request("mcpServerStatus/list", json!({}));
    assert_eq!(of_folder["data"], json!([]));
    let told = server.run_turn(&thread, "go");
    assert!(told.iter().all(|message| message["method"] != "mcpServer/startupStatus/updated"));
    server.close();
    assert!(!started.exists());
}

/// A thread that nobody gives a turn, such as a client's for titles, costs no process.
#[test]
fn an_ephemeral_thread_starts_no_server_before_its_first_turn() {
    let scene = Scene::new([Answer::message("done")]).with_mcp(&[demo("demo", &[], "")]);
    let mut server = scene.server();
    let thread = server.start_thread_with(json!({"cwd": scene.home.work(), "ephemeral": true}));
    server.request("thread/loaded/list", json!({}));
    assert_eq!(server.take_rest(), Vec::<Value>::new());
    let messages = server.run_turn(&thread, "go");
    let told = |status: &str| messages.iter().any(|message| message["params"]["status"] == status);
    assert!(told("starting") && told("ready"));
    let tools = scene.model.requests_seen(1)[0].body["tools"].to_string();
    assert!(tools.contains("mcp__demo__echo"), "{tools}");
}

/// The server's own cache holds what was listed, for the next time.
#[test]
fn tools_are_cached_below_our_own_folder() {
    let scene = Scene::talkative().with_mcp(&[demo("demo", &[], "")]);
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    settled(&mut server, &thread, "demo");
    server.close();
    let folder = scene.home.home().join("app-server").join("mcp");
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    let kept: Value = serde_json::from_slice(&fs::read(Path::new(&files[0])).unwrap()).unwrap();
    assert_eq!(kept[0]["name"], "echo");
}

/// A server reached over HTTP: its token from a variable, its headers from both tables.
#[test]
fn a_server_is_reached_over_http() {
    let remote = HttpMcpServer::start();
    remote.require_sign_in();
    remote.accept_token("token-of-a-variable");
    let table = format!(
        "[mcp_servers.demo]\nurl = \"{}\"\nbearer_token_env_var = \"DEMO_TOKEN\"\n\
         http_headers = {{ X-Plain = \"plain\" }}\nenv_http_headers = {{ X-Named = \"NAMED\" }}\n\
         [mcp_servers.locked]\nurl = \"{}\"\n",
        remote.url(),
        remote.url()
    );
    let scene = Scene::talkative().with_mcp(&[table]);
    let environment = [("DEMO_TOKEN", "token-of-a-variable"), ("NAMED", "named")];
    let mut server = TestServer::start_in(BINARY, &scene.home, &environment);
    server.initialize(json!({"experimentalApi": true}));
    let thread = scene.start_thread(&mut server);
    assert_eq!(settled(&mut server, &thread, "demo")["status"], "ready");
    let locked = settled(&mut server, &thread, "locked");
    assert_eq!(
        (&locked["status"], &locked["failureReason"]),
        (&json!("failed"), &json!("reauthenticationRequired"))
    );
    assert_eq!(says(&mut server, &thread, "echo", json!({"text": "far"})), "echo: far");
    let request = remote.requests().pop().unwrap();
    let header = |name: &str| request.header(name).map(str::to_owned);
    assert_eq!(header("x-plain").as_deref(), Some("plain"));
    assert_eq!(header("x-named").as_deref(), Some("named"));

    let list = server.request("mcpServerStatus/list", json!({"threadId": thread}));
    let [demo, locked] = [0, 1].map(|at| &list["data"][at]);
    assert_eq!((&demo["runtimeStatus"], &demo["authStatus"]), (&json!("connected"), &json!("bearerToken")));
    assert_eq!(demo["httpOrigin"], remote.origin());
    assert_eq!(
        (&locked["runtimeStatus"], &locked["authStatus"]),
        (&json!("authenticationRequired"), &json!("notLoggedIn"))
    );
    // A server that forgot the session is asked for another.
    remote.expire_sessions();
    assert_eq!(says(&mut server, &thread, "echo", json!({"text": "again"})), "echo: again");
    server.close();
}
