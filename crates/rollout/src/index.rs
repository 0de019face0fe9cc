//! Cache of rollout heads, in memory and in `$CODEX_HOME/app-server/threads.idx`. Deleting or spoiling that file
//! costs time and nothing else. Must not know what a list asks for.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::files::{self, FileVersion};
use crate::head::{Head, HeaderError};
use crate::reader::ReadError;
use crate::tail::Tail;

/// First line of the file; another text means another format.
const FORMAT: &str = "app-server threads 1";

/// Heads read from rollouts before the file is worth loading, and again before it is worth writing. Fewer are
/// read faster than the file is, and a page of a list needs fewer.
const WORTHWHILE: usize = 64;

/// The file is written when at least one head in this many is not in it, so that all writing together stays
/// proportional to its size.
const WRITE_SHARE: usize = 8;

/// What is known of one rollout.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    Head(Arc<Head>),
    /// Empty so far: no thread yet, and no damage.
    Empty,
    Damaged,
}

#[derive(Debug)]
struct Cached {
    version: FileVersion,
    known: Known,
    /// The end of the file, and the state of the file it is of.
    tail: Option<(FileVersion, Tail)>,
}

/// Cache of heads, verified against the files at every use.
#[derive(Debug)]
pub(crate) struct HeadCache {
    codex_home: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    heads: HashMap<PathBuf, Cached>,
    is_loaded: bool,
    /// Heads that are not in the file.
    unsaved: usize,
}

#[derive(Serialize, Deserialize)]
struct Saved<H> {
    path: String,
    version: FileVersion,
    head: H,
    /// The end of the file in that state, if somebody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tail: Option<Tail>,
}

impl HeadCache {
    pub(crate) fn new(codex_home: &Path) -> Self {
        Self { codex_home: codex_home.to_owned(), state: Mutex::default() }
    }

    /// Returns what is known of a rollout and the state of the file it holds for; `None` if the file is gone.
    /// Warns about a damaged file once per state of it.
    pub(crate) fn get(&self, path: &Path) -> io::Result<Option<(FileVersion, Known)>> {
        let Some(version) = files::if_exists(FileVersion::read(path))? else { return Ok(None) };
        if let Some(known) = self.cached(path, version) {
            return Ok(Some((version, known)));
        }
        let known = match Head::read(path) {
            Ok(mut head) => {
                head.meta = head.meta.slim();
                Known::Head(Arc::new(head))
            }
            Err(HeaderError::Read(ReadError::NotFound(_))) => return Ok(None),
            Err(HeaderError::Read(ReadError::Empty)) => Known::Empty,
            Err(error) => {
                tracing::warn!(%error, "skipping a damaged rollout");
                Known::Damaged
            }
        };
        let mut state = self.state();
        state.unsaved += usize::from(matches!(known, Known::Head(_)));
        state.heads.insert(path.to_owned(), Cached { version, known: known.clone(), tail: None });
        Ok(Some((version, known)))
    }

    /// Returns what the end of a rollout says while the file is in this state. One that cannot be read says nothing.
    pub(crate) fn tail(&self, path: &Path, version: FileVersion) -> Tail {
        let is_of = |(of, tail): &(FileVersion, Tail)| (*of == version).then(|| tail.clone());
        let known = self.state().heads.get(path).and_then(|cached| cached.tail.as_ref().and_then(is_of));
        known.unwrap_or_else(|| {
            let tail = Tail::read(path).unwrap_or_else(|error| {
                tracing::debug!(%error, path = %path.display(), "cannot read the end of a rollout");
                Tail::default()
            });
            if let Some(cached) = self.state().heads.get_mut(path) {
                cached.tail = Some((version, tail.clone()));
            }
            tail
        })
    }

