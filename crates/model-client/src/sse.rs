//! The parser of event streams, over bytes. It knows only the framing: lines, blocks and their `data`. The
//! `event:`, `id:` and `retry:` fields are not used (backend.md 4).
//!
//! This is the hot path of a turn, so a one-line block is handed out as a slice of the buffer: no copy, no
//! allocation. Lines end in `\n` or `\r\n`; a lone `\r`, which no server sends, is part of its line.

use std::io::BufRead;
use std::ops::Range;

/// Turns arbitrary pieces of a stream into the data of its events.
#[derive(Debug, Default)]
pub struct SseParser {
    /// What was received and may still be needed.
    buffer: Vec<u8>,
    /// Where the current line begins.
    line_start: usize,
    /// Up to where the current line is known to hold no line feed: a huge line arriving in many pieces is searched once.
    searched: usize,
    /// The data of the current block so far.
    block: Block,
    /// The data of a block with several data lines; reused.
    joined: Vec<u8>,
    /// Whether the current block was handed out and must be forgotten before the next step.
    delivered: bool,
}

#[derive(Debug, Default)]
enum Block {
    #[default]
    Empty,
    /// One data line, still in the buffer.
    Line(Range<usize>),
    /// Several data lines, in `joined`.
    Joined,
}

impl SseParser {
    /// Returns a parser at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece of the stream, of any length.
    pub fn push(&mut self, piece: &[u8]) {
        self.forget_delivered();
        let needed_from = match &self.block {
            Block::Line(range) => range.start,
            Block::Empty | Block::Joined => self.line_start,
        };
        if needed_from > 0 {
            self.buffer.drain(..needed_from);
            self.line_start -= needed_from;
            self.searched -= needed_from;
            if let Block::Line(range) = &mut self.block {
                *range = range.start - needed_from..range.end - needed_from;
            }
        }
        self.buffer.extend_from_slice(piece);
    }

    /// Returns the data of the next complete block, or `None` when more bytes are needed.
    pub fn next_data(&mut self) -> Option<&[u8]> {
        self.forget_delivered();
        while let Some(line) = self.next_line() {
            if !line.is_empty() {
                self.take_line(line);
            } else if !matches!(self.block, Block::Empty) {
                self.delivered = true;
                return Some(self.data());
            }
        }
        None
    }

    /// Returns the data of a last block that the end of the stream left without its blank line. Servers exist that
    /// forget it; whether the data is complete shows when it is parsed.
    pub fn finish(&mut self) -> Option<&[u8]> {
        self.forget_delivered();
        if self.line_start < self.buffer.len() {
            let line = self.line_start..self.buffer.len();
            self.line_start = self.buffer.len();
            self.searched = self.buffer.len();
            self.take_line(line);
        }
        if matches!(self.block, Block::Empty) {
            return None;
        }
        self.delivered = true;
        Some(self.data())
    }

    /// Returns how many bytes the parser holds, so that its owner can bound them.
    pub fn buffered_bytes(&self) -> usize {
        self.buffer.len() + self.joined.len()
    }

    fn forget_delivered(&mut self) {
        if std::mem::take(&mut self.delivered) {
            self.block = Block::Empty;
            self.joined.clear();
        }
    }

    fn data(&self) -> &[u8] {
        match &self.block {
            Block::Empty => &[],
            Block::Line(range) => &self.buffer[range.clone()],
            Block::Joined => &self.joined,
        }
    }

    /// Returns the next complete line without its end.
    fn next_line(&mut self) -> Option<Range<usize>> {
        let mut unread = &self.buffer[self.searched..];
        // Reading from a slice cannot fail; std's search is the vectorised one.
        let skipped = unread.skip_until(b'\n').unwrap_or(0);
        self.searched += skipped;
        if skipped == 0 || self.buffer[self.searched - 1] != b'\n' {
            return None;
        }
        let mut line = self.line_start..self.searched - 1;
        if self.buffer[line.clone()].last() == Some(&b'\r') {
            line.end -= 1;
        }
        self.line_start = self.searched;
        Some(line)
    }

