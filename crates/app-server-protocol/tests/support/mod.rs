//! What the tests of this crate share: golden files and a validator for the JSON Schema subset we generate.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod schema;

use std::path::PathBuf;

use serde_json::Value;

/// The path of a golden file.
pub(crate) fn golden_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The entries of a golden file.
pub(crate) fn golden(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(golden_path(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Golden files of requests, an entry being `{method, params, result}`.
pub(crate) const EXCHANGES: &[&str] = &["session.json", "thread.json", "turn.json"];
