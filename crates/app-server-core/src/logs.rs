//! The latest lines of the log, kept in memory alone: for a bundle of feedback, and for nothing else. Nothing is written
//! while nobody asks.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much is kept.
const KEPT_BYTES: usize = 4 * 1024 * 1024;
/// A line is cut here, so that one does not push out all others.
const LINE_BYTES: usize = 64 * 1024;

/// The kept lines, oldest first.
#[derive(Debug, Default)]
pub struct LogRing {
    lines: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<Box<str>>,
    bytes: usize,
}

impl LogRing {
    /// Keeps a line, its end included. Whoever logs has masked it.
    pub fn push(&self, line: &str) {
        let line = match line.len() > LINE_BYTES {
            true => format!("{}\n", &line[..line.floor_char_boundary(LINE_BYTES)]).into_boxed_str(),
            false => line.into(),
        };
        let mut lines = self.lock();
        lines.bytes += line.len();
        lines.kept.push_back(line);
        while lines.bytes > KEPT_BYTES {
            let Some(oldest) = lines.kept.pop_front() else { break };
            lines.bytes -= oldest.len();
        }
    }

    /// All of them.
    pub(crate) fn text(&self) -> String {
        let lines = self.lock();
        let mut text = String::with_capacity(lines.bytes);
        text.extend(lines.kept.iter().map(AsRef::<str>::as_ref));
        text
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_lines_are_kept_whatever_comes() {
        let ring = LogRing::default();
        ring.push("first\n");
        for _ in 0..600 {
            ring.push(&format!("{}\n", "x".repeat(9_999)));
        }
        ring.push(&"ä".repeat(200_000));
        ring.push("last\n");
        let text = ring.text();
        assert!(text.len() <= KEPT_BYTES && text.len() > KEPT_BYTES - 2 * LINE_BYTES, "{}", text.len());
        assert!(!text.contains("first") && text.ends_with("ä\nlast\n"));
    }
}
