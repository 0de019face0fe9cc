//! Appends batches of lines to a rollout. Existing bytes are never rewritten. Must not know what the lines mean.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use crate::files;
use crate::input::materialise;
use crate::meta::{HistoryMode, SessionMeta};
use crate::reader::{ReadError, ScanReport, scan};
use crate::record::{Body, Record, timestamp_text};

/// Most bytes kept for a file that cannot be written (a full disk). Beyond it new lines are refused, so that a
/// long turn on a full disk cannot eat the memory as well.
const MAX_UNWRITTEN_BYTES: usize = 64 * 1024 * 1024;

/// Lines to be appended together, in one write. Reuse one batch: [`Batch::clear`] keeps its memory.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    lines: Vec<LineAt>,
}

#[derive(Debug)]
struct LineAt {
    /// First byte.
    start: usize,
    /// Where an ordinal goes if the file wants one.
    ordinal_at: usize,
}

impl Batch {
    /// Makes an empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the batch has no line.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns the number of lines.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Drops all lines and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.lines.clear();
    }

    /// Adds an item of the model's history.
    ///
    /// # Errors
    /// When the value cannot be written as JSON; the batch is as before then. The same holds for the other kinds.
    pub fn response_item(&mut self, item: &(impl Serialize + ?Sized)) -> io::Result<()> {
        self.line("response_item", &now(), |bytes| json(bytes, item))
    }

    /// Adds an event: `fields` must serialise as an object (or null), and `type` is put in front of its members.
    ///
    /// # Errors
    /// As [`Batch::response_item`]; also when `fields` is not an object.
    pub fn event(&mut self, kind: &str, fields: &(impl Serialize + ?Sized)) -> io::Result<()> {
        self.line("event_msg", &now(), |bytes| {
            bytes.extend_from_slice(br#"{"type":"#);
            json(bytes, kind)?;
            let at = bytes.len();
            json(bytes, fields)?;
            let object = bytes[at..].trim_ascii();
            match object {
                b"null" => bytes.truncate(at),
                [b'{', inner @ .., b'}'] if inner.trim_ascii().is_empty() => bytes.truncate(at),
                [b'{', .., b'}'] => {
                    bytes[at] = b',';
                    return Ok(());
                }
                _ => {
                    return Err(io::Error::new(
                        ErrorKind::InvalidInput,
                        "an event's fields must be an object",
                    ));
                }
            }
            bytes.push(b'}');
            Ok(())
        })
    }

    /// Adds the settings of a turn.
    ///
    /// # Errors
    /// As [`Batch::response_item`].
    pub fn turn_context(&mut self, context: &(impl Serialize + ?Sized)) -> io::Result<()> {
        self.line("turn_context", &now(), |bytes| json(bytes, context))
    }

    /// Adds the result of a compaction.
    ///
    /// # Errors
    /// As [`Batch::response_item`].
    pub fn compacted(&mut self, compacted: &(impl Serialize + ?Sized)) -> io::Result<()> {
        self.line("compacted", &now(), |bytes| json(bytes, compacted))
    }

    /// Adds a line of another rollout, as a fork does: verbatim, with its own time, unknown kinds included. A
    /// line of a paginated file loses its ordinal (the target's numbering is another).
    ///
    /// # Errors
    /// As [`Batch::response_item`].
    pub fn copy(&mut self, record: &Record<'_>) -> io::Result<()> {
        if record.ordinal.is_some() {
            return self.line(record.kind(), &record.timestamp, |bytes| json(bytes, record.payload()));
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(record.line);
        self.bytes.push(b'\n');
        // A parsed line starts with its brace.
        self.lines.push(LineAt { start, ordinal_at: start + 1 });
        Ok(())
    }

    fn session_meta(&mut self, meta: &SessionMeta) -> io::Result<()> {
        self.line("session_meta", &now(), |bytes| json(bytes, meta))
    }

    fn line(
        &mut self,
        kind: &str,
        timestamp: &str,
        payload: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<()> {
        let start = self.bytes.len();
        let result = self.try_line(start, kind, timestamp, payload);
        if result.is_err() {
            self.bytes.truncate(start);
        }
        result
    }

    fn try_line(
        &mut self,
        start: usize,
        kind: &str,
        timestamp: &str,
        payload: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
    ) -> io::Result<()> {
        let bytes = &mut self.bytes;
        bytes.extend_from_slice(br#"{"timestamp":"#);
        json(bytes, timestamp)?;
        bytes.push(b',');
        let ordinal_at = bytes.len();
        bytes.extend_from_slice(br#""type":"#);
        json(bytes, kind)?;
        bytes.extend_from_slice(br#","payload":"#);
        let payload_at = bytes.len();
        payload(bytes)?;
        // Raw JSON may hold line ends, between tokens only: inside strings they are escaped.
        for byte in &mut bytes[payload_at..] {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        bytes.extend_from_slice(b"}\n");
        self.lines.push(LineAt { start, ordinal_at });
        Ok(())
    }

    /// Appends the lines to `out`, numbered from `*ordinal` on, which ends up behind the last one.
    fn number_into(&self, out: &mut Vec<u8>, ordinal: &mut u64) {
        for (index, line) in self.lines.iter().enumerate() {
            let end = self.lines.get(index + 1).map_or(self.bytes.len(), |next| next.start);
            out.extend_from_slice(&self.bytes[line.start..line.ordinal_at]);
            out.extend_from_slice(format!(r#""ordinal":{ordinal},"#).as_bytes());
            out.extend_from_slice(&self.bytes[line.ordinal_at..end]);
            *ordinal += 1;
        }
    }
}

fn now() -> String {
    timestamp_text(Timestamp::now())
}

fn json(bytes: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    Ok(serde_json::to_writer(bytes, value)?)
}

/// The one writer of a rollout; the caller holds the thread's [`crate::WriterLock`].
///
/// Every batch is one write to the end of the file, handed to the system but not synced. After a failed write the
/// lines are kept and written with the next batch, in order and once.
#[derive(Debug)]
pub struct RolloutWriter {
    path: PathBuf,
    history_mode: HistoryMode,
    /// Set until the file's first line is composed.
    header: Option<Box<SessionMeta>>,
    is_on_disk: bool,
    file: Option<File>,
    next_ordinal: u64,
    /// Whole lines that are not, or not wholly, in the file.
    unwritten: Vec<u8>,
    /// Bytes of `unwritten` that did get into the file, all of its first line.
    cut: usize,
    /// Length of the file after the cut, to see whether it is still the last thing in it.
    len_at_cut: u64,
}

impl RolloutWriter {
    /// Returns a writer for a new thread. Nothing is on disk until the first append; `meta` becomes the first line.
    pub fn pending(path: PathBuf, meta: SessionMeta) -> Self {
        let history_mode = meta.history_mode();
        Self { header: Some(Box::new(meta)), ..Self::at(path, history_mode, 0, false) }
    }

    /// Creates the file of a new thread at once, with directories and `meta` as its first line.
    ///
    /// # Errors
    /// The system's.
    pub fn create(path: PathBuf, meta: SessionMeta) -> io::Result<Self> {
        let mut writer = Self::pending(path, meta);
        writer.materialize()?;
        Ok(writer)
    }

    /// Opens an existing rollout for appending; a compressed one is decompressed first. The file is not changed
    /// until the first append, so resuming alone leaves its time as it is. Damage is no error.
    ///
    /// A paginated file is read through for its highest ordinal: [`RolloutWriter::open_scanned`] saves that.
    ///
    /// # Errors
    /// The system's; `InvalidData` when the file's history mode is unknown, which appending would spoil.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut history_mode = None;
        let until_legacy = |record: Record<'_>| {
            if let Body::SessionMeta(meta) = record.body {
                history_mode.get_or_insert(meta.history_mode());
            }
            // A legacy file has no ordinals worth reading on for.
            if history_mode == Some(HistoryMode::Legacy) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let report = match scan(path, until_legacy) {
            Ok(report) => report,
            Err(ReadError::Empty) => ScanReport::default(),
            Err(ReadError::NotFound(_)) => return Err(ErrorKind::NotFound.into()),
            Err(ReadError::Io { source, .. }) => return Err(source),
        };
        Self::open_scanned(path, &report)
    }

    /// Opens an existing rollout whose whole content was just scanned; otherwise as [`RolloutWriter::open`].
    ///
    /// # Errors
    /// As [`RolloutWriter::open`].
    pub fn open_scanned(path: &Path, report: &ScanReport) -> io::Result<Self> {
        let history_mode = report.history_mode.unwrap_or_default();
        if history_mode == HistoryMode::Unknown {
            return Err(io::Error::new(ErrorKind::InvalidData, "unknown history mode"));
        }
        let next_ordinal = report.last_ordinal.map_or(0, |last| last + 1);
        let mut writer = Self::at(materialise(path)?, history_mode, next_ordinal, true);
        writer.file = Some(writer.open_file()?);
        Ok(writer)
    }

    fn at(path: PathBuf, history_mode: HistoryMode, next_ordinal: u64, is_on_disk: bool) -> Self {
        Self {
            path,
            history_mode,
            header: None,
            is_on_disk,
            file: None,
            next_ordinal,
            unwritten: Vec::new(),
            cut: 0,
            len_at_cut: 0,
        }
    }

    /// Returns where the rollout is, or will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the form of the history, which decides what events the caller writes (rollouts.md 12).
    pub fn history_mode(&self) -> HistoryMode {
        self.history_mode
    }

    /// Whether the file exists and has its first line, as far as this writer knows.
    pub fn is_on_disk(&self) -> bool {
        self.is_on_disk
    }

    /// Whether there are lines that an earlier failure left behind.
    pub fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// Creates the file of a pending thread with its first line; does nothing when it is there.
    ///
    /// # Errors
    /// As [`RolloutWriter::append`].
    pub fn materialize(&mut self) -> io::Result<()> {
        self.append(&Batch::new())
    }

    /// Appends a batch, in one write, after anything an earlier failure left behind.
    ///
    /// # Errors
    /// The system's, after one retry with a reopened file. The lines are kept for the next call and the caller may
    /// go on; only when 64 MiB are kept already and still cannot be written, this batch is not taken.
    pub fn append(&mut self, batch: &Batch) -> io::Result<()> {
        if self.unwritten.len() > MAX_UNWRITTEN_BYTES {
            self.flush()?;
        }
        self.take(batch)?;
        self.flush()
    }

    /// Appends a batch, but keeps none of it when that fails: for lines whose cause is refused then. What earlier
    /// failures left behind goes first and is kept.
    ///
    /// # Errors
    /// The system's, after one retry with a reopened file.
    pub fn append_or_drop(&mut self, batch: &Batch) -> io::Result<()> {
        self.materialize()?;
        self.take(batch)?;
        let result = self.flush();
        if result.is_err() {
            self.unwritten.clear();
            // A line that got into the file in part is damage the next write steps around.
            self.cut = 0;
        }
        result
    }

    fn take(&mut self, batch: &Batch) -> io::Result<()> {
        if let Some(meta) = &self.header {
            let mut first = Batch::new();
            first.session_meta(meta)?;
            self.stamp(&first);
            self.header = None;
        }
        self.stamp(batch);
        Ok(())
    }

    fn stamp(&mut self, batch: &Batch) {
        match self.history_mode {
            HistoryMode::Paginated => batch.number_into(&mut self.unwritten, &mut self.next_ordinal),
            HistoryMode::Legacy | HistoryMode::Unknown => self.unwritten.extend_from_slice(&batch.bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let was_open = self.file.is_some();
        let mut result = self.try_flush();
        if result.is_err() && was_open {
            result = self.try_flush();
        }
        if let Err(error) = &result {
            let kept = self.unwritten.len();
            tracing::error!(path = %self.path.display(), %error, kept, "cannot write rollout; lines are kept");
        }
        result
    }

    fn try_flush(&mut self) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open_file()?,
        };
        if self.cut > 0 && file.metadata()?.len() != self.len_at_cut {
            // Somebody else was here since: the cut line can no longer be finished in place.
            self.cut = 0;
        }
        let repair = self.cut == 0 && files::lacks_final_newline(&mut file)?;
        if repair {
            self.unwritten.insert(0, b'\n');
        }
        let (written, result) = write_counted(&mut file, &self.unwritten[self.cut..]);
        if let Err(error) = result {
            self.keep_rest(written, repair, &file);
            return Err(error);
        }
        self.unwritten.clear();
        self.unwritten.shrink_to(MAX_UNWRITTEN_BYTES / 64);
        self.cut = 0;
        self.is_on_disk = true;
        self.file = Some(file);
        Ok(())
    }

    /// Drops the lines that are in the file and notes how much of the next one is.
    fn keep_rest(&mut self, written: usize, repaired: bool, file: &File) {
        let in_file = self.cut + written;
        let whole = self.unwritten[..in_file].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        // The line feed of a repair is not a line of ours; the next try looks for itself.
        let skip = whole.max(usize::from(repaired));
        self.unwritten.drain(..skip);
        self.cut = in_file.saturating_sub(skip);
        self.len_at_cut = file.metadata().map_or(0, |metadata| metadata.len());
    }

    fn open_file(&mut self) -> io::Result<File> {
        if !self.is_on_disk
            && let Some(parent) = self.path.parent()
        {
            fs::create_dir_all(parent)?;
        }
        // Only a new thread's file is created: one that vanished meanwhile would lack its first line.
        let create = !self.is_on_disk;
        files::private().read(true).append(true).create(create).open(&self.path)
    }
}

/// Writes all of `bytes` and tells how much got through before a failure.
fn write_counted(file: &mut File, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    const LINES: &str = "{\"line\":1}\n{\"line\":2}\n{\"line\":3}\n";

    /// A writer over `before` that got `written` bytes of a write (the repair included) to the file and failed.
    fn failed_after(path: &Path, before: &str, written: usize) -> RolloutWriter {
        fs::write(path, before).unwrap();
        let mut writer = RolloutWriter::at(path.to_owned(), HistoryMode::Legacy, 0, true);
        let mut file = writer.open_file().unwrap();
        let repaired = files::lacks_final_newline(&mut file).unwrap();
        writer.unwritten = if repaired { format!("\n{LINES}") } else { LINES.to_owned() }.into_bytes();
        file.write_all(&writer.unwritten[..written]).unwrap();
        writer.keep_rest(written, repaired, &file);
        writer
    }

    #[test]
    fn a_write_cut_anywhere_is_finished_in_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.jsonl");
        for (before, expected) in
            [("{}\n", format!("{{}}\n{LINES}")), ("{", format!("{{\n{LINES}")), ("", LINES.to_owned())]
        {
            for written in 0..LINES.len() {
                let mut writer = failed_after(&path, before, written);
                writer.append(&Batch::new()).unwrap();
                assert_eq!(fs::read_to_string(&path).unwrap(), expected, "{before:?} cut at {written}");
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_dropped_after_a_failure_is_never_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.jsonl");
        let full = Path::new("/dev/full");
        let mut batch = Batch::new();
        batch.event("kept", &()).unwrap();
        let mut writer = RolloutWriter::at(full.to_owned(), HistoryMode::Legacy, 0, true);
        assert!(writer.append(&batch).is_err());
        batch.clear();
        batch.event("dropped", &()).unwrap();
        assert!(writer.append_or_drop(&batch).is_err(), "what was kept cannot be written either");
        fs::write(&path, "").unwrap();
        writer.path.clone_from(&path);
        writer.flush().unwrap();
        full.clone_into(&mut writer.path);
        writer.file = None;
        assert!(writer.append_or_drop(&batch).is_err());
        writer.path.clone_from(&path);
        batch.clear();
        batch.event("last", &()).unwrap();
        writer.append_or_drop(&batch).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let kinds: Vec<_> = ["kept", "dropped", "last"].map(|kind| text.matches(kind).count()).into();
        assert_eq!(kinds, [1, 0, 1], "{text}");
    }

    #[test]
    fn a_cut_line_that_another_writer_buried_is_written_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.jsonl");
        for written in 0..LINES.len() {
            let mut writer = failed_after(&path, "{}\n", written);
            let mut other = File::options().append(true).open(&path).unwrap();
            other.write_all(b"{\"other\":1}").unwrap();
            writer.append(&Batch::new()).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            for line in LINES.lines() {
                assert_eq!(
                    text.lines().filter(|found| *found == line).count(),
                    1,
                    "cut at {written}: {text}"
                );
            }
        }
    }
}
