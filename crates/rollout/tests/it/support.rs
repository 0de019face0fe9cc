//! Made-up rollouts, and homes that hold them.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use app_server_rollout::{ReadError, Record, ScanReport, Store, scan};
use tempfile::TempDir;
use uuid::Uuid;

/// Returns the path of a file under `tests/files`.
pub(crate) fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(name)
}

/// Returns the id that the made-up file number `n` has in its meta.
pub(crate) fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x0195_0000_0000_7000_8000_0000_0000_0000 + n)
}

/// A home of its own, gone with the value.
pub(crate) struct Home {
    pub(crate) directory: TempDir,
    pub(crate) store: Store,
}

impl Home {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let store = Store::new(directory.path());
        Self { directory, store }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns where a thread with this name time lies.
    pub(crate) fn rollout(&self, time: &str, id: Uuid) -> PathBuf {
        self.rollout_named(time, &id.to_string())
    }

    fn rollout_named(&self, time: &str, id: &str) -> PathBuf {
        let day = time[..10].replace('-', "/");
        self.path().join("sessions").join(day).join(format!("rollout-{time}-{id}.jsonl"))
    }

    pub(crate) fn add(&self, time: &str, id: Uuid, content: &[u8]) -> PathBuf {
        self.add_named(time, &id.to_string(), content)
    }

    fn add_named(&self, time: &str, id: &str, content: &[u8]) -> PathBuf {
        let path = self.rollout_named(time, id);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Adds what a revert leaves: another file of thread `n`, whose history goes on from ordinal `end` of segment
    /// `base`, with one turn that asks `question` unless that is empty.
    pub(crate) fn add_segment(
        &self,
        time: &str,
        n: u128,
        segment: u128,
        base: (u128, u64),
        question: &str,
    ) -> PathBuf {
        let (base, end) = (id(base.0), base.1);
        let (id, name) = (id(n), format!("{}_{}", id(n), id(segment)));
        let meta = format!(
            r#""type":"session_meta","payload":{{"id":"{id}","timestamp":"","cwd":"/w","originator":"probe","cli_version":"1","history_mode":"paginated","history_base":{{"thread_id":"{base}","end_ordinal_exclusive":{end},"end_byte_offset":9}}}}"#
        );
        let item = format!(
            r#""type":"event_msg","payload":{{"type":"item_completed","item":{{"type":"UserMessage","content":[{{"type":"text","text":"{question}"}}]}}}}"#
        );
        let lines = if question.is_empty() { vec![meta] } else { vec![meta, item] };
        let line =
            |(line, ordinal): (String, u64)| format!("{{\"timestamp\":\"\",\"ordinal\":{ordinal},{line}}}\n");
        let content: String = lines.into_iter().zip(end..).map(line).collect();
        self.add_named(time, &name, content.as_bytes())
    }

    pub(crate) fn add_file(&self, time: &str, n: u128, name: &str) -> PathBuf {
        self.add(time, id(n), &fs::read(file(name)).unwrap())
    }

    /// Makes the directories of live threads look as if they had not changed for long: what is remembered of a
    /// directory that changed just now is not trusted.
    pub(crate) fn settle(&self) {
        settle(&self.path().join("sessions"));
    }

    /// Starts over as another process would.
    pub(crate) fn restart(&mut self) {
        self.store = Store::new(self.directory.path());
    }
}

/// Scans a file, giving each record as `describe` says.
pub(crate) fn collect<T>(
    path: &Path,
    mut describe: impl FnMut(&Record<'_>) -> T,
) -> Result<(Vec<T>, ScanReport), ReadError> {
    let mut all = Vec::new();
    let report = scan(path, |record| {
        all.push(describe(&record));
        ControlFlow::Continue(())
    })?;
    Ok((all, report))
}

/// Returns the lines that are records.
pub(crate) fn record_lines(path: &Path) -> Vec<String> {
    match collect(path, |record| String::from_utf8(record.line.to_vec()).unwrap()) {
        Ok((lines, _)) => lines,
        Err(ReadError::Empty) => Vec::new(),
        Err(error) => panic!("{error}"),
    }
}

fn settle(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            settle(&path);
        }
    }
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    fs::File::open(directory).unwrap().set_modified(long_ago).unwrap();
}
