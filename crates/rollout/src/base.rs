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
use crate::reader::{ReadError, ScanReport, scan};
use crate::record::{Body, Position, Record};
use crate::store::Store;

/// Forks of forks, and reverts, that are followed; bounds what a file that names itself can do.
const MAX_DEPTH: u16 = Position::OWN_FILE;

impl Store {
    /// Reads a thread's whole history: like [`scan`], and where the thread continues another one, that one's
    /// records (without its `session_meta`) come right after the thread's own first `session_meta`.
    ///
    /// A base that is gone is warned about and left out, as its records cannot be had anymore.
    ///
    /// # Errors
    /// As [`scan`]. The report is about the thread's own file.
    pub fn scan_history(
        &self,
        path: &Path,
        mut each: impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<ScanReport, ReadError> {
        self.scan_from_base(path, u64::MAX, 0, &mut each)
    }

    fn scan_from_base(
        &self,
        path: &Path,
        end_ordinal: u64,
        depth: u16,
        each: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<ScanReport, ReadError> {
        let mut is_first_meta = true;
        scan(path, |mut record| {
            record.position.file = Position::OWN_FILE - depth;
            if depth > 0 && record.ordinal.is_none_or(|ordinal| ordinal >= end_ordinal) {
                // Behind the point where the fork left, or what a revert took back, or not of the numbered history at all.
                return ControlFlow::Continue(());
            }
            let Body::SessionMeta(meta) = &record.body else { return each(record) };
            let base = meta.history_base.filter(|_| is_first_meta && depth < MAX_DEPTH);
            is_first_meta = false;
            if depth == 0 {
                each(record)?;
            }
            base.map_or(ControlFlow::Continue(()), |base| self.scan_base(base, end_ordinal, depth, each))
        })
    }

    fn scan_base(
        &self,
        base: HistoryBase,
        end_ordinal: u64,
        depth: u16,
        each: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(path) = Bases::new(self).find(base.thread_id) else {
            tracing::warn!(segment = %base.thread_id, "what a thread continues is gone; its history starts behind it");
            return ControlFlow::Continue(());
        };
        let mut flow = ControlFlow::Continue(());
        let end_ordinal = end_ordinal.min(base.end_ordinal_exclusive);
        let scanned = self.scan_from_base(&path, end_ordinal, depth + 1, &mut |record| {
            flow = each(record);
            flow
        });
        if let Err(error) = scanned {
            tracing::warn!(%error, "cannot read what a thread continues; its history starts behind it");
        }
        flow
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

    fn find(&self, segment: Uuid) -> Option<PathBuf> {
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
