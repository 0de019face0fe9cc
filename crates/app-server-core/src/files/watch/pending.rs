//! What has changed and was not told yet.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tokio::time::Instant;

use super::{AT_LATEST, QUIET};

/// As many paths are named; of more only the watched path is.
const MAX_PATHS: usize = 8192;

#[derive(Default)]
pub(super) struct Pending {
    paths: BTreeSet<PathBuf>,
    /// There were too many of them.
    is_full: bool,
    /// When the first of them changed and when the last one did.
    since: Option<(Instant, Instant)>,
}

impl Pending {
    /// Adds a path; `watched` stands for all when there are too many.
    pub(super) fn add(&mut self, path: PathBuf, watched: &Path, now: Instant) {
        if !self.is_full {
            self.paths.insert(path);
        }
        if self.paths.len() > MAX_PATHS {
            self.is_full = true;
            self.paths = BTreeSet::from([watched.to_owned()]);
        }
        let first = self.since.map_or(now, |(first, _)| first);
        self.since = Some((first, now));
    }

    /// When it is to be told; nothing while there is nothing.
    pub(super) fn due(&self) -> Option<Instant> {
        self.since.map(|(first, last)| (last + QUIET).min(first + AT_LATEST))
    }

    /// Returns the paths in their order and forgets them.
    pub(super) fn take(&mut self) -> Vec<PathBuf> {
        self.since = None;
        self.is_full = false;
        std::mem::take(&mut self.paths).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_waits_for_quiet_but_not_for_ever() {
        let mut pending = Pending::default();
        let (root, begin) = (Path::new("/w"), Instant::now());
        assert_eq!(pending.due(), None);
        for step in 0..20 {
            let now = begin + Duration::from_millis(90) * step;
            pending.add(root.join(format!("{step:02}")), root, now);
            let expected = (now + QUIET).min(begin + AT_LATEST);
            assert_eq!(pending.due(), Some(expected));
        }
        let paths = pending.take();
        assert_eq!((paths.len(), paths.first()), (20, Some(&root.join("00"))));
        assert_eq!((pending.due(), pending.take()), (None, Vec::new()));
    }

    #[test]
    fn too_many_paths_become_one() {
        let mut pending = Pending::default();
        let (root, now) = (Path::new("/w"), Instant::now());
        for number in 0..3 * MAX_PATHS {
            pending.add(root.join(number.to_string()), root, now);
        }
        assert_eq!(pending.take(), [root]);
        pending.add(root.to_owned(), root, now);
        pending.add(root.join("a"), root, now);
        assert_eq!(pending.take(), [root.to_owned(), root.join("a")]);
    }
}
