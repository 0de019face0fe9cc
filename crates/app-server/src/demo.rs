//! `app-server demo`: starts this program as a client would, holds a conversation with the scripted model over stdio,
//! and prints it for a person, or with `--jsonl` as it went over the wire.
#![allow(
    clippy::print_stdout,
    reason = "this command talks to a person; the server it starts is another process"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};

/// What the demo asks unless the user says something else, and when the client is asked before something happens.
const DEFAULT_REQUESTS: &[(&str, &str)] = &[
    ("Look around, and try to write outside of this folder.", "on-request"),
    ("Add a greeting to the README of this project.", "untrusted"),
];

/// How to show it.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Prints every message with its direction as one JSON object per line.
    #[arg(long)]
    jsonl: bool,
    /// What to ask the scripted model.
    #[arg(value_name = "TEXT")]
    text: Option<String>,
}

/// Runs the demo in folders of its own, which are removed afterwards.
///
/// # Errors
/// When the server cannot be started, answers with an error, or the turn does not complete.
pub fn main(args: &DemoArgs) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("cannot make a folder for the demo")?;
    let (home, work) = (folder.path().join("home"), folder.path().join("work"));
    std::fs::create_dir_all(&home)?;
    std::fs::create_dir_all(&work)?;
    std::fs::write(work.join("README.md"), "# A project\n")?;
    let mut server = Server::start(&home, args.jsonl)?;
    if !args.jsonl {
        println!("This is a real server and a real turn; the model is scripted, built in and offline.\n");
    }
    let client = json!({ "name": "app_server_demo", "title": "Demo", "version": crate::VERSION });
    let hello = server.ask("initialize", &json!({ "clientInfo": client }))?;
    server.tell("initialized")?;
    let thread = server.ask("thread/start", &json!({ "cwd": work }))?;
    let thread_id = thread["thread"]["id"].as_str().context("the thread has no id")?.to_owned();
    server.say(&format!("server   {}", hello["userAgent"].as_str().unwrap_or_default()));
    server.say(&format!("thread   {thread_id}"));
    server.say(&format!("folder   {}", work.display()));
    let own = args.text.as_deref().map(|text| [(text, "untrusted")]);
    let requests = own.as_ref().map_or(DEFAULT_REQUESTS, |own| own.as_slice());
    for (text, approval_policy) in requests {
        server.say(&format!("\n> {text}\n"));
        let input = json!([{ "type": "text", "text": text }]);
        let params = json!({
            "threadId": thread_id,
            "input": input,
            "approvalPolicy": approval_policy,
            // The demo's own folder is a temporary one, so those must not be writable here.
            "sandboxPolicy": {
                "type": "workspaceWrite",
                "writableRoots": [],
                "networkAccess": false,
                "excludeTmpdirEnvVar": true,
                "excludeSlashTmp": true,
            },
        });
        server.ask("turn/start", &params)?;
        server.follow_turn()?;
    }
    let stored = server.ask("thread/read", &json!({ "threadId": thread_id, "includeTurns": true }))?;
    let turns = stored["thread"]["turns"].as_array().map_or(&[][..], Vec::as_slice);
    let items: usize = turns.iter().map(|turn| turn["items"].as_array().map_or(0, Vec::len)).sum();
    server.say(&format!("\nThe thread is stored with {} turns and {items} items.", turns.len()));
    server.finish()
}

/// The server as its client sees it.
struct Server {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    next_id: i64,
    jsonl: bool,
    /// Notifications that came while an answer was awaited.
    waiting: std::collections::VecDeque<Value>,
}

impl Server {
    fn start(home: &Path, jsonl: bool) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut child = Command::new(program)
            .args(["-c", "model_provider=offline", "app-server"])
            .env("CODEX_HOME", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server")?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("the server has no output")?;
        let waiting = std::collections::VecDeque::new();
        Ok(Server { child, input, output: BufReader::new(output), next_id: 0, jsonl, waiting })
    }

    /// Prints a line for a person.
    fn say(&self, line: &str) {
        if !self.jsonl {
            println!("{line}");
        }
    }

