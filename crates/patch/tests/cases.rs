//! Patches as data: each file under `cases` has the files before, the patch, and what must come of it through the
//! command-line form.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use app_server_patch::run_cli;
use serde_json::{Value, json};

/// A text, or bytes that are no text: `{"latin1": ".."}`.
fn bytes(value: &Value) -> Vec<u8> {
    match value.get("latin1") {
        Some(text) => text.as_str().unwrap().chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect(),
        None => value.as_str().unwrap().as_bytes().to_vec(),
    }
}

fn content(bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(error) => {
            json!({"latin1": error.into_bytes().iter().map(|&byte| char::from(byte)).collect::<String>()})
        }
    }
}

fn files(root: &Path, folder: &Path, found: &mut BTreeMap<String, Value>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(root, &path, found);
            continue;
        }
        let mut name = path.strip_prefix(root.join("work")).map(PathBuf::from);
        if name.is_err() {
            name = path.strip_prefix(root).map(|name| Path::new("..").join(name));
        }
        found.insert(name.unwrap().to_str().unwrap().to_owned(), content(fs::read(&path).unwrap()));
    }
}

/// Returns what came of the case, in the form of the case.
fn run(case: &Value) -> Value {
    let root = tempfile::tempdir().unwrap();
    let work = root.path().join("work");
    fs::create_dir(&work).unwrap();
    for (name, text) in case["before"].as_object().unwrap() {
        let path = work.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes(text)).unwrap();
    }
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let exit = run_cli(&work, case["patch"].as_str(), &mut std::io::empty(), None, &mut stdout, &mut stderr);
    let mut after = BTreeMap::new();
    files(root.path(), root.path(), &mut after);
    json!({
        "before": case["before"],
        "patch": case["patch"],
        "exit": exit,
        "stdout": String::from_utf8(stdout).unwrap(),
        "stderr": String::from_utf8(stderr).unwrap(),
        "after": after,
    })
}

#[test]
fn every_case_comes_out_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 48, "the cases are gone");
    let mut wrong = Vec::new();
    for path in paths {
        let case: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let outcome = run(&case);
        for key in ["exit", "stdout", "stderr", "after"] {
            if case[key] != outcome[key] {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                wrong.push(format!("{name}: {key}\n  expected {}\n  got      {}", case[key], outcome[key]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
