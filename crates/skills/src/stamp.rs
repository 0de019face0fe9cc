//! Telling whether a file or folder is as it was, by what the system says of it and without reading it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Clocks of file systems are coarse: what changed this shortly before it was looked at may change again unnoticed.
const COARSE: Duration = Duration::from_millis(100);

/// How a path was when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// There was nothing.
    Absent,
    /// It had just changed, so nothing can be said.
    Unsettled,
    /// Inode, size, and when it last changed: seconds and nanoseconds.
    Seen(u64, u64, i64, i64),
}

impl Stamp {
    /// Looks at a path, to be compared with later looks.
    pub(crate) fn take(path: &Path) -> Self {
        path.metadata().map_or(Stamp::Absent, |meta| Self::of(&meta))
    }

    fn of(meta: &Metadata) -> Self {
        let changed = Duration::new(
            u64::try_from(meta.ctime()).unwrap_or_default(),
            u32::try_from(meta.ctime_nsec()).unwrap_or_default(),
        );
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        if now.saturating_sub(changed) < COARSE {
            return Stamp::Unsettled;
        }
        Stamp::Seen(meta.ino(), meta.size(), meta.ctime(), meta.ctime_nsec())
    }

    /// Whether the path is now as it was then.
    pub(crate) fn still_holds(self, path: &Path) -> bool {
        self != Stamp::Unsettled && Stamp::take(path) == self
    }

    /// Whether the path is surely not as it was then.
    pub(crate) fn is_outdated(self, path: &Path) -> bool {
        self != Stamp::Unsettled && Stamp::take(path) != self
    }
}
