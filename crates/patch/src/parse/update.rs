//! The body of an update: chunks, line by line. Must not know where the operation ends.

use super::{Chunk, ChunkLine, ParseError};

const END_OF_FILE: &str = "*** End of File";

/// What a line may be next.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing read yet: the first chunk may come without its `@@`.
    #[default]
    First,
    /// Behind an `@@`: a chunk needs a line.
    Opened,
    /// Within a chunk.
    Within,
    /// Behind the end-of-file mark: only a new chunk may come.
    Closed,
}

/// Collects chunks.
#[derive(Default)]
pub(super) struct UpdateParser {
    state: State,
    chunks: Vec<Chunk>,
}

impl UpdateParser {
    /// Returns whether the next operation may begin here; right behind an `@@` it may not.
    pub(super) fn takes_headers(&self) -> bool {
        self.state != State::Opened
    }

    /// Takes line number `number` of the patch.
    pub(super) fn line(&mut self, number: usize, line: &str) -> Result<(), ParseError> {
        if line.trim_end() == END_OF_FILE {
            return self.end_of_file(number, line);
        }
        if self.state != State::Opened
            && let Some(anchor) = chunk_start(line)
        {
            self.chunks.push(Chunk { anchor, ..Chunk::default() });
            self.state = State::Opened;
            return Ok(());
        }
        let Some(content) = chunk_line(line) else { return Err(self.unexpected(number, line)) };
        match self.state {
            State::Closed if line.trim().is_empty() => return Ok(()),
            State::Closed => return Err(self.unexpected(number, line)),
            State::First => self.chunks.push(Chunk::default()),
            State::Opened | State::Within => {}
        }
        self.state = State::Within;
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.lines.push(content);
        }
        Ok(())
    }

    /// Returns the chunks; `number` is the line that ended them.
    pub(super) fn finish(self, number: usize) -> Result<Vec<Chunk>, ParseError> {
        if self.state == State::Opened { Err(no_lines(number)) } else { Ok(self.chunks) }
    }

    fn end_of_file(&mut self, number: usize, line: &str) -> Result<(), ParseError> {
        match self.state {
            State::First => Ok(()),
            State::Opened => Err(no_lines(number)),
            State::Closed => Err(self.unexpected(number, line)),
            State::Within => {
                self.state = State::Closed;
                if let Some(chunk) = self.chunks.last_mut() {
                    chunk.end_of_file = true;
                }
                Ok(())
            }
        }
    }

    fn unexpected(&self, number: usize, line: &str) -> ParseError {
        let message = if matches!(self.state, State::First | State::Opened) {
            format!(
                "Unexpected line found in update hunk: '{line}'. Every line should start with ' ' \
                 (context line), '+' (added line), or '-' (removed line)"
            )
        } else {
            format!("Expected update hunk to start with a @@ context marker, got: '{line}'")
        };
        ParseError::at(number, message)
    }
}

fn no_lines(number: usize) -> ParseError {
    ParseError::at(number, "Update hunk does not contain any lines".to_owned())
}

/// `Some(anchor)` when the line starts a chunk.
fn chunk_start(line: &str) -> Option<Option<String>> {
    match line.trim_end() {
        "@@" => Some(None),
        line => line.strip_prefix("@@ ").map(|anchor| Some(anchor.to_owned())),
    }
}

fn chunk_line(line: &str) -> Option<ChunkLine> {
    let Some(marker) = line.chars().next() else { return Some(ChunkLine::Context(String::new())) };
    let rest = || line[1..].to_owned();
    match marker {
        ' ' => Some(ChunkLine::Context(rest())),
        '-' => Some(ChunkLine::Remove(rest())),
        '+' => Some(ChunkLine::Add(rest())),
        _ => None,
    }
}
