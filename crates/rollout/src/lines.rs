//! The lines of a rollout one after the other, from any place in it on. Must not know what they say.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use memchr::{memchr, memmem};

use crate::input::Input;

/// Read at a time, and the size the buffer returns to after a line that needed more.
pub(crate) const CHUNK_BYTES: usize = 256 * 1024;
/// Read first: most readers of a list want the head alone, and zeroing a whole chunk costs more than reading it.
const FIRST_CHUNK_BYTES: usize = 16 * 1024;

/// How every record starts in every known version; lets a record be told from a torn line it was glued to.
const RECORD_START: &[u8] = br#"{"timestamp":""#;

/// A file that is read line by line. Memory is one buffer, as long as the longest line that is not passed over.
pub(crate) struct Lines {
    path: PathBuf,
    input: Input,
    buf: Vec<u8>,
    /// `buf[start..end]` is read but not handed out; its first `searched` bytes hold no line feed.
    start: usize,
    end: usize,
    searched: usize,
    /// Bytes of the file before `buf[end]`.
    read: u64,
    line: LineState,
    is_at_end: bool,
}

/// What became of the line that begins at the buffer's start.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineState {
    New,
    /// It is long, and its beginning was handed out.
    Begun,
    /// Its beginning is no longer in the buffer.
    Passed,
}

