//! Cases about stored threads: listing many, resuming a long one and a large one.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::Context;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::client::{Message, Server};
use super::homes::Home;
use super::model::Model;
use super::report::Measure;
use super::subject::Subject;
use super::usage;

const STORED_THREADS: usize = 5000;
const VERY_MANY_THREADS: usize = 50_000;
const PAGE_THREADS: usize = 100;
/// Warm reads of which the median counts: a single one is mostly the time of waking up.
const WARM_READS: usize = 5;
const LONG_THREAD_TURNS: usize = 20_000;

/// `thread/list` over many rollouts: the first page and all pages, each by a new process in a home nobody has listed
/// before (cold) and again by the same process (warm, the median of five). The machine's file cache is warm either way.
pub(super) fn list(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    list_of(
        subject,
        STORED_THREADS,
        [
            "first page of 5,000 threads, cold",
            "first page of 5,000 threads, warm",
            "all pages of 100, cold",
            "all pages of 100, warm",
            "threads found on all pages, cold (of 5,000)",
            "peak RSS",
        ],
    )
}

/// The same over ten times as many.
pub(super) fn list_many(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    list_of(
        subject,
        VERY_MANY_THREADS,
        [
            "first page of 50,000 threads, cold",
            "first page of 50,000 threads, warm",
            "all pages of 100, cold",
            "all pages of 100, warm",
            "threads found on all pages, cold (of 50,000)",
            "peak RSS",
        ],
    )
}

fn list_of(subject: &Subject, threads: usize, names: [&'static str; 6]) -> anyhow::Result<Vec<Measure>> {
    let model = Model::start();
    let timed_twice = |read: fn(&mut Server) -> anyhow::Result<usize>| -> anyhow::Result<_> {
        let home = Home::new(model.base_url())?;
        home.add_threads(threads)?;
        let mut server = Server::start(subject, &home)?;
        let begin = Instant::now();
        let found = read(&mut server)?;
        let cold = begin.elapsed().as_secs_f64();
        let mut warm = [0.0; WARM_READS];
        for seconds in &mut warm {
            let begin = Instant::now();
            read(&mut server)?;
            *seconds = begin.elapsed().as_secs_f64();
        }
        warm.sort_by(f64::total_cmp);
        let warm = warm[WARM_READS / 2];
        let peak = usage::memory(server.pid())?.peak;
        server.finish()?;
        Ok((cold, warm, found, peak))
    };
    let (first_cold, first_warm, _, _) = timed_twice(first_page)?;
    let (all_cold, all_warm, found, peak) = timed_twice(all_pages)?;
    let [first_cold_name, first_warm_name, all_cold_name, all_warm_name, found_name, peak_name] = names;
    Ok(vec![
        Measure::seconds(first_cold_name, first_cold),
        Measure::seconds(first_warm_name, first_warm),
        Measure::seconds(all_cold_name, all_cold),
        Measure::seconds(all_warm_name, all_warm),
        Measure::count(found_name, found),
        Measure::bytes(peak_name, peak),
    ])
}

/// What a page is read for; the rest is passed over, so that the client's parsing is not what is measured.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    data: Vec<Listed>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
}

fn page(server: &mut Server, params: &Value) -> anyhow::Result<Page> {
    let line = server.call_line("thread/list", params)?;
    let result = Message::parse(&line)?.result.context("thread/list without a result")?;
    serde_json::from_str(result.get()).context("thread/list without a page")
}

fn first_page(server: &mut Server) -> anyhow::Result<usize> {
    Ok(page(server, &json!({}))?.data.len())
}

