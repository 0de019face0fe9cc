//! The calls a server is at work on, so that what it asks meanwhile gets to the thread that called.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::thread::ThreadShared;
use crate::turn::TurnContext;

/// On whose behalf a server is called.
#[derive(Clone)]
pub(crate) struct Scope {
    /// What the thread calls the server.
    pub(crate) server: String,
    pub(crate) thread: Arc<ThreadShared>,
    /// None when the client calls by itself.
    pub(crate) turn: Option<Arc<TurnContext>>,
}

/// The open calls of one server. The lock is held for a look or a change.
#[derive(Default)]
pub(crate) struct Calls {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Scope>>,
}

/// An open call.
pub(crate) struct OpenCall {
    calls: Arc<Calls>,
    pub(crate) tag: u64,
}

impl Calls {
    pub(crate) fn open(self: &Arc<Self>, scope: Scope) -> OpenCall {
        let tag = self.next.fetch_add(1, Ordering::Relaxed);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(tag, scope);
        OpenCall { calls: Arc::clone(self), tag }
    }

    pub(super) fn get(&self, tag: u64) -> Option<Scope> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&tag).cloned()
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        let scope = self.calls.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.tag);
        // Outside of the lock: it may be the last of its thread.
        drop(scope);
    }
}