/// What a file consists of. No piece holds a line feed.
pub(crate) enum Piece<'a> {
    /// A line, or what is behind the last feed.
    Line { bytes: &'a [u8], offset: u64, is_last: bool },
    /// The beginning of a long line. It can be passed over, else it comes again as a whole.
    Beginning { bytes: &'a [u8], offset: u64 },
    /// What is left of a line that was passed over: all from where in it another record may begin.
    Rest { bytes: &'a [u8], offset: u64 },
}

impl Lines {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            input: Input::open(path)?,
            buf: vec![0; FIRST_CHUNK_BYTES],
            start: 0,
            end: 0,
            searched: 0,
            read: 0,
            line: LineState::New,
            is_at_end: false,
        })
    }

    /// Whether the compressed file ended too early.
    pub(crate) fn is_truncated(&self) -> bool {
        self.input.is_truncated()
    }

    /// Bytes read of the file.
    pub(crate) fn bytes(&self) -> u64 {
        self.read
    }

    /// Where in the file the next piece begins.
    pub(crate) fn offset(&self) -> u64 {
        self.read - (self.end - self.start) as u64
    }

    /// Goes on at another place, which is the start of a record.
    pub(crate) fn jump(&mut self, offset: u64) -> io::Result<()> {
        let ahead = offset.checked_sub(self.offset()).and_then(|ahead| usize::try_from(ahead).ok());
        (self.line, self.searched) = (LineState::New, 0);
        if let Some(ahead) = ahead.filter(|ahead| *ahead <= self.end - self.start) {
            self.start += ahead;
            return Ok(());
        }
        self.input.seek(&self.path, self.read, offset)?;
        (self.start, self.end, self.read, self.is_at_end) = (0, 0, offset, false);
        Ok(())
    }

    /// Passes over the rest of the line whose beginning was just handed out, from this many bytes on.
    pub(crate) fn pass(&mut self, from: usize) {
        self.start = (self.start + from).min(self.end);
        self.searched = self.end - self.start;
        self.line = LineState::Passed;
    }

    pub(crate) fn next(&mut self) -> io::Result<Option<Piece<'_>>> {
        loop {
            let feed = memchr(b'\n', &self.buf[self.start + self.searched..self.end]);
            if let Some(at) = feed {
                return Ok(Some(self.piece(self.start + self.searched + at, false)));
            }
            self.searched = self.end - self.start;
            if self.is_at_end {
                return Ok((self.start < self.end).then(|| self.piece(self.end, true)));
            }
            match self.line {
                LineState::New if self.searched >= CHUNK_BYTES => {
                    self.line = LineState::Begun;
                    let offset = self.offset();
                    return Ok(Some(Piece::Beginning { bytes: &self.buf[self.start..self.end], offset }));
                }
                LineState::New | LineState::Begun => {}
                LineState::Passed => {
                    let rest = &self.buf[self.start..self.end];
                    let kept = memmem::find(rest, RECORD_START);
                    self.start += kept.unwrap_or(rest.len().saturating_sub(RECORD_START.len() - 1));
                    self.searched = self.end - self.start;
                }
            }
            self.fill()?;
        }
    }

    /// The piece up to `until`, where the line ends.
    fn piece(&mut self, until: usize, is_last: bool) -> Piece<'_> {
        let offset = self.offset();
        let bytes = self.start..until;
        (self.start, self.searched) = ((until + 1).min(self.end), 0);
        let bytes = &self.buf[bytes];
        match std::mem::replace(&mut self.line, LineState::New) {
            LineState::Passed => Piece::Rest { bytes, offset },
            LineState::New | LineState::Begun => Piece::Line { bytes, offset, is_last },
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buf.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end == self.buf.len() || self.buf.len() < CHUNK_BYTES && self.read > 0 {
            self.buf.resize((self.buf.len() * 2).max(CHUNK_BYTES), 0);
        } else if self.buf.len() > CHUNK_BYTES && self.end < CHUNK_BYTES {
            self.buf.truncate(CHUNK_BYTES);
            self.buf.shrink_to_fit();
        }
        loop {
            match self.input.read(&mut self.buf[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    self.read += read as u64;
                    self.is_at_end = read == 0;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Returns where, at its end, a line may hold another record.
pub(crate) fn glued(line: &[u8]) -> Option<usize> {
    // Forwards is much faster, and there is hardly ever one.
    memmem::find(line, RECORD_START)?;
    memmem::rfind(line, RECORD_START)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All pieces; lines whose beginnings are handed out are passed over if `passes`.
    fn pieces(content: &[u8], passes: bool) -> (Vec<(u64, usize)>, usize) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.jsonl");
        std::fs::write(&path, content).unwrap();
        let mut lines = Lines::open(&path).unwrap();
        let (mut found, mut longest) = (Vec::new(), 0);
        loop {
            let begun = match lines.next().unwrap() {
                None => return (found, longest),
                Some(Piece::Beginning { bytes, .. }) => {
                    assert!(bytes.len() >= CHUNK_BYTES);
                    true
                }
                Some(Piece::Line { bytes, offset, .. } | Piece::Rest { bytes, offset }) => {
                    let start = usize::try_from(offset).unwrap();
                    assert_eq!(&content[start..start + bytes.len()], bytes);
                    found.push((offset, bytes.len()));
                    false
                }
            };
            if begun && passes {
                lines.pass(1);
            }
            longest = longest.max(lines.buf.len());
        }
    }

    #[test]
    fn a_long_line_that_is_passed_over_is_never_in_memory() {
        let long = "x".repeat(8 << 20);
        let content = format!("a\n{{{long}}}\nb\n\n{{{long}\nlast");
        let (whole, most) = pieces(content.as_bytes(), false);
        assert_eq!(
            whole.iter().map(|(_, len)| *len).collect::<Vec<_>>(),
            [1, long.len() + 2, 1, 0, long.len() + 1, 4]
        );
        assert!(most > long.len());
        let (passed, most) = pieces(content.as_bytes(), true);
        assert_eq!(passed.len(), whole.len());
        assert!(passed.iter().all(|(_, len)| *len <= CHUNK_BYTES), "{passed:?}");
        assert!(most <= 2 * CHUNK_BYTES, "{most} bytes for a line that nobody wanted");
    }

    #[test]
    fn of_a_line_passed_over_what_may_be_a_record_is_left() {
        for at in [CHUNK_BYTES - 20, CHUNK_BYTES - 5, CHUNK_BYTES, CHUNK_BYTES + 7, 3 * CHUNK_BYTES - 1] {
            let glued = r#"{"timestamp":"","type":"x","payload":1}"#;
            let content = format!("{{{}{glued}\nnext", "x".repeat(at));
            let (found, _) = pieces(content.as_bytes(), true);
            let (offset, len) = found[0];
            let start = usize::try_from(offset).unwrap();
            let rest = &content.as_bytes()[start..start + len];
            assert_eq!(super::glued(rest).map(|found| &rest[found..]), Some(glued.as_bytes()), "at {at}");
            assert_eq!(found[1..], [((at + glued.len() + 2) as u64, 4)], "at {at}");
        }
    }

    #[test]
    fn any_line_can_be_jumped_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.jsonl");
        let content: String =
            (0..200).map(|number| format!("{number}{}\n", " ".repeat(number * 40))).collect();
        std::fs::write(&path, &content).unwrap();
        let starts: Vec<usize> =
            std::iter::once(0).chain(content.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut lines = Lines::open(&path).unwrap();
        for number in [5, 6, 7, 199, 0, 150, 151, 3] {
            lines.jump(starts[number] as u64).unwrap();
            for (number, start) in starts.iter().enumerate().take(200).skip(number).take(2) {
                let Some(Piece::Line { bytes, offset, .. }) = lines.next().unwrap() else {
                    panic!("no line")
                };
                assert_eq!(offset, *start as u64);
                assert_eq!(bytes.trim_ascii_end(), number.to_string().as_bytes());
            }
        }
        lines.jump(content.len() as u64).unwrap();
        assert!(lines.next().unwrap().is_none());
    }
}
