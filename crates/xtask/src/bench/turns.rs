//! Cases about turns: many in a row, many deltas, many at once.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::ensure;
use serde_json::json;

use super::client::{Message, Server, completed_thread, turn_params};
use super::homes::Home;
use super::model::Model;
use super::report::Measure;
use super::subject::Subject;
use super::usage::{self, Clock, Spent};

const SEQUENTIAL_TURNS: usize = 200;
const SOAK_TURNS: usize = 10_000;
const SOAK_DELTAS: usize = 3;
/// Threads that the turns of a soak are on, one after the other: what the model sees of each would be the slope otherwise.
const SOAK_THREADS: usize = 50;
const SEQUENTIAL_DELTAS: usize = 20;
const MANY_DELTAS: usize = 20_000;
const PARALLEL_TURNS: usize = 50;
const PARALLEL_DELTAS: usize = 100;

/// Text turns on one thread, one after the other; the history grows with them.
pub(super) fn sequential(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let model = Model::start();
    let home = Home::new(model.base_url())?;
    let mut server = Server::start(subject, &home)?;
    let thread = server.start_thread(home.work())?;
    model.answer_with_words(SEQUENTIAL_DELTAS);
    server.run_turn(&thread, "warm up")?;

    let clock = Clock::start(server.pid())?;
    for turn in 0..SEQUENTIAL_TURNS {
        server.run_turn(&thread, &format!("question number {turn}"))?;
    }
    let Spent { wall, cpu, .. } = clock.read()?;
    let memory = usage::memory(server.pid())?;
    server.finish()?;
    Ok(vec![
        Measure::seconds("wall per turn, of 200 in a row", wall / SEQUENTIAL_TURNS as f64),
        Measure::seconds("CPU per turn, of 200 in a row", cpu / SEQUENTIAL_TURNS as f64),
        Measure::bytes("RSS after them", memory.resident),
    ])
}

/// Very many turns in one process, on threads that are archived when they are done. The slope of the memory is what the second half
/// of the turns added to it, by turns.
pub(super) fn soak(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let model = Model::start();
    let home = Home::new(model.base_url())?;
    let mut server = Server::start(subject, &home)?;
    model.answer_with_words(SOAK_DELTAS);
    let clock = Clock::start(server.pid())?;
    let mut half = 0;
    for number in 0..SOAK_THREADS {
        if number == SOAK_THREADS / 2 {
            half = usage::memory(server.pid())?.resident;
        }
        let thread = server.start_thread(home.work())?;
        for turn in 0..SOAK_TURNS / SOAK_THREADS {
            server.run_turn(&thread, &format!("question number {turn}"))?;
        }
        server.call_line("thread/archive", &json!({"threadId": thread}))?;
    }
    let Spent { wall, .. } = clock.read()?;
    let memory = usage::memory(server.pid())?;
    server.finish()?;
    Ok(vec![
        Measure::seconds("wall per turn, of 10,000", wall / SOAK_TURNS as f64),
        Measure::bytes("RSS after 5,000 turns", half),
        Measure::bytes("RSS after 10,000 turns", memory.resident),
        Measure::bytes(
            "RSS per turn of the second half",
            memory.resident.saturating_sub(half) / (SOAK_TURNS as u64 / 2),
        ),
    ])
}

/// What one more delta costs: a turn with very many less a turn with one.
pub(super) fn deltas(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let model = Model::start();
    let home = Home::new(model.base_url())?;
    let mut server = Server::start(subject, &home)?;
    let mut timed = |count: usize| -> anyhow::Result<(f64, f64, usize)> {
        model.answer_with_words(count);
        let thread = server.start_thread(home.work())?;
        let clock = Clock::start(server.pid())?;
        let seen = server.run_turn(&thread, "go")?;
        let Spent { wall, cpu, .. } = clock.read()?;
        Ok((wall, cpu, seen))
    };
    // The first turn of a process pays for connections and caches.
    timed(1)?;
    let (one_wall, one_cpu, _) = timed(1)?;
    let (many_wall, many_cpu, seen) = timed(MANY_DELTAS)?;
    server.finish()?;
    let more = (MANY_DELTAS - 1) as f64;
    Ok(vec![
        Measure::seconds("CPU per delta, of 20,000", (many_cpu - one_cpu) / more),
        Measure::seconds("wall per delta, of 20,000", (many_wall - one_wall) / more),
        Measure::count("delta notifications seen", seen),
    ])
}

/// One turn on each of many threads, all started at once.
pub(super) fn parallel(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let model = Model::start();
    let home = Home::new(model.base_url())?;
    let mut server = Server::start(subject, &home)?;
    model.answer_with_words(PARALLEL_DELTAS);
    let mut running = BTreeSet::new();
    let begin = Instant::now();
    for _ in 0..PARALLEL_TURNS {
        running.insert(server.start_thread(home.work())?);
    }
    let start_wall = begin.elapsed().as_secs_f64() / PARALLEL_TURNS as f64;
    let mut lines = String::new();
    for thread in &running {
        lines.push_str(&server.request_line("turn/start", &turn_params(thread, "go")).1);
    }

    let clock = Clock::start(server.pid())?;
    server.write(lines.as_bytes())?;
    while !running.is_empty() {
        let line = server.next_line()?;
        let message = Message::parse(&line)?;
        ensure!(message.error.is_none(), "a turn was refused: {line}");
        if message.method == Some("turn/completed") {
            running.remove(&completed_thread(&message)?);
        }
    }
    let Spent { wall, cpu, .. } = clock.read()?;
    let memory = usage::memory(server.pid())?;
    server.finish()?;
    Ok(vec![
        Measure::seconds("wall per thread/start, of 50", start_wall),
        Measure::seconds("wall, 50 turns on 50 threads at once", wall),
        Measure::seconds("CPU, 50 turns on 50 threads at once", cpu),
        Measure::bytes("peak RSS", memory.peak),
    ])
}
