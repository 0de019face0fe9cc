//! Forks and reverted threads of 0.169, whose history starts in another rollout (`history_base`) instead of being
//! copied. Must not know how else a fork is made.

use std::cell::OnceCell;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use crate::catalog::Names;
use crate::head::Head;
use crate::index::Known;
use crate::meta::HistoryBase;
use crate::reader::{Each, ReadError, Reading, ScanReport, read, read_on};
use crate::record::{Body, LineHead, Position, Record};
use crate::store::Store;

/// Forks of forks, and reverts, that are followed; bounds what a file that names itself can do.
pub(crate) const MAX_DEPTH: u16 = Position::OWN_FILE;

impl Store {
    /// Reads a thread's whole history: like [`scan`](crate::scan), and where the thread continues another one, that
    /// one's records (without its `session_meta`) come right after the thread's own first `session_meta`.
    ///
    /// A base that is gone is warned about and left out, as its records cannot be had anymore.
    ///
    /// # Errors
    /// As [`scan`](crate::scan). The report is about the thread's own file.
    pub fn scan_history(
        &self,
        path: &Path,
        each: impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<ScanReport, ReadError> {
        self.read_history(path, &mut Each(each))
    }

    /// Like [`Self::scan_history`], for whoever needs only some of the records.
    ///
    /// # Errors
    /// As [`Self::scan_history`].
    pub fn read_history(&self, path: &Path, reading: &mut dyn Reading) -> Result<ScanReport, ReadError> {
        self.read_from_base(path, u64::MAX, 0, reading).map(|(report, _)| report)
    }

    /// Goes on with reading a thread's whole history behind what a report is about, which has the thread's first
    /// `session_meta`.
    pub(crate) fn read_appended(
        &self,
        path: &Path,
        before: ScanReport,
        reading: &mut dyn Reading,
    ) -> Result<ScanReport, ReadError> {
        let mut own =
            WithBase { store: self, end_ordinal: u64::MAX, depth: 0, is_first_meta: false, reading };
        read_on(path, before, &mut own).map(|(report, _)| report)
    }

    fn read_from_base(
        &self,
        path: &Path,
        end_ordinal: u64,
        depth: u16,
        reading: &mut dyn Reading,
    ) -> Result<(ScanReport, ControlFlow<()>), ReadError> {
        read(path, &mut WithBase { store: self, end_ordinal, depth, is_first_meta: true, reading })
    }
}

/// Reads a file, and what it continues behind its first `session_meta`.
struct WithBase<'a> {
    store: &'a Store,
    end_ordinal: u64,
    depth: u16,
    is_first_meta: bool,
    reading: &'a mut dyn Reading,
}

impl WithBase<'_> {
    fn file(&self) -> u16 {
        Position::OWN_FILE - self.depth
    }

    /// Whether a record is not behind the point where the fork left, nor what a revert took back, nor without a number
    /// in a numbered history.
    fn has(&self, ordinal: Option<u64>) -> bool {
        self.depth == 0 || ordinal.is_some_and(|ordinal| ordinal < self.end_ordinal)
    }

    fn read_base(&mut self, base: HistoryBase) -> ControlFlow<()> {
        let Some(path) = Bases::new(self.store).find(base.thread_id) else {
            tracing::warn!(segment = %base.thread_id, "what a thread continues is gone; its history starts behind it");
            return ControlFlow::Continue(());
        };
        let end_ordinal = self.end_ordinal.min(base.end_ordinal_exclusive);
        match self.store.read_from_base(&path, end_ordinal, self.depth + 1, self.reading) {
            Ok((_, flow)) => flow,
            Err(error) => {
                tracing::warn!(%error, "cannot read what a thread continues; its history starts behind it");
                ControlFlow::Continue(())
            }
        }
    }
}

impl Reading for WithBase<'_> {
    fn wants(&self, head: &LineHead<'_>) -> bool {
        self.has(head.ordinal) && self.reading.wants(&head.in_file(self.file()))
    }

    fn passed(&mut self, head: &LineHead<'_>) {
        if self.has(head.ordinal) {
            self.reading.passed(&head.in_file(self.file()));
        }
    }

    fn take(&mut self, mut record: Record<'_>) -> ControlFlow<()> {
        record.position.file = self.file();
        if !self.has(record.ordinal) {
            return ControlFlow::Continue(());
        }
        let Body::SessionMeta(meta) = &record.body else { return self.reading.take(record) };
        let base = meta.history_base.filter(|_| self.is_first_meta && self.depth < MAX_DEPTH);
        self.is_first_meta = false;
        if self.depth == 0 {
            self.reading.take(record)?;
        }
        base.map_or(ControlFlow::Continue(()), |base| self.read_base(base))
    }
}

/// Finds the rollouts that others continue, looking at the directories once for many forks.
pub(crate) struct Bases<'a> {
    store: &'a Store,
    names: OnceCell<[Arc<Names>; 2]>,
}

impl<'a> Bases<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { store, names: OnceCell::new() }
    }

    pub(crate) fn find(&self, segment: Uuid) -> Option<PathBuf> {
        let names = self
            .names
            .get_or_init(|| [false, true].map(|archived| self.store.rollouts(archived).unwrap_or_default()));
        names.iter().find_map(|names| names.find_segment(segment))
    }

    /// Returns the head with the first user message of the whole history, which may be its base's.
    pub(crate) fn complete(&self, head: Arc<Head>) -> Arc<Head> {
        let Some(mut base) = head.meta.history_base else { return head };
        let mut whole = Head::clone(&head);
        let mut end_ordinal = u64::MAX;
        for _ in 0..MAX_DEPTH {
            let Some(path) = self.find(base.thread_id) else { break };
            let Ok(Some((_, Known::Head(head)))) = self.store.heads.get(&path) else { break };
            end_ordinal = end_ordinal.min(base.end_ordinal_exclusive);
            if head.user_message_ordinal.is_some_and(|ordinal| ordinal < end_ordinal) {
                whole.has_user_message = true;
                whole.preview.clone_from(&head.preview);
            }
            match head.meta.history_base {
                Some(next) => base = next,
                None => break,
            }
        }
        Arc::new(whole)
    }
}
