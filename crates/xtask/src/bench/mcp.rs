//! Cases about MCP servers: what they cost a thread's start, and what running ones occupy at rest.

use std::fmt::Write as _;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::Unable;
use super::client::{Message, Server};
use super::homes::Home;
use super::model::Model;
use super::report::Measure;
use super::subject::Subject;
use super::usage::{self, Clock};

/// Servers in each part.
const SERVERS: usize = 20;
/// Threads started beside servers that never answer.
const THREADS: usize = 10;
/// How long the servers are left alone before memory and CPU are read.
const REST: Duration = Duration::from_secs(3);
/// A server that has said nothing for this long while servers start will say nothing more.
const SILENCE: Duration = Duration::from_secs(20);

/// The smallest server there is: a handshake, one tool, no resources.
const SERVER: &str = r#"
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    result = {}
    if message["method"] == "initialize":
        result = {"protocolVersion": message["params"]["protocolVersion"], "capabilities": {"tools": {}},
                  "serverInfo": {"name": "bench", "version": "1"}}
    elif message["method"] == "tools/list":
        result = {"tools": [{"name": "echo", "description": "echo", "inputSchema": {"type": "object"}}]}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
"#;

/// `thread/start` beside 20 servers that never answer; memory and CPU at rest beside 20 that run.
pub(super) fn mcp(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let mut measures = dead(subject)?;
    measures.extend(live(subject)?);
    Ok(measures)
}

fn configure(home: &Home, command: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let path = home.path().join("config.toml");
    let mut text = fs::read_to_string(&path).context("cannot read the configuration")?;
    for number in 0..SERVERS {
        // The number makes each a definition of its own.
        write!(
            text,
            "\n[mcp_servers.server{number}]\ncommand = \"{command}\"\nargs = {arguments:?}\n\
             env = {{ NUMBER = \"{number}\" }}\n"
        )?;
    }
    fs::write(path, text).context("cannot write the configuration")
}

fn dead(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let model = Model::start();
    let home = Home::new(model.base_url())?;
    configure(&home, "sleep", &["1000"])?;
    let mut server = Server::start(subject, &home)?;
    let begin = Instant::now();
    server.start_thread(home.work())?;
    let first = begin.elapsed();
    let begin = Instant::now();
    for _ in 0..THREADS {
        server.start_thread(home.work())?;
    }
    let later = begin.elapsed().as_secs_f64() / THREADS as f64;
    server.finish()?;
    Ok(vec![
        Measure::seconds("first thread/start, 20 servers that never answer", first.as_secs_f64()),
        Measure::seconds("each of 10 more", later),
    ])
}

fn live(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let model = Model::start();
    let home = Home::new(model.base_url())?;
    let script = home.path().join("bench_server.py");
    fs::write(&script, SERVER).context("cannot write the server")?;
    let script = script.to_str().context("the path of the home is not text")?;
    configure(&home, "python3", &[script])?;
    let mut server = Server::start(subject, &home)?;
    let begin = Instant::now();
    server.start_thread(home.work())?;
    let mut ready = 0;
    while ready < SERVERS {
        let Some(line) = server.next_line_within(SILENCE)? else {
            return Err(Unable("it does not tell of the servers it starts".to_owned()).into());
        };
        let message = Message::parse(&line)?;
        if message.method == Some("mcpServer/startupStatus/updated") {
            ensure!(!line.contains(r#""status":"failed""#), "a server did not start: {line}");
            ready += usize::from(line.contains(r#""status":"ready""#));
        }
    }
    let started = begin.elapsed().as_secs_f64();
    let clock = Clock::start(server.pid())?;
    thread::sleep(REST);
    let cpu = clock.read()?.cpu;
    let memory = usage::memory(server.pid())?;
    let supervisors = supervisors(server.pid())?;
    server.finish()?;
    Ok(vec![
        Measure::seconds("20 servers started, 4 at once", started),
        Measure::bytes("resident (RSS) beside 20 idle servers", memory.resident),
        Measure::bytes("proportional (PSS) of it", memory.proportional),
        Measure::bytes("proportional (PSS) of their supervisors", supervisors),
        Measure::seconds("CPU in 3 s beside them", cpu),
    ])
}

/// What the processes between the server and those it started occupy: children that run the server's own program.
fn supervisors(pid: u32) -> anyhow::Result<u64> {
    let program = fs::read_link(format!("/proc/{pid}/exe")).context("cannot look at the program")?;
    let mut bytes = 0;
    for entry in fs::read_dir("/proc").context("cannot read /proc (the bench needs Linux)")? {
        let Some(other) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // Processes come and go meanwhile.
        let is_same = fs::read_link(format!("/proc/{other}/exe")).is_ok_and(|exe| exe == program);
        if other != pid && is_same && is_below(other, pid) {
            bytes += usage::memory(other).map_or(0, |memory| memory.proportional);
        }
    }
    Ok(bytes)
}

fn is_below(mut pid: u32, ancestor: u32) -> bool {
    while pid > 1 {
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        match parent {
            Some(parent) if parent == ancestor => return true,
            Some(parent) => pid = parent,
            None => return false,
        }
    }
    false
}