    /// Whether [`HeadCache::get`] would not read the rollout, as far as can be told without looking at the file.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.state().heads.contains_key(path)
    }

    fn cached(&self, path: &Path, version: FileVersion) -> Option<Known> {
        let mut state = self.state();
        if !state.is_loaded && state.unsaved >= WORTHWHILE {
            state.is_loaded = true;
            state.load(&self.codex_home);
        }
        let cached = state.heads.get_mut(path)?;
        if cached.version == version {
            return Some(cached.known.clone());
        }
        // A live thread's file grows with every turn; its head stays.
        match &cached.known {
            Known::Head(head) if head.is_complete && version.has_grown_from(&cached.version) => {
                cached.version = version;
                Some(Known::Head(Arc::clone(head)))
            }
            _ => None,
        }
    }

    /// Writes the file if enough has changed since it was written. `rollouts` are all there are; what is known of
    /// others is forgotten.
    pub(crate) fn save_if_worthwhile(&self, rollouts: impl FnOnce() -> io::Result<Vec<PathBuf>>) {
        let mut state = self.state();
        if state.unsaved < WORTHWHILE || state.unsaved * WRITE_SHARE < state.heads.len() {
            return;
        }
        // Whatever happens now, not again for every list.
        state.unsaved = 0;
        drop(state);
        if let Err(error) = rollouts().and_then(|paths| self.save(&paths)) {
            tracing::debug!(%error, "cannot write the thread index");
        }
    }

    fn save(&self, rollouts: &[PathBuf]) -> io::Result<()> {
        let lines = {
            let mut state = self.state();
            if !state.is_loaded {
                state.is_loaded = true;
                state.load(&self.codex_home);
            }
            let mut old = std::mem::take(&mut state.heads);
            for path in rollouts {
                if let Some((path, cached)) = old.remove_entry(path) {
                    state.heads.insert(path, cached);
                }
            }
            state.lines(&self.codex_home, rollouts)
        };
        let directory = self.codex_home.join("app-server");
        fs::create_dir_all(&directory)?;
        // Two processes may save at once; the later rename wins and either content is right. Not synced: a file
        // that a crash cut short is noticed at loading.
        let temporary = directory.join(format!("threads.idx.{}.tmp", std::process::id()));
        let file = files::private().write(true).create(true).truncate(true).open(&temporary)?;
        let mut out = BufWriter::new(file);
        writeln!(out, "{FORMAT} {}", lines.len())?;
        for Saved { path, version, head, tail } in lines {
            serde_json::to_writer(&mut out, &Saved { path, version, head: &*head, tail })?;
            out.write_all(b"\n")?;
        }
        out.into_inner().map_err(io::IntoInnerError::into_error)?;
        fs::rename(&temporary, directory.join("threads.idx"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Adds what the file knows and memory does not. A file that is not wholly right is ignored.
    fn load(&mut self, codex_home: &Path) {
        match read_index(codex_home) {
            Ok(saved) => {
                for entry in saved {
                    let known = Known::Head(Arc::new(entry.head));
                    let tail = entry.tail.map(|tail| (entry.version, tail));
                    let cached = Cached { version: entry.version, known, tail };
                    self.heads.entry(codex_home.join(entry.path)).or_insert(cached);
                }
            }
            Err(error) => tracing::debug!(%error, "ignoring the thread index"),
        }
    }

    fn lines(&self, codex_home: &Path, rollouts: &[PathBuf]) -> Vec<Saved<Arc<Head>>> {
        rollouts
            .iter()
            .filter_map(|path| {
                let cached = self.heads.get(path)?;
                let Known::Head(head) = &cached.known else { return None };
                let relative = path.strip_prefix(codex_home).ok()?.to_str()?;
                let (path, version) = (relative.to_owned(), cached.version);
                let is_of = |(of, tail): &(FileVersion, Tail)| (*of == version).then(|| tail.clone());
                let tail = cached.tail.as_ref().and_then(is_of);
                Some(Saved { path, version, head: Arc::clone(head), tail })
            })
            .collect()
    }
}

fn read_index(codex_home: &Path) -> io::Result<Vec<Saved<Head>>> {
    let file = File::open(codex_home.join("app-server").join("threads.idx"))?;
    let mut reader = BufReader::new(file);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let count: usize = line
        .trim_end()
        .strip_prefix(FORMAT)
        .and_then(|rest| rest.trim().parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "another format"))?;
    let mut saved = Vec::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            break;
        }
        saved.push(serde_json::from_str(&line)?);
    }
    if saved.len() == count {
        Ok(saved)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "cut short"))
    }
}
