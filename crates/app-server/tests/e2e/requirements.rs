//! What an administrator allows. The machine's folder cannot be moved by a variable, so the server runs within the test,
//! over two pipes.

use std::fs;
use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Write as _, pipe};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use app_server::Options;
use app_server_config::Environment;
use app_server_core::KnownSecrets;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::{BINARY, Scene};

/// A machine whose administrator demands something, and a client of a server on it.
struct Machine {
    scene: Scene,
    input: PipeWriter,
    output: BufReader<PipeReader>,
    server: JoinHandle<anyhow::Result<()>>,
    next_id: u64,
}

impl Machine {
    fn start(requirements: &str, config: &str) -> Self {
        let scene = Scene::new([]);
        scene.home.write_config(config).unwrap();
        let system_folder = scene.home.base().join("etc");
        fs::create_dir(&system_folder).unwrap();
        fs::write(system_folder.join("requirements.toml"), requirements).unwrap();
        let (server_input, input) = pipe().unwrap();
        let (output, server_output) = pipe().unwrap();
        let environment = Environment::from_pairs([
            ("CODEX_HOME", scene.home.home()),
            ("HOME", scene.home.base().to_owned()),
            ("PWD", scene.home.work()),
        ]);
        let secrets = KnownSecrets::new(Arc::new(environment.clone()), Some(&scene.home.home()));
        let options = Options {
            environment,
            secrets: Arc::new(secrets),
            logs: Arc::default(),
            overrides: Vec::new(),
            helper: PathBuf::from(BINARY),
            handles_signals: false,
            system_folder: Some(system_folder),
        };
        let server = std::thread::spawn(move || app_server::run(server_input, server_output, options));
        let output = BufReader::new(output);
        let mut machine = Self { scene, input, output, server, next_id: 0 };
        machine.result(
            "initialize",
            json!({"clientInfo": {"name": "test", "version": "1"}, "capabilities": {"experimentalApi": true}}),
        );
        machine
    }

    /// Sends a request and returns its answer.
    fn request(&mut self, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        let mut message = json!({"id": id, "method": method});
        message["params"] = params;
        writeln!(self.input, "{message}").unwrap();
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the server ended");
            let message: Value = serde_json::from_str(&line).unwrap();
            if message["id"] == id && message["method"].is_null() {
                return message;
            }
        }
    }

    fn result(&mut self, method: &str, params: Value) -> Value {
        let answer = self.request(method, params);
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    /// What a request is refused with, the machine's folder left out.
    fn refusal(&mut self, method: &str, params: Value) -> String {
        let answer = self.request(method, params);
        assert_eq!(answer["error"]["code"], -32600, "{answer}");
        let base = self.scene.home.base().canonicalize().unwrap();
        answer["error"]["message"].as_str().unwrap().replace(&*base.to_string_lossy(), "<base>")
    }

    fn end(self) {
        drop(self.input);
        let mut output = self.output;
        std::io::copy(&mut output, &mut std::io::sink()).unwrap();
        self.server.join().unwrap().unwrap();
    }
}

const DEMANDS: &str = "allowed_approval_policies = [\"on-request\", \"untrusted\"]\n\
                       allowed_sandbox_modes = [\"read-only\", \"workspace-write\"]\nallowed_login_methods = [\"api\"]\n";

