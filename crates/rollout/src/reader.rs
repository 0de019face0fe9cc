//! Streams a rollout record by record, whatever state the file is in. Must not know what the records mean, beyond
//! the ordinal and the history mode a writer needs to go on.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::lines::{Lines, Piece, glued};
use crate::meta::HistoryMode;
use crate::record::{Body, LineHead, Position, Record};

/// Why a file could not be read at all. Damage inside a file is counted in [`ScanReport`] instead.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Neither the file nor its compressed form exists.
    #[error("no such rollout: {}", .0.display())]
    NotFound(PathBuf),
    /// The file holds nothing but blanks.
    #[error("empty session file")]
    Empty,
    /// The system refused.
    #[error("cannot read rollout {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl ReadError {
    pub(crate) fn new(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound(path.to_owned()),
            _ => Self::Io { path: path.to_owned(), source },
        }
    }
}

/// What a scan saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanReport {
    /// Records handed out or passed over.
    pub records: u64,
    /// Lines, or parts of lines, that are not records. Of one that was passed over only its ends are looked at.
    pub damaged: u64,
    /// The last line was cut short. It is counted in `damaged` as well.
    pub torn_tail: bool,
    /// Highest ordinal seen; `None` in a legacy file.
    pub last_ordinal: Option<u64>,
    /// Form of the history as the first `session_meta` has it; `None` if none was seen.
    pub history_mode: Option<HistoryMode>,
    /// Bytes read (after decompression).
    pub bytes: u64,
}

