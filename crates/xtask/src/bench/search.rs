//! The case about finding files: the first search in a tree nobody has looked at, and those after it.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::json;

use super::client::{Message, Server};
use super::homes::Home;
use super::model::Model;
use super::report::{Measure, median};
use super::subject::Subject;
use super::usage;

const FILES: usize = 50_000;
const FILES_IN_A_FOLDER: usize = 10;
const FOLDERS_IN_A_FOLDER: usize = 10;
/// As one types the name of a file; the last one there is once.
const QUERIES: [&str; 8] = ["f", "fi", "fil", "file", "file_4", "file_49", "file_499", "file_49999.rs"];

/// `fuzzyFileSearch` in 50,000 files in 5,000 folders.
pub(super) fn search(subject: &Subject) -> anyhow::Result<Vec<Measure>> {
    let model = Model::start();
    let home = Home::new(model.base_url())?;
    add_files(home.work())?;
    let mut server = Server::start(subject, &home)?;
    let first = timed(&mut server, &home, QUERIES[QUERIES.len() - 1])?;
    let mut later = Vec::new();
    for _ in 0..3 {
        for query in QUERIES {
            later.push(timed(&mut server, &home, query)?);
        }
    }
    let made = "folder_7/folder_7/made_meanwhile.rs";
    fs::write(home.work().join(made), "").context("cannot write into the tree")?;
    let after_change = timed(&mut server, &home, "made_meanwhile.rs")?;
    let peak = usage::memory(server.pid())?.peak;
    server.finish()?;
    Ok(vec![
        Measure::seconds("first search in 50,000 files", first),
        Measure::seconds("later searches, median", median(&later).unwrap_or_default()),
        Measure::seconds("later searches, slowest", later.iter().copied().fold(0.0, f64::max)),
        Measure::seconds("search for a file made meanwhile", after_change),
        Measure::bytes("peak RSS", peak),
    ])
}

/// Makes folders of ten files and ten folders each, level by level.
fn add_files(work: &Path) -> anyhow::Result<()> {
    for folder in 0..FILES / FILES_IN_A_FOLDER {
        let mut path = work.to_owned();
        let mut rest = folder;
        while rest > 0 {
            path.push(format!("folder_{}", rest % FOLDERS_IN_A_FOLDER));
            rest /= FOLDERS_IN_A_FOLDER;
        }
        fs::create_dir_all(&path).context("cannot make the tree")?;
        for file in 0..FILES_IN_A_FOLDER {
            let name = format!("file_{:05}.rs", folder * FILES_IN_A_FOLDER + file);
            fs::write(path.join(name), "").context("cannot fill the tree")?;
        }
    }
    Ok(())
}

fn timed(server: &mut Server, home: &Home, query: &str) -> anyhow::Result<f64> {
    #[derive(Deserialize)]
    struct Answer {
        files: Vec<Found>,
    }
    #[derive(Deserialize)]
    struct Found {
        path: String,
    }
    let begin = Instant::now();
    let line = server.call_line("fuzzyFileSearch", &json!({"query": query, "roots": [home.work()]}))?;
    let seconds = begin.elapsed().as_secs_f64();
    let result = Message::parse(&line)?.result.context("fuzzyFileSearch without a result")?;
    let answer: Answer = serde_json::from_str(result.get()).context("fuzzyFileSearch without files")?;
    ensure!(!answer.files.is_empty(), "nothing was found for {query}");
    if query.ends_with(".rs") {
        ensure!(answer.files[0].path.ends_with(query), "{query} is not the first of what was found");
    }
    Ok(seconds)
}
