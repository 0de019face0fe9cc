//! Cases about the process as such: size, start-up, memory at rest, many requests at once.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use super::client::{Message, Server};
use super::homes::Home;
use super::model::Model;
use super::report::Measure;
use super::subject::Subject;
use super::usage::{self, Clock};

/// How long a server is left alone before its memory at rest is read.
const REST: Duration = Duration::from_secs(1);

/// Requests sent in one go by [`pipeline`].
const PIPELINED_REQUESTS: usize = 3000;

/// A server that has said nothing for this long while answers are due has lost them.
const SILENCE: Duration = Duration::from_secs(5);

/// The executable file.
pub(super) fn size(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let bytes = fs::metadata(subject.program()).context("cannot look at the binary")?.len();
    Ok(vec![Measure::bytes("binary", bytes)])
}

/// From spawn to the answer to `initialize`, in a fresh home and in one that has been used once.
pub(super) fn startup(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let model = Model::start();
    let home = Home::new(model.base_url())?;
    let first = start_seconds(subject, &home)?;
    let second = start_seconds(subject, &home)?;
    Ok(vec![
        Measure::seconds("to initialize answer, fresh home", first),
        Measure::seconds("to initialize answer, used home", second),
    ])
}

fn start_seconds(subject: &Subject, home: &Home) -> anyhow::Result<f64> {
    let begin = Instant::now();
    let server = Server::start(subject, home)?;
    let seconds = begin.elapsed().as_secs_f64();
    server.finish()?;
    Ok(seconds)
}

/// Memory after `initialize` and `thread/start`, at rest.
pub(super) fn idle(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let model = Model::start();
    let home = Home::new(model.base_url())?;
    let mut server = Server::start(subject, &home)?;
    server.start_thread(home.work())?;
    let clock = Clock::start(server.pid())?;
    thread::sleep(REST);
    let cpu = clock.read()?.cpu;
    let memory = usage::memory(server.pid())?;
    server.finish()?;
    Ok(vec![
        Measure::bytes("resident (RSS)", memory.resident),
        Measure::bytes("proportional (PSS)", memory.proportional),
        Measure::seconds("CPU in the second after thread/start", cpu),
    ])
}

/// Many small requests in one write: every one of them has to be answered, and once.
pub(super) fn pipeline(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let model = Model::start();
    let home = Home::new(model.base_url())?;
    let mut server = Server::start(subject, &home)?;
    let mut lines = String::new();
    let mut first_id = None;
    for _ in 0..PIPELINED_REQUESTS {
        let (id, line) = server.request_line("thread/loaded/list", &json!({}));
        first_id.get_or_insert(id);
        lines.push_str(&line);
    }
    let first_id = first_id.context("nothing to send")?;

    let mut answers = vec![0u32; PIPELINED_REQUESTS];
    let mut refused = 0;
    let begin = Instant::now();
    let mut last = begin;
    server.write(lines.as_bytes())?;
    while answers.contains(&0) {
        let Some(line) = server.next_line_within(SILENCE)? else { break };
        let message = Message::parse(&line)?;
        let (Some(id), None) = (message.id, message.method) else { continue };
        let index = usize::try_from(id - first_id).context("an answer to an id that was not sent")?;
        ensure!(index < answers.len(), "an answer to an id that was not sent");
        answers[index] += 1;
        refused += usize::from(message.error.is_some());
        last = Instant::now();
    }
    server.finish()?;
    let times = |wanted: fn(u32) -> bool| answers.iter().filter(|count| wanted(**count)).count();
    Ok(vec![
        Measure::seconds("3,000 requests, to the last answer", (last - begin).as_secs_f64()),
        Measure::count("answered exactly once (of 3,000)", times(|count| count == 1)),
        Measure::count("of these with an error", refused),
        Measure::count("answered more than once", times(|count| count > 1)),
        Measure::count("never answered", times(|count| count == 0)),
    ])
}