/// What reads a rollout, and says which of its records it needs.
pub trait Reading {
    /// Whether a record that begins like this is to be read. It is passed over otherwise, which costs next to nothing
    /// however long it is. May be asked twice for the same record. Records that do not begin in the usual way and
    /// every `session_meta` are read in any case.
    fn wants(&self, head: &LineHead<'_>) -> bool;

    /// Is told of a record that it does not want.
    fn passed(&mut self, _head: &LineHead<'_>) {}

    /// Is told of a line, or a part of one, that is no record.
    fn damaged(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// Takes a record.
    fn take(&mut self, record: Record<'_>) -> ControlFlow<()>;
}

/// Takes every record.
pub(crate) struct Each<F>(pub(crate) F);

impl<F: FnMut(Record<'_>) -> ControlFlow<()>> Reading for Each<F> {
    fn wants(&self, _head: &LineHead<'_>) -> bool {
        true
    }

    fn take(&mut self, record: Record<'_>) -> ControlFlow<()> {
        (self.0)(record)
    }
}

/// Reads a rollout from its start, handing every record to `each` until it breaks.
///
/// Memory is one buffer, as long as the longest line. CRLF, blank lines, junk, invalid UTF-8 and a torn last line
/// are tolerated (rollouts.md 13); a record that an older writer glued to a torn line is recovered. A `.jsonl.zst`
/// is read through; where both forms exist the plain one is read, whichever is named.
///
/// # Errors
/// [`ReadError`] when the file is absent, blank, or the system refuses.
pub fn scan(path: &Path, each: impl FnMut(Record<'_>) -> ControlFlow<()>) -> Result<ScanReport, ReadError> {
    read(path, &mut Each(each)).map(|(report, _)| report)
}

/// Like [`scan`], for whoever needs only some of the records. Tells as well whether it was read to the end.
pub(crate) fn read(
    path: &Path,
    reading: &mut dyn Reading,
) -> Result<(ScanReport, ControlFlow<()>), ReadError> {
    read_on(path, ScanReport::default(), reading)
}

/// Goes on with reading a file behind what a report is about.
pub(crate) fn read_on(
    path: &Path,
    before: ScanReport,
    reading: &mut dyn Reading,
) -> Result<(ScanReport, ControlFlow<()>), ReadError> {
    let mut lines = Lines::open(path).map_err(|error| ReadError::new(path, error))?;
    lines.jump(before.bytes).map_err(|error| ReadError::new(path, error))?;
    let mut scanner = Scanner::new(reading);
    scanner.report = before;
    let flow = scanner.run(&mut lines, u64::MAX).map_err(|error| ReadError::new(path, error))?;
    let mut report = scanner.report;
    report.bytes = lines.bytes();
    if lines.is_truncated() {
        report.torn_tail = true;
    }
    if flow.is_continue() && report.records == 0 && report.damaged == 0 && !report.torn_tail {
        return Err(ReadError::Empty);
    }
    Ok((report, flow))
}

/// Makes records of lines.
pub(crate) struct Scanner<'a> {
    reading: &'a mut dyn Reading,
    report: ScanReport,
    /// The beginning of a long line that is passed over, and its place.
    head: Vec<u8>,
    head_offset: u64,
}

/// As much of a long line is kept as tells what it is.
const HEAD_BYTES: usize = 512;

impl<'a> Scanner<'a> {
    pub(crate) fn new(reading: &'a mut dyn Reading) -> Self {
        Self { reading, report: ScanReport::default(), head: Vec::new(), head_offset: 0 }
    }

    /// Goes through the lines that begin before `until`.
    pub(crate) fn run(&mut self, lines: &mut Lines, until: u64) -> io::Result<ControlFlow<()>> {
        while lines.offset() < until {
            let Some(piece) = lines.next()? else { break };
            let flow = match piece {
                Piece::Line { bytes, offset, is_last } => {
                    let damaged_before = self.report.damaged;
                    let flow = self.line(bytes, offset, is_last);
                    self.report.torn_tail = is_last && self.report.damaged > damaged_before;
                    flow
                }
                Piece::Beginning { bytes, offset } => {
                    if let Some(from) = self.beginning(bytes, offset) {
                        lines.pass(from);
                    }
                    ControlFlow::Continue(())
                }
                Piece::Rest { bytes, offset } => self.rest(bytes, offset),
            };
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Takes the line that begins `offset` bytes into the file.
    fn line(&mut self, line: &[u8], offset: u64, is_last: bool) -> ControlFlow<()> {
        let with_blanks = line.trim_ascii_end();
        let line = with_blanks.trim_ascii_start();
        if line.is_empty() {
            return ControlFlow::Continue(());
        }
        let offset = offset + (with_blanks.len() - line.len()) as u64;
        // The last line may have been cut anywhere.
        if !is_last && let Some(head) = self.unwanted(line, offset) {
            return self.pass(&head, &line[1..], offset + 1);
        }
        if let Ok(record) = Record::parse(line) {
            return self.record(record, offset);
        }
        self.report.damaged += 1;
        self.reading.damaged()?;
        // A version that does not repair the end of a file glues its first record to a torn line.
        let Some(at) = glued(&line[1..]).map(|at| at + 1) else { return ControlFlow::Continue(()) };
        match Record::parse(&line[at..]) {
            Ok(record) => self.record(record, offset + at as u64),
            Err(_) => ControlFlow::Continue(()),
        }
    }

    /// Returns how the line begins if nobody wants it.
    fn unwanted<'l>(&self, line: &'l [u8], offset: u64) -> Option<LineHead<'l>> {
        let head = LineHead::read(line, offset).filter(|head| head.kind != "session_meta")?;
        (!self.reading.wants(&head)).then_some(head)
    }

    /// Looks at the beginning of a long line. Returns from where on it can be passed over.
    fn beginning(&mut self, bytes: &[u8], offset: u64) -> Option<usize> {
        let line = bytes.trim_ascii_start();
        let blanks = bytes.len() - line.len();
        self.head_offset = offset + blanks as u64;
        self.unwanted(line, self.head_offset)?;
        self.head.clear();
        self.head.extend_from_slice(&line[..line.len().min(HEAD_BYTES)]);
        Some(blanks + 1)
    }

    /// Takes the rest of a line of which the beginning was seen before.
    fn rest(&mut self, rest: &[u8], offset: u64) -> ControlFlow<()> {
        let line = std::mem::take(&mut self.head);
        let flow = match LineHead::read(&line, self.head_offset) {
            Some(head) => self.pass(&head, rest.trim_ascii_end(), offset),
            None => ControlFlow::Continue(()),
        };
        self.head = line;
        flow
    }

    /// Passes over a record, unless another one is glued to it. `rest` is what may hold that, up to the line's end.
    fn pass(&mut self, head: &LineHead<'_>, rest: &[u8], offset: u64) -> ControlFlow<()> {
        // Of a whole record nothing behind its beginning is a record up to the end of the line.
        if let Some(at) = glued(rest)
            && let Ok(record) = Record::parse(&rest[at..])
        {
            self.report.damaged += 1;
            self.reading.damaged()?;
            return self.record(record, offset + at as u64);
        }
        if rest.last() != Some(&b'}') {
            self.report.damaged += 1;
            return self.reading.damaged();
        }
        self.report.records += 1;
        self.report.last_ordinal = self.report.last_ordinal.max(head.ordinal);
        self.reading.passed(head);
        ControlFlow::Continue(())
    }

    fn record(&mut self, mut record: Record<'_>, offset: u64) -> ControlFlow<()> {
        record.position = Position { file: Position::OWN_FILE, offset };
        self.report.records += 1;
        self.report.last_ordinal = self.report.last_ordinal.max(record.ordinal);
        if let Body::SessionMeta(meta) = &record.body
            && self.report.history_mode.is_none()
        {
            self.report.history_mode = Some(meta.history_mode());
        }
        self.reading.take(record)
    }
}