    /// Adds a line to the current block, if it is a data line.
    fn take_line(&mut self, line: Range<usize>) {
        let Some(value) = self.buffer[line.clone()].strip_prefix(b"data") else { return };
        let name = b"data".len();
        let skip = match value {
            [] => name,
            [b':', b' ', ..] => name + 2,
            [b':', ..] => name + 1,
            // Another field that begins with the same letters.
            _ => return,
        };
        let value = line.start + skip..line.end;
        match &self.block {
            Block::Empty => self.block = Block::Line(value),
            Block::Line(first) => {
                self.joined.extend_from_slice(&self.buffer[first.clone()]);
                self.joined.push(b'\n');
                self.joined.extend_from_slice(&self.buffer[value]);
                self.block = Block::Joined;
            }
            Block::Joined => {
                self.joined.push(b'\n');
                self.joined.extend_from_slice(&self.buffer[value]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
        let mut parser = SseParser::new();
        let mut events = Vec::new();
        for piece in pieces {
            parser.push(piece);
            while let Some(data) = parser.next_data() {
                events.push(data.to_vec());
            }
        }
        events.extend(parser.finish().map(<[u8]>::to_vec));
        assert_eq!(parser.finish(), None, "the last block is handed out once");
        events
    }

    /// What the format means, said as simply as possible: the yardstick for the parser.
    fn plain(stream: &[u8]) -> Vec<Vec<u8>> {
        let mut events = Vec::new();
        let mut block: Option<Vec<u8>> = None;
        let mut lines: Vec<&[u8]> = stream.split(|byte| *byte == b'\n').collect();
        // Text after the last line feed is a line only if there is any.
        if lines.last().is_some_and(|line| line.is_empty()) {
            lines.pop();
        }
        let complete = stream.iter().filter(|byte| **byte == b'\n').count();
        for (index, line) in lines.iter().enumerate() {
            let line = if index < complete { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
            if line.is_empty() {
                events.extend(block.take());
            }
            let value = match line.strip_prefix(b"data:") {
                Some(value) => value.strip_prefix(b" ").unwrap_or(value),
                None if *line == *b"data" => b"",
                None => continue,
            };
            block = Some(match block.take() {
                None => value.to_vec(),
                Some(before) => [&before, b"\n".as_slice(), value].concat(),
            });
        }
        events.extend(block);
        events
    }

    fn check(stream: &str, expected: &[&str]) {
        let expected: Vec<Vec<u8>> = expected.iter().map(|data| data.as_bytes().to_vec()).collect();
        assert_eq!(parse([stream.as_bytes()]), expected, "at once: {stream:?}");
        assert_eq!(parse(stream.as_bytes().chunks(1)), expected, "byte by byte: {stream:?}");
        assert_eq!(plain(stream.as_bytes()), expected, "the yardstick itself: {stream:?}");
    }

    #[test]
    fn blocks() {
        check("", &[]);
        check("data: a\n\n", &["a"]);
        check("data:a\r\n\r\ndata:  b \r\n\r\n", &["a", " b "]);
        check("event: x\ndata: {\"é\":1}\nid: 3\n\n", &["{\"é\":1}"]);
        check(": comment\n\n\n\ndata: a\n: more\n\n", &["a"]);
        check("data: a\ndata: b\ndata:\ndata\n\ndata: c\n\n", &["a\nb\n\n", "c"]);
        check("database: no\n\ndata: yes\n\n", &["yes"]);
        check("data\n\n", &[""]);
    }

    #[test]
    fn the_last_block_may_lack_its_end() {
        check("data: a\n\ndata: b\n", &["a", "b"]);
        check("data: a\n\ndata: b", &["a", "b"]);
        check("data: a\n\nda", &["a"]);
        check("data: a\ndata: b", &["a\nb"]);
    }

    #[test]
    fn a_huge_block_arrives_in_pieces_and_leaves_nothing_behind() {
        let huge = "x".repeat(3_000_000);
        let stream = format!("data: small\n\ndata: {huge}\n\ndata: after\n\n");
        let mut parser = SseParser::new();
        let mut sizes = Vec::new();
        for piece in stream.as_bytes().chunks(8192) {
            parser.push(piece);
            while let Some(data) = parser.next_data() {
                sizes.push(data.len());
            }
        }
        assert_eq!(sizes, [5, 3_000_000, 5]);
        parser.push(b"");
        assert_eq!(parser.buffered_bytes(), 0);
    }

    proptest! {
        #[test]
        fn chunking_changes_nothing(
            lines in prop::collection::vec("(data: ?|data|event: ?|:|datax|)[a-z:\u{e9}\u{1f980} \r]{0,6}(\n|\r\n)", 0..30),
            tail in "[a-z: ]{0,9}",
            cuts in prop::collection::vec(0usize..1000, 0..40),
        ) {
            let stream = lines.concat() + &tail;
            let bytes = stream.as_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            prop_assert_eq!(parse(pieces), plain(bytes));
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(prop_oneof![
            Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), any::<u8>()
        ], 0..300)) {
            prop_assert_eq!(parse(bytes.chunks(7)), plain(&bytes));
        }
    }
}
