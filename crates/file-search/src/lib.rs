//! Finding files by a few letters of their path.
//!
//! An [`Index`] holds the names below some folders. It is walked once and brought up to date before each search by asking
//! every folder whether it has changed, so that a search finds what is there now and does not read what has not changed.
//!
//! - [`index`]: the names, and keeping them up to date
//! - [`walk`]: reading folders: what is ignored, which links are followed
//! - [`rank`]: what matches a query, and how well
//!
//! It knows no wire and no runtime: everything blocks and ends early when its [`Stop`] is set.

mod index;
mod rank;
mod walk;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use index::Index;
pub use rank::Hit;

/// What a name stands for; a link is what it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A file, or anything that is no folder.
    File,
    /// A folder.
    Directory,
}

/// Tells work to end early, from wherever a clone of it is.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends the work soon; what it has by then is its result.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Says whether the work is to end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
