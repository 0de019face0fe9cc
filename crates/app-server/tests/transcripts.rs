//! Replays recorded conversations against the binary and compares what comes back.
//!
//! The recordings are in `transcripts/94` and `transcripts/169`, by the version of the reference they were taken from.
//! `transcripts/deviations.toml` says what is not compared and lists every difference that is meant, each with its
//! reason; a listed difference that does not occur fails the test too, so the list cannot rot.
//!
//! For work on a recording: `TRANSCRIPT=169/steer` replays those whose name starts so (and does not look for unused
//! entries; those that are `pending` are replayed only so), `APP_SERVER_UNDER_TEST="/path/to/server app-server"` tests another server, which then has no deviations
//! (`KEEP_DEVIATIONS=1` keeps them), and `APP_SERVER_TEST_BASE` says where its homes are made.

#![allow(clippy::unwrap_used, reason = "a helper that panics fails the test")]

#[path = "transcripts/client_output.rs"]
mod client_output;
#[path = "transcripts/compare.rs"]
mod compare;
#[path = "transcripts/expectations.rs"]
mod expectations;
#[path = "transcripts/replay.rs"]
mod replay;

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use app_server_test_support::transcript::{Step, Transcript};

use crate::compare::Repeated;
use crate::expectations::Expectations;
use crate::replay::{Candidate, replay};

#[allow(
    clippy::disallowed_methods,
    reason = "chooses what this test runs against; nothing of the product reads it"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn load() -> Vec<(String, Transcript)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut transcripts = Vec::new();
    for version in ["94", "169"] {
        let mut paths: Vec<_> =
            fs::read_dir(folder.join(version)).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let name = format!("{version}/{}", path.file_stem().unwrap().to_string_lossy());
            let mut transcript = Transcript::parse(&fs::read_to_string(&path).unwrap())
                .unwrap_or_else(|error| panic!("{name}: {error:#}"));
            if version == "94" {
                transcript.qualify_counted_ids();
                let mut repeated = Repeated::default();
                transcript.steps.retain(|step| match step {
                    Step::Server(message) => !repeated.is_repeated(message),
                    _ => true,
                });
            }
            transcripts.push((name, transcript));
        }
    }
    transcripts
}

/// Returns a report of what was not expected; empty when all is well.
fn run(name: &str, transcript: &Transcript, expectations: &Expectations, candidate: &Candidate) -> String {
    let differences = match replay(name, transcript, expectations, candidate) {
        Ok(differences) => differences,
        Err(error) => return format!("\n== {name}: cannot be replayed: {error:#}\n"),
    };
    let mut report = String::new();
    for difference in &differences {
        if !expectations.allows(name, difference) {
            let expectations::Difference { at, what, path, detail } = difference;
            report.push_str(&format!("  {at} {what:?} {path}\n      {detail}\n"));
        }
    }
    if !report.is_empty() {
        report.insert_str(0, &format!("\n== {name}: {}\n", transcript.about));
    }
    report
}

#[test]
fn recorded_conversations() {
    let mut expectations = Expectations::load(include_str!("transcripts/deviations.toml"));
    let mut candidate = Candidate { program: vec![env!("CARGO_BIN_EXE_app-server").to_owned()], base: None };
    if let Some(program) = variable("APP_SERVER_UNDER_TEST") {
        candidate.program = program.split_whitespace().map(str::to_owned).collect();
        if variable("KEEP_DEVIATIONS").is_none() {
            expectations.forget_ours();
        }
    }
    candidate.base = variable("APP_SERVER_TEST_BASE").map(Into::into);
    let chosen = variable("TRANSCRIPT").unwrap_or_default();
    let is_chosen =
        |name: &str| name.starts_with(&chosen) && !(chosen.is_empty() && expectations.is_pending(name));
    let transcripts: Vec<_> = load().into_iter().filter(|(name, _)| is_chosen(name)).collect();
    assert!(!transcripts.is_empty(), "no recording is called {chosen}");

    let next = AtomicUsize::new(0);
    let reports = Mutex::new(vec![String::new(); transcripts.len()]);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((index, (name, transcript))) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    transcripts.get(index).map(|transcript| (index, transcript))
                } {
                    let report = run(name, transcript, &expectations, &candidate);
                    reports.lock().unwrap()[index] = report;
                }
            });
        }
    });
    let reports = reports.into_inner().unwrap();
    let failed = reports.iter().filter(|report| !report.is_empty()).count();
    let unused = if chosen.is_empty() { expectations.unused() } else { Vec::new() };
    assert!(
        failed == 0 && unused.is_empty(),
        "{failed} of {} recordings differ\n{}\nlisted, but did not occur:\n  {}",
        transcripts.len(),
        reports.concat(),
        unused.join("\n  "),
    );
}

#[test]
fn every_deviation_has_a_reason() {
    let expectations = Expectations::load(include_str!("transcripts/deviations.toml"));
    for deviation in &expectations.deviation {
        assert!(deviation.reason.len() > 10, "{deviation:?}");
    }
}
