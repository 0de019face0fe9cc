//! What was gathered from large rollouts, kept in `$CODEX_HOME/app-server/outlines` so that they are not read again for it.
//! Deleting or spoiling a file there, or one that cannot be written, costs time and nothing else. Must not know what was
//! gathered.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::files::{self, FileVersion};
use crate::reader::{ReadError, Reading, ScanReport};
use crate::store::Store;

/// How a file begins. Another text means another format, or other rules by which something was gathered.
const FORMAT: &str = concat!("app-server outline 1 ", env!("CARGO_PKG_VERSION"), " ");

/// Histories shorter than this are read faster than they are worth keeping something of, and so is what was appended.
const WORTHWHILE_BYTES: u64 = 4 << 20;

/// Bytes at the end of what was read that must still be there when the file has grown.
const END_BYTES: u64 = 4096;

/// A file that is being written is not older than this; what is was left by a process that ended.
const WRITING: Duration = Duration::from_secs(3600);

/// The folder of what is kept.
#[derive(Debug)]
pub(crate) struct Outlines {
    folder: PathBuf,
    worthwhile: u64,
    is_swept: AtomicBool,
    written: AtomicU64,
}

/// What is kept of a history.
#[derive(Serialize, Deserialize)]
struct Kept<T> {
    /// The thread's own file first, then those it continues.
    parts: Vec<Part>,
    report: ScanReport,
    gathered: T,
}

/// A file of the history as it was read.
#[derive(Serialize, Deserialize)]
struct Part {
    version: FileVersion,
    /// Of the last bytes of it; of a compressed file, which nobody appends to, there is none.
    end: Option<u64>,
}

/// A file of the history as it stands.
struct Stands {
    file: PathBuf,
    is_plain: bool,
    version: FileVersion,
}

/// What has become of the files since they were read.
#[derive(PartialEq, Eq)]
enum Since {
    Nothing,
    /// Lines were appended. Those of the thread's own file are its; of the others it continues only what was there.
    Appended,
    Other,
}

impl Store {
    /// Like [`Self::read_history`], with what is kept of a long history: nothing is read but what was appended since. What
    /// is gathered now is kept if that saves much. `T` must not break off.
    ///
    /// Something in the middle of a file that was changed in place by a program that also appended to it goes unnoticed.
    ///
    /// # Errors
    /// As [`Self::read_history`].
    pub fn read_kept<T>(&self, path: &Path, new: impl Fn() -> T) -> Result<(ScanReport, T), ReadError>
    where
        T: Reading + Serialize + DeserializeOwned,
    {
        let afresh = || {
            let mut gathered = new();
            self.read_history(path, &mut gathered).map(|report| (report, gathered))
        };
        let Some(files) = self.files_worth_keeping(path) else { return afresh() };
        let kept: Option<Kept<T>> = self.outlines.load(path);
        let (saved_from, (report, gathered)) = match kept.map(|kept| (since(&kept.parts, &files), kept)) {
            Some((Since::Nothing, Kept { report, gathered, .. })) => return Ok((report, gathered)),
            Some((Since::Appended, Kept { report, mut gathered, .. })) => {
                let from = report.bytes;
                let report = self.read_appended(path, report, &mut gathered)?;
                // Of two files nothing can be put together.
                let is_same = stands(path).is_some_and(|now| now.version.has_grown_from(&files[0].version));
                if is_same { (from, (report, gathered)) } else { (0, afresh()?) }
            }
            Some((Since::Other, _)) | None => (0, afresh()?),
        };
        let is_much = saved_from == 0 || report.bytes - saved_from >= self.outlines.worthwhile;
        // Without the thread's first record it is not known where what it continues comes in.
        if !is_much || report.history_mode.is_none() {
            return Ok((report, gathered));
        }
        let Some(parts) = parts(&files, &report) else { return Ok((report, gathered)) };
        let kept = Kept { parts, report, gathered };
        if let Err(error) = self.outlines.save(path, &kept) {
            tracing::debug!(%error, "cannot keep the outline of a thread");
        }
        self.sweep_outlines();
        Ok((kept.report, kept.gathered))
    }

    /// Keeps something of shorter histories as well.
    #[must_use]
    pub fn keeping_from(mut self, bytes: u64) -> Self {
        self.outlines.worthwhile = bytes;
        self
    }

    /// Returns how many bytes are to be read for a thread's history; `None` if that is not known: a file is gone, or it is
    /// compressed.
    pub fn length(&self, path: &Path) -> Option<u64> {
        let files = self.files(path)?;
        let bytes = files.iter().map(|stands| stands.is_plain.then_some(stands.version.size));
        bytes.sum()
    }

    /// Returns the files of the history in this file if it is long and one of this home.
    fn files_worth_keeping(&self, path: &Path) -> Option<Vec<Stands>> {
        let files = path.starts_with(self.codex_home()).then(|| self.files(path))??;
        let bytes: u64 = files.iter().map(|stands| stands.version.size).sum();
        (bytes >= self.outlines.worthwhile).then_some(files)
    }

    fn files(&self, path: &Path) -> Option<Vec<Stands>> {
        self.chain(path).ok()?.paths().map(stands).collect()
    }

    /// Removes what is kept of rollouts that are gone, once in the life of a store.
    fn sweep_outlines(&self) {
        if self.outlines.is_swept.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut there: HashSet<OsString> = HashSet::new();
        for archived in [false, true] {
            let Ok(names) = self.rollouts(archived) else { return };
            there.extend(names.paths().map(|path| name_of(&path)));
        }
        if let Err(error) = self.outlines.sweep(&there) {
            tracing::debug!(%error, "cannot look through the outlines of threads");
        }
    }
}