    fn send(&mut self, message: &Value) -> anyhow::Result<()> {
        if self.jsonl {
            println!("{}", json!({ "dir": "client->server", "msg": message }));
        }
        let input = self.input.as_mut().context("the server's input is closed")?;
        writeln!(input, "{message}").context("the server does not read")
    }

    fn receive(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        if self.output.read_line(&mut line).context("the server's output cannot be read")? == 0 {
            bail!("the server has ended");
        }
        let message: Value =
            serde_json::from_str(&line).context("the server wrote something that is no message")?;
        if self.jsonl {
            println!("{}", json!({ "dir": "server->client", "msg": message }));
        }
        Ok(message)
    }

    fn tell(&mut self, method: &str) -> anyhow::Result<()> {
        self.send(&json!({ "method": method }))
    }

    fn ask(&mut self, method: &str, params: &Value) -> anyhow::Result<Value> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({ "method": method, "id": id, "params": params }))?;
        loop {
            let mut message = self.receive()?;
            if message["id"] == json!(id) {
                if let Some(error) = message.get("error") {
                    bail!("{method} was refused: {error}");
                }
                return Ok(message["result"].take());
            }
            self.waiting.push_back(message);
        }
    }

    /// Prints the turn as it happens, until it has completed.
    fn follow_turn(&mut self) -> anyhow::Result<()> {
        loop {
            let message = match self.waiting.pop_front() {
                Some(message) => message,
                None => self.receive()?,
            };
            let params = &message["params"];
            let item = &params["item"];
            match message["method"].as_str().unwrap_or_default() {
                "item/agentMessage/delta" | "item/reasoning/summaryTextDelta" if !self.jsonl => {
                    print!("{}", params["delta"].as_str().unwrap_or_default());
                    std::io::stdout().flush()?;
                }
                "item/started" => self.show_start(item),
                "item/completed" => self.show_end(item),
                "item/commandExecution/requestApproval" | "item/fileChange/requestApproval" => {
                    self.say("    may it? the client is asked, and says yes");
                    self.send(&json!({ "id": message["id"], "result": { "decision": "accept" } }))?;
                }
                "turn/diff/updated" => {
                    self.say("[changed in this turn]");
                    self.say_indented(&params["diff"]);
                }
                "turn/completed" => {
                    let turn = &params["turn"];
                    let status = turn["status"].as_str().unwrap_or("?");
                    self.say(&format!("[turn {status} in {} ms]", turn["durationMs"]));
                    if status != "completed" {
                        bail!("the turn ended as {status}: {}", turn["error"]);
                    }
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    fn show_start(&self, item: &Value) {
        match item["type"].as_str().unwrap_or_default() {
            "reasoning" => self.say("[thinks]"),
            "agentMessage" => self.say("[answers]"),
            "commandExecution" => {
                self.say(&format!("[runs] {}", item["command"].as_str().unwrap_or_default()))
            }
            "fileChange" => {
                self.say("[changes files]");
                for change in item["changes"].as_array().into_iter().flatten() {
                    self.say(&format!("    {}", change["path"].as_str().unwrap_or_default()));
                }
            }
            _ => {}
        }
    }

    fn show_end(&self, item: &Value) {
        match item["type"].as_str().unwrap_or_default() {
            "commandExecution" => {
                self.say_indented(&item["aggregatedOutput"]);
                self.say(&format!("    exit code {}\n", item["exitCode"]));
            }
            "fileChange" => self.say(&format!("    {}\n", item["status"].as_str().unwrap_or_default())),
            "agentMessage" | "reasoning" => self.say("\n"),
            _ => {}
        }
    }

    fn say_indented(&self, text: &Value) {
        for line in text.as_str().unwrap_or_default().lines() {
            self.say(&format!("    {line}"));
        }
    }

    /// Closes the server's input and waits for its end.
    fn finish(mut self) -> anyhow::Result<()> {
        self.input = None;
        while self.output.read_line(&mut String::new())? > 0 {}
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the server ended with {status}");
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After an error the server must not stay behind; after `finish` there is nothing left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
