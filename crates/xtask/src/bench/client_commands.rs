//! Commands a client runs by itself, without a thread or a model.

use std::time::Instant;

use anyhow::ensure;
use serde_json::json;

use super::client::Server;
use super::homes::Home;
use super::model::Model;
use super::report::{Measure, median};
use super::subject::Subject;
use super::usage::{self, Clock};

/// How often each is run.
const COMMANDS: usize = 100;

/// Policies, and what their figures are called.
const POLICIES: [(&str, &str, &str); 2] = [
    ("dangerFullAccess", "`true`, full access, median of 100", "CPU of the server per command, full access"),
    ("readOnly", "`true`, read-only, median of 100", "CPU of the server per command, read-only"),
];

/// `command/exec` of a program that does nothing, from the request to its answer, bare and confined.
pub(super) fn exec(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let model = Model::start();
    let home = Home::new(model.base_url())?;
    let mut server = Server::start(subject, &home)?;
    let mut measures = Vec::new();
    for (policy, wall, spent) in POLICIES {
        let params = json!({"command": ["true"], "cwd": home.work(), "sandboxPolicy": {"type": policy}});
        // The first one of a process pays for its caches.
        server.call("command/exec", &params)?;
        let clock = Clock::start(server.pid())?;
        let mut times = Vec::with_capacity(COMMANDS);
        for _ in 0..COMMANDS {
            let begin = Instant::now();
            let result = server.call("command/exec", &params)?;
            times.push(begin.elapsed().as_secs_f64());
            ensure!(result["exitCode"] == 0, "`true` ended otherwise: {result}");
        }
        let cpu = clock.read()?.cpu / COMMANDS as f64;
        measures.extend(median(&times).map(|time| Measure::seconds(wall, time)));
        measures.push(Measure::seconds(spent, cpu));
    }
    measures.push(Measure::bytes("RSS after them", usage::memory(server.pid())?.resident));
    server.finish()?;
    Ok(measures)
}