fn all_pages(server: &mut Server) -> anyhow::Result<usize> {
    let mut ids = BTreeSet::new();
    let mut cursor = None;
    loop {
        let page = page(server, &json!({"limit": PAGE_THREADS, "cursor": cursor}))?;
        ids.extend(page.data.into_iter().map(|thread| thread.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(ids.len());
        }
    }
}

/// `thread/resume` of one very long thread, all its turns in the answer.
pub(super) fn resume(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    #[derive(Deserialize)]
    struct Resumed {
        thread: Thread,
    }
    #[derive(Deserialize)]
    struct Thread {
        turns: Vec<IgnoredAny>,
    }
    let model = Model::start();
    let home = Home::new(model.base_url())?;
    let thread = home.add_long_thread(LONG_THREAD_TURNS)?;
    let mut server = Server::start(subject, &home)?;
    let begin = Instant::now();
    let line = server.call_line("thread/resume", &json!({"threadId": thread}))?;
    let wall = begin.elapsed().as_secs_f64();
    let memory = usage::memory(server.pid())?;
    server.finish()?;
    let result = Message::parse(&line)?.result.context("thread/resume without a result")?;
    let resumed: Resumed = serde_json::from_str(result.get()).context("thread/resume without turns")?;
    Ok(vec![
        Measure::seconds("resume of 20,000 turns, to the answer", wall),
        Measure::bytes("peak RSS", memory.peak),
        Measure::bytes("length of the answer", line.len() as u64),
        Measure::count("turns in the answer", resumed.thread.turns.len()),
    ])
}

/// `thread/resume` of one large thread without its turns, and pages of them: what the file is long for must not be what
/// is in memory.
pub(super) fn large(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let mut measures = large_of(
        subject,
        100_000_000,
        [
            "100 MB: resume without turns, to the answer",
            "100 MB: peak RSS after that",
            "100 MB: page of 25 turns with their items",
            "100 MB: page of 25 turns, summaries",
            "100 MB: page of 100 items",
            "100 MB: peak RSS after all that",
            "100 MB: resume by another process",
            "100 MB: page of 25 turns, summaries, by another process",
            "100 MB: its peak RSS",
        ],
    )?;
    measures.extend(large_of(
        subject,
        1_000_000_000,
        [
            "1 GB: resume without turns, to the answer",
            "1 GB: peak RSS after that",
            "1 GB: page of 25 turns with their items",
            "1 GB: page of 25 turns, summaries",
            "1 GB: page of 100 items",
            "1 GB: peak RSS after all that",
            "1 GB: resume by another process",
            "1 GB: page of 25 turns, summaries, by another process",
            "1 GB: its peak RSS",
        ],
    )?);
    Ok(measures)
}

fn large_of(subject: &Subject, bytes: u64, names: [&'static str; 9]) -> anyhow::Result<Vec<Measure>> {
    let model = Model::start();
    let home = Home::new(model.base_url())?;
    let thread = home.add_large_thread(bytes)?;
    let mut server = Server::start(subject, &home)?;
    let timed = |server: &mut Server, method: &str, params: &Value| -> anyhow::Result<(f64, u64)> {
        let begin = Instant::now();
        server.call_line(method, params)?;
        Ok((begin.elapsed().as_secs_f64(), usage::memory(server.pid())?.peak))
    };
    let (resume, turns) = (json!({"threadId": thread, "excludeTurns": true}), json!({"threadId": thread}));
    let full = json!({"threadId": thread, "itemsView": "full"});
    let (resumed, peak) = timed(&mut server, "thread/resume", &resume)?;
    let (full, _) = timed(&mut server, "thread/turns/list", &full)?;
    let (summaries, _) = timed(&mut server, "thread/turns/list", &turns)?;
    let items = json!({"threadId": thread, "limit": 100});
    let (items, peak_of_all) = timed(&mut server, "thread/items/list", &items)?;
    server.finish()?;
    let mut server = Server::start(subject, &home)?;
    let (summaries_again, _) = timed(&mut server, "thread/turns/list", &turns)?;
    let (resumed_again, peak_again) = timed(&mut server, "thread/resume", &resume)?;
    server.finish()?;
    let [
        resume_name,
        peak_name,
        full_name,
        summaries_name,
        items_name,
        peak_of_all_name,
        resume_again_name,
        summaries_again_name,
        peak_again_name,
    ] = names;
    Ok(vec![
        Measure::seconds(resume_name, resumed),
        Measure::bytes(peak_name, peak),
        Measure::seconds(full_name, full),
        Measure::seconds(summaries_name, summaries),
        Measure::seconds(items_name, items),
        Measure::bytes(peak_of_all_name, peak_of_all),
        Measure::seconds(resume_again_name, resumed_again),
        Measure::seconds(summaries_again_name, summaries_again),
        Measure::bytes(peak_again_name, peak_again),
    ])
}
