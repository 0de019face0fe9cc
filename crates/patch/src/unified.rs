//! Unified hunks of two texts. Must not know files.

use std::time::Duration;

use similar::{TextDiff, TextDiffConfig};

/// Two large texts without anything in common would take minutes; past this the hunks are right but not smallest.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Returns the hunks without file headers; empty when the texts are equal.
pub(crate) fn hunks(old: &str, new: &str, context: usize) -> String {
    if old == new {
        return String::new();
    }
    // Split at line feeds only, as git does; a lone carriage return is part of its line.
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let mut config: TextDiffConfig = TextDiff::configure();
    let diff = config.timeout(TIMEOUT).newline_terminated(true).diff_slices(&old, &new);
    diff.unified_diff().context_radius(context).to_string()
}
