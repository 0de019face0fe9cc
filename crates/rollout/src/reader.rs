//! Streams a rollout record by record, whatever state the file is in. Must not know what the records mean, beyond
//! the ordinal and the history mode a writer needs to go on.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ruzstd::decoding::StreamingDecoder;

use crate::files;
use crate::meta::HistoryMode;
use crate::record::{Body, Position, Record};

/// Read at a time, and the size the buffer returns to after a line that needed more.
const CHUNK_BYTES: usize = 256 * 1024;
/// Read first: most readers of a list want the head alone, and zeroing a whole chunk costs more than reading it.
const FIRST_CHUNK_BYTES: usize = 16 * 1024;

/// How every record starts in every known version; lets a record be told from a torn line it was glued to.
const RECORD_START: &[u8] = br#"{"timestamp":""#;

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

/// What a scan saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// Records handed out.
    pub records: u64,
    /// Lines, or parts of lines, that are not records.
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

/// Reads a rollout from its start, handing every record to `each` until it breaks.
///
/// Memory is one buffer, as long as the longest line. CRLF, blank lines, junk, invalid UTF-8 and a torn last line
/// are tolerated (rollouts.md 13); a record that an older writer glued to a torn line is recovered. A `.jsonl.zst`
/// is read through; where both forms exist the plain one is read, whichever is named.
///
/// # Errors
/// [`ReadError`] when the file is absent, blank, or the system refuses.
pub fn scan(
    path: &Path,
    mut each: impl FnMut(Record<'_>) -> ControlFlow<()>,
) -> Result<ScanReport, ReadError> {
    scan_lines(path, |record| match record {
        Some(record) => each(record),
        None => ControlFlow::Continue(()),
    })
}

/// Like [`scan`], with `None` for every damaged line.
pub(crate) fn scan_lines(
    path: &Path,
    each: impl FnMut(Option<Record<'_>>) -> ControlFlow<()>,
) -> Result<ScanReport, ReadError> {
    let io_error = |source| ReadError::Io { path: path.to_owned(), source };
    let mut input = match Input::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ReadError::NotFound(path.to_owned()));
        }
        input => input.map_err(io_error)?,
    };
    let mut scanner = Scanner { each, report: ScanReport::default() };
    let flow = scanner.run(&mut input).map_err(io_error)?;
    let mut report = scanner.report;
    if input.is_truncated() {
        report.torn_tail = true;
    }
    if flow.is_continue() && report.records == 0 && report.damaged == 0 && !report.torn_tail {
        return Err(ReadError::Empty);
    }
    Ok(report)
}

struct Scanner<F> {
    each: F,
    report: ScanReport,
}