#[test]
fn a_request_cannot_go_beyond_what_is_allowed() {
    let mut machine = Machine::start(DEMANDS, "model = \"m\"\n");
    let read = machine.result("configRequirements/read", json!(null));
    assert_eq!(read["requirements"]["allowedApprovalPolicies"], json!(["on-request", "untrusted"]));
    assert_eq!(read["requirements"]["allowedSandboxModes"], json!(["read-only", "workspace-write"]));
    assert_eq!(read["requirements"]["allowedLoginMethods"], json!(["api"]));
    assert_eq!(read["requirements"]["featureRequirements"], json!(null));

    let cwd = machine.scene.home.work();
    let of = |more: Value| {
        let mut params = json!({"cwd": cwd});
        params.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        params
    };
    let approval = "approval policy \"never\" is not allowed by <base>/etc/requirements.toml; allowed: on-request, untrusted";
    let sandbox = "sandbox mode \"danger-full-access\" is not allowed by <base>/etc/requirements.toml; allowed: read-only, workspace-write";
    assert_eq!(machine.refusal("thread/start", of(json!({"approvalPolicy": "never"}))), approval);
    assert_eq!(machine.refusal("thread/start", of(json!({"sandbox": "danger-full-access"}))), sandbox);
    let in_config = machine.refusal("thread/start", of(json!({"config": {"approval_policy": "never"}})));
    assert_eq!(in_config, format!("failed to load configuration: {approval}"));

    let answer = machine.result("thread/start", of(json!({})));
    assert_eq!(
        (&answer["approvalPolicy"], &answer["sandbox"]["type"]),
        (&json!("on-request"), &json!("readOnly"))
    );
    let thread = answer["thread"]["id"].clone();
    let update = json!({"threadId": thread, "sandboxPolicy": {"type": "dangerFullAccess"}});
    assert_eq!(machine.refusal("thread/settings/update", update), sandbox);
    let outside = json!({"threadId": thread, "sandboxPolicy": {"type": "externalSandbox"}, "input": []});
    assert!(machine.refusal("turn/start", outside).starts_with("sandbox mode \"external-sandbox\""));
    let turn = json!({"threadId": thread, "approvalPolicy": "never", "input": []});
    assert_eq!(machine.refusal("turn/start", turn), approval);
    let switches = json!({"granular": {"mcp_elicitations": true, "rules": true, "sandbox_approval": false}});
    let silent = json!({"threadId": thread, "approvalPolicy": switches, "input": []});
    assert_eq!(machine.refusal("turn/start", silent), approval);

    let full = json!({"command": ["true"], "sandboxPolicy": {"type": "dangerFullAccess"}});
    assert_eq!(machine.refusal("command/exec", full), sandbox);
    let by_profile = json!({"command": ["true"], "permissionProfile": ":danger-full-access"});
    assert_eq!(machine.refusal("command/exec", by_profile), sandbox);

    let profiles = machine.result("permissionProfile/list", json!({}));
    let allowed: Vec<&Value> =
        profiles["data"].as_array().unwrap().iter().map(|entry| &entry["allowed"]).collect();
    assert_eq!(allowed, [&json!(true), &json!(true), &json!(false)]);
    let login = machine.request("account/login/start", json!({"type": "chatgpt"}));
    assert!(login["error"]["message"].as_str().unwrap().contains("not allowed"), "{login}");
    machine.end();
}

#[test]
fn a_broken_file_of_requirements_stops_threads_until_it_is_mended() {
    let mut machine = Machine::start("allowed_sandbox_modes = 7", "model = \"m\"\n");
    let cwd = machine.scene.home.work();
    let refusal = machine.refusal("thread/start", json!({"cwd": cwd}));
    assert!(
        refusal.starts_with("failed to load configuration: <base>/etc/requirements.toml:1:25"),
        "{refusal}"
    );
    assert_eq!(machine.request("configRequirements/read", json!(null))["error"]["code"], -32603);
    fs::write(machine.scene.home.base().join("etc/requirements.toml"), "").unwrap();
    machine.result("thread/start", json!({"cwd": cwd}));
    assert_eq!(machine.result("configRequirements/read", json!(null))["requirements"], json!(null));
    machine.end();
}

#[test]
fn only_mcp_servers_that_are_listed_are_started() {
    let demands = "[mcp_servers.listed.identity]\ncommand = \"no-such-program\"\n\
                   [mcp_servers.other.identity]\nurl = \"http://a.example\"\n";
    let server = |name: &str| format!("[mcp_servers.{name}]\ncommand = \"no-such-program\"\n");
    let config = ["listed", "other", "unlisted"].map(server).concat();
    let mut machine = Machine::start(demands, &config);
    let list = machine.result("mcpServerStatus/list", json!({}));
    let errors = [0, 1, 2].map(|at| list["data"][at]["toolsError"].as_str().unwrap().to_owned());
    let forbidden = "MCP startup failed: not allowed by requirements";
    assert_eq!(errors, ["MCP startup failed: No such file or directory (os error 2)", forbidden, forbidden]);
    machine.end();
}
