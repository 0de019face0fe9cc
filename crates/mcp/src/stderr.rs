//! The last a server's process said on stderr, for the error that tells of its end.

use std::collections::VecDeque;

/// How many lines are kept.
const MAX_LINES: usize = 20;
/// How many bytes are kept in all.
const MAX_BYTES: usize = 4 * 1024;

/// The end of a text that comes in pieces: at most 20 lines and 4 KiB. It masks nothing; whoever shows it does.
#[derive(Debug, Default)]
pub struct Tail {
    lines: VecDeque<String>,
    /// The line that is not complete yet, at most [`MAX_BYTES`] of its end.
    open: Vec<u8>,
}

impl Tail {
    /// Takes the next piece.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.extend_open(&rest[..end]);
            self.complete();
            rest = &rest[end + 1..];
        }
        self.extend_open(rest);
    }

    /// Returns what is kept, without control characters, so that it cannot move a cursor or colour a screen.
    pub fn text(&self) -> String {
        let open = shown(&self.open);
        let mut left = MAX_BYTES;
        let mut kept: Vec<&str> = Vec::new();
        let last = (!open.is_empty()).then_some(open.as_str());
        for line in last.into_iter().chain(self.lines.iter().rev().map(String::as_str)).take(MAX_LINES) {
            if line.len() + 1 > left {
                break;
            }
            left -= line.len() + 1;
            kept.push(line);
        }
        kept.reverse();
        kept.join("\n")
    }

    fn extend_open(&mut self, bytes: &[u8]) {
        self.open.extend_from_slice(bytes);
        let too_many = self.open.len().saturating_sub(MAX_BYTES - 1);
        self.open.drain(..too_many);
    }

    fn complete(&mut self) {
        let line = shown(&self.open);
        self.open.clear();
        if line.is_empty() {
            return;
        }
        if self.lines.len() == MAX_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

/// Returns a line as it may be shown.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text: String =
        text.chars().filter(|character| *character == '\t' || !character.is_control()).collect();
    // A character in place of each bad byte may be longer than the byte.
    let mut start = text.len().saturating_sub(MAX_BYTES - 1);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text[start..].trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_stay() {
        let mut tail = Tail::default();
        for number in 0..30 {
            tail.push(format!("line {number}\r\n").as_bytes());
        }
        tail.push(b"\n\x1b[31mno new");
        tail.push(b"line");
        let text = tail.text();
        assert_eq!(text.lines().count(), 20);
        assert!(text.starts_with("line 11\n") && text.ends_with("line 29\n[31mno newline"), "{text}");
    }

    #[test]
    fn no_more_than_four_kibibytes_stay() {
        let mut tail = Tail::default();
        tail.push(&vec![b'x'; 100_000]);
        tail.push(b"\nlast\n");
        assert_eq!(tail.text(), "last");
        let mut one = Tail::default();
        one.push(&vec![0xff; 100_000]);
        assert!(one.text().len() < 4 * 1024 && !one.text().is_empty());
    }
}