impl<F: FnMut(Option<Record<'_>>) -> ControlFlow<()>> Scanner<F> {
    fn run(&mut self, input: &mut impl Read) -> io::Result<ControlFlow<()>> {
        let mut buf = vec![0; FIRST_CHUNK_BYTES];
        // buf[start..end] is read but not handed out; its first `searched` bytes hold no line feed.
        let (mut start, mut end, mut searched) = (0, 0, 0);
        loop {
            while let Some(len) = line_len(&buf[start + searched..end]) {
                let line_end = start + searched + len;
                let offset = self.report.bytes - (end - start) as u64;
                if self.line(&buf[start..line_end], offset).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                start = line_end + 1;
                searched = 0;
            }
            searched = end - start;
            buf.copy_within(start..end, 0);
            (start, end) = (0, searched);
            if end == buf.len() || buf.len() < CHUNK_BYTES && self.report.bytes > 0 {
                buf.resize((buf.len() * 2).max(CHUNK_BYTES), 0);
            } else if buf.len() > CHUNK_BYTES && end < CHUNK_BYTES {
                buf.truncate(CHUNK_BYTES);
                buf.shrink_to_fit();
            }
            match input.read(&mut buf[end..]) {
                Ok(0) => break,
                Ok(read) => {
                    end += read;
                    self.report.bytes += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let damaged_before = self.report.damaged;
        let flow = self.line(&buf[start..end], self.report.bytes - (end - start) as u64);
        self.report.torn_tail = self.report.damaged > damaged_before;
        Ok(flow)
    }

    /// Takes the line that begins `offset` bytes into the file.
    fn line(&mut self, line: &[u8], offset: u64) -> ControlFlow<()> {
        let with_blanks = line.trim_ascii_end();
        let line = with_blanks.trim_ascii_start();
        if line.is_empty() {
            return ControlFlow::Continue(());
        }
        let offset = offset + (with_blanks.len() - line.len()) as u64;
        if let Ok(record) = Record::parse(line) {
            return self.record(record, offset);
        }
        self.report.damaged += 1;
        (self.each)(None)?;
        // A version that does not repair the end of a file glues its first record to a torn line.
        let Some(at) = glued(line) else { return ControlFlow::Continue(()) };
        match Record::parse(&line[at..]) {
            Ok(record) => self.record(record, offset + at as u64),
            Err(_) => ControlFlow::Continue(()),
        }
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
        (self.each)(Some(record))
    }
}

/// Returns the length of the first line, without its feed, if it ends within `bytes`.
fn line_len(mut bytes: &[u8]) -> Option<usize> {
    let all = bytes;
    // std's fast byte search is reachable through BufRead only; reading from a slice cannot fail.
    let len = bytes.skip_until(b'\n').unwrap_or_default();
    (len > 0 && all[len - 1] == b'\n').then(|| len - 1)
}

/// Returns where at the end of a damaged line a record may begin.
fn glued(line: &[u8]) -> Option<usize> {
    line.windows(RECORD_START.len()).rposition(|window| window == RECORD_START).filter(|at| *at > 0)
}

enum Input {
    Plain(File),
    Zstd(Box<ZstdInput>),
}

impl Input {
    fn open(path: &Path) -> io::Result<Self> {
        let pair = files::pair(path);
        match files::if_exists(File::open(&pair.plain))? {
            Some(file) => Ok(Self::Plain(file)),
            None => ZstdInput::open(&pair.compressed).map(|input| Self::Zstd(Box::new(input))),
        }
    }

    fn is_truncated(&self) -> bool {
        matches!(self, Self::Zstd(input) if input.is_truncated)
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(buf),
            Self::Zstd(input) => input.read(buf),
        }
    }
}

/// Reads a compressed file frame after frame. A frame that cannot be decoded ends the data: what came before it
/// is still good.
struct ZstdInput {
    frame: Option<StreamingDecoder<BufReader<File>, ruzstd::decoding::FrameDecoder>>,
    is_truncated: bool,
}

impl ZstdInput {
    fn open(path: &Path) -> io::Result<Self> {
        let mut input = Self { frame: None, is_truncated: false };
        input.next_frame(BufReader::new(File::open(path)?))?;
        Ok(input)
    }

    fn next_frame(&mut self, mut source: BufReader<File>) -> io::Result<()> {
        if source.fill_buf()?.is_empty() {
            return Ok(());
        }
        match StreamingDecoder::new(source) {
            Ok(frame) => self.frame = Some(frame),
            Err(_) => self.is_truncated = true,
        }
        Ok(())
    }
}

impl Read for ZstdInput {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while let Some(frame) = &mut self.frame {
            match frame.read(buf) {
                Ok(0) => {
                    if let Some(done) = self.frame.take() {
                        self.next_frame(done.into_inner())?;
                    }
                }
                Ok(read) => return Ok(read),
                Err(_) => {
                    self.is_truncated = true;
                    self.frame = None;
                }
            }
        }
        Ok(0)
    }
}

/// Makes sure the plain form of a rollout exists, decompressing the other one if need be, and returns its path.
///
/// The compressed file is removed once the plain one is safely on disk: left behind, it would bring the thread
/// back after an archive or a delete by another version.
pub(crate) fn materialise(path: &Path) -> io::Result<PathBuf> {
    let pair = files::pair(path);
    if pair.plain.try_exists()? {
        return Ok(pair.plain);
    }
    let mut input = ZstdInput::open(&pair.compressed)?;
    let modified = fs::metadata(&pair.compressed)?.modified()?;
    let temporary = pair.plain.with_extension(format!("{}.tmp", std::process::id()));
    let mut output = files::private().write(true).create(true).truncate(true).open(&temporary)?;
    io::copy(&mut input, &mut output)?;
    if input.is_truncated {
        fs::remove_file(&temporary)?;
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("cannot decompress {}", pair.compressed.display()),
        ));
    }
    output.flush()?;
    output.set_modified(modified)?;
    output.sync_all()?;
    fs::rename(&temporary, &pair.plain)?;
    fs::remove_file(&pair.compressed)?;
    Ok(pair.plain)
}