impl Outlines {
    pub(crate) fn new(codex_home: &Path) -> Self {
        Self {
            folder: codex_home.join("app-server").join("outlines"),
            worthwhile: WORTHWHILE_BYTES,
            is_swept: AtomicBool::new(false),
            written: AtomicU64::new(0),
        }
    }

    /// Forgets what is kept of a rollout that is deleted.
    pub(crate) fn forget(&self, rollout: &Path) {
        if let Err(error) = files::if_exists(fs::remove_file(self.file_of(rollout))) {
            tracing::debug!(%error, "cannot remove the outline of a thread");
        }
    }

    fn file_of(&self, rollout: &Path) -> PathBuf {
        self.folder.join(name_of(rollout))
    }

    /// A file that is not wholly right is ignored.
    fn load<T: DeserializeOwned>(&self, rollout: &Path) -> Option<Kept<T>> {
        let bytes = match files::if_exists(fs::read(self.file_of(rollout))) {
            Ok(bytes) => bytes?,
            Err(error) => {
                tracing::debug!(%error, "cannot read the outline of a thread");
                return None;
            }
        };
        let rest = bytes.strip_prefix(FORMAT.as_bytes())?;
        let (sum, rest) = rest.split_at_checked(16)?;
        let body = rest.strip_prefix(b"\n")?;
        if sum != sum_text(body).as_bytes() {
            return None;
        }
        serde_json::from_slice(body).ok()
    }

    fn save<T: Serialize>(&self, rollout: &Path, kept: &Kept<T>) -> io::Result<()> {
        let body = serde_json::to_vec(kept)?;
        fs::create_dir_all(&self.folder)?;
        let target = self.file_of(rollout);
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let temporary = target.with_extension(format!("{}-{number}.tmp", std::process::id()));
        let write = || {
            let mut file = files::private().write(true).create(true).truncate(true).open(&temporary)?;
            file.write_all(format!("{FORMAT}{}\n", sum_text(&body)).as_bytes())?;
            file.write_all(&body)?;
            fs::rename(&temporary, &target)
        };
        let written = write();
        if written.is_err() {
            // The folder cannot be written, or the disk is full.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    fn sweep(&self, there: &HashSet<OsString>) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let is_temporary = Path::new(&entry.file_name()).extension() == Some(OsStr::new("tmp"));
            let is_old = || {
                let age = entry.metadata().and_then(|metadata| metadata.modified());
                age.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > WRITING))
            };
            let is_stale = if is_temporary { is_old() } else { !there.contains(&entry.file_name()) };
            if is_stale {
                files::if_exists(fs::remove_file(entry.path()))?;
            }
        }
        Ok(())
    }
}

/// The name of what is kept of a rollout.
fn name_of(rollout: &Path) -> OsString {
    let mut name = files::pair(rollout).plain.file_name().unwrap_or_default().to_owned();
    name.push(".idx");
    name
}

/// A hash of another version of the standard library differs: then nothing that is kept is used, the hashes that were
/// gathered included.
fn sum(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

fn sum_text(bytes: &[u8]) -> String {
    format!("{:016x}", sum(bytes))
}

fn stands(path: &Path) -> Option<Stands> {
    let pair = files::pair(path);
    let of = |file: PathBuf, is_plain| {
        FileVersion::read(&file).ok().map(|version| Stands { file, is_plain, version })
    };
    of(pair.plain, true).or_else(|| of(pair.compressed, false))
}

fn since(parts: &[Part], files: &[Stands]) -> Since {
    if parts.len() != files.len() {
        return Since::Other;
    }
    let mut since = Since::Nothing;
    for (part, now) in parts.iter().zip(files) {
        if now.is_plain != part.end.is_some() {
            return Since::Other;
        }
        if part.version != now.version {
            // As long as before and yet another is a file that was written anew.
            let is_longer = now.version.size > part.version.size;
            if !now.is_plain || !is_longer || !now.version.has_grown_from(&part.version) {
                return Since::Other;
            }
            since = Since::Appended;
        }
        if part.end != now.is_plain.then(|| end(now, part.version.size).ok()).flatten().map(|end| sum(&end)) {
            return Since::Other;
        }
    }
    since
}

/// Returns the files as they were read, if that is known and the last line is one that nothing can be appended to.
fn parts(files: &[Stands], report: &ScanReport) -> Option<Vec<Part>> {
    let part = |(at, before): (usize, &Stands)| {
        let is_own = at == 0;
        if !is_own && before.is_plain {
            let end = Some(sum(&end(before, before.version.size).ok()?));
            return Some(Part { version: before.version, end });
        }
        let now = FileVersion::read(&before.file).ok()?;
        if !before.is_plain {
            return (now == before.version).then_some(Part { version: now, end: None });
        }
        let has_grown = now.has_grown_from(&before.version) && now.size > before.version.size;
        let version = FileVersion { size: report.bytes, ..now };
        let is_known = (now == before.version && version == now)
            || (has_grown && (before.version.size..=now.size).contains(&version.size));
        let end = end(before, version.size).ok().filter(|end| is_known && end.last() == Some(&b'\n'))?;
        Some(Part { version, end: Some(sum(&end)) })
    };
    files.iter().enumerate().map(part).collect()
}

/// Reads the last of the first `size` bytes of a file.
fn end(stands: &Stands, size: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(&stands.file)?;
    let from = size.saturating_sub(END_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(size - from).read_to_end(&mut bytes)?;
    Ok(bytes)
}
