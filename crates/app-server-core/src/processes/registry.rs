//! What runs, by the names clients gave it, and what may be asked of it meanwhile. Asking never waits: what cannot be
//! queued is refused.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::checks::{Order, Size, input};
use super::stdin::{Stdin, Write};
use crate::error::CoreError;
use crate::host::Reply;

/// How many of a family may be registered, those that wait for their turn included.
const REGISTERED: usize = 1024;
/// Writes that wait for a process to read.
const QUEUED_WRITES: usize = 1024;
/// What those may hold; one write of any size is taken.
const QUEUED_BYTES: usize = 16 * 1024 * 1024;
/// Changes of size that wait to be made.
const QUEUED_SIZES: usize = 64;

/// The two families; their names are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Command,
    Process,
}

impl Family {
    fn duplicate(self, id: &str) -> CoreError {
        CoreError::Invalid(match self {
            Family::Command => format!("duplicate active command/exec process id: {id:?}"),
            Family::Process => format!("duplicate active process handle: {id:?}"),
        })
    }

    /// What is said of a name that nothing runs under.
    pub(super) fn unknown(self, id: &str) -> CoreError {
        CoreError::Invalid(match self {
            Family::Command => format!("no active command/exec for process id {id:?}"),
            Family::Process => format!("no active process for process handle {id:?}"),
        })
    }

    fn takes_no_input(self) -> CoreError {
        CoreError::Invalid(match self {
            Family::Command => "stdin streaming is not enabled for this command/exec".to_owned(),
            Family::Process => "stdin streaming is not enabled for this process".to_owned(),
        })
    }

    fn write_method(self) -> &'static str {
        match self {
            Family::Command => "command/exec/write",
            Family::Process => "process/writeStdin",
        }
    }
}

/// Answers a request whose result is empty.
pub(super) type Done = Box<dyn FnOnce(Result<(), CoreError>) + Send>;

/// Makes one of a reply.
pub(super) fn done<T: Default + 'static>(reply: Reply<T>) -> Done {
    Box::new(|result| reply.send(result.map(|()| T::default())))
}

/// A change of a terminal's size, and who is to be told.
pub(super) struct Resize {
    pub(super) size: Size,
    pub(super) done: Done,
}

/// What is kept of a process for those who name it.
pub(super) struct Entry {
    is_terminal: bool,
    takes_input: bool,
    writes: mpsc::Sender<Write>,
    queued: Arc<AtomicUsize>,
    sizes: mpsc::Sender<Resize>,
    kill: CancellationToken,
}

/// The other ends, held by the task of the process.
pub(super) struct Reins {
    pub(super) stdin: Stdin,
    pub(super) sizes: mpsc::Receiver<Resize>,
    pub(super) kill: CancellationToken,
}

/// Makes both.
pub(super) fn entry(order: &Order) -> (Entry, Reins) {
    let (writes, written) = mpsc::channel(QUEUED_WRITES);
    let (sizes, resized) = mpsc::channel(QUEUED_SIZES);
    let queued = Arc::new(AtomicUsize::new(0));
    let kill = CancellationToken::new();
    let is_terminal = order.terminal.is_some();
    let reins = Reins {
        stdin: Stdin::new(written, Arc::clone(&queued), is_terminal),
        sizes: resized,
        kill: kill.clone(),
    };
    (Entry { is_terminal, takes_input: order.takes_input, writes, queued, sizes, kill }, reins)
}

/// The processes of a family. The lock is held for a look, and while something is queued, so that whoever has been taken
/// out of the table finds all of its queue.
#[derive(Default)]
pub(super) struct Table {
    entries: Mutex<HashMap<String, Entry>>,
}

impl Table {
    /// Takes a new one.
    pub(super) fn add(&self, family: Family, id: &str, entry: Entry) -> Result<(), CoreError> {
        let mut entries = self.lock();
        let count = entries.len();
        match entries.entry(id.to_owned()) {
            Place::Occupied(_) => Err(family.duplicate(id)),
            Place::Vacant(_) if count >= REGISTERED => {
                Err(CoreError::Internal(format!("{REGISTERED} processes run or wait already")))
            }
            Place::Vacant(place) => {
                place.insert(entry);
                Ok(())
            }
        }
    }

    pub(super) fn remove(&self, id: &str) {
        self.lock().remove(id);
    }

    /// Queues what is to be written; answered when the process has been given it.
    pub(super) fn write(&self, family: Family, id: &str, delta: Option<&str>, close: bool, done: Done) {
        let bytes = match input(family.write_method(), delta, close) {
            Ok(bytes) => bytes,
            Err(error) => return done(Err(error)),
        };
        let entries = self.lock();
        let refusal = match entries.get(id) {
            None => family.unknown(id),
            Some(entry) if !entry.takes_input => family.takes_no_input(),
            Some(entry) => return entry.write(Write { bytes, close, done }),
        };
        drop(entries);
        done(Err(refusal));
    }

    /// Queues a change of size.
    pub(super) fn resize(&self, family: Family, id: &str, size: Size, done: Done) {
        let entries = self.lock();
        let (done, refusal) = match entries.get(id) {
            None => (done, family.unknown(id)),
            Some(entry) if !entry.is_terminal => {
                let text = "failed to resize PTY: process is not attached to a PTY";
                (done, CoreError::Invalid(text.to_owned()))
            }
            Some(entry) => match entry.sizes.try_send(Resize { size, done }) {
                Ok(()) => return,
                Err(refused) => {
                    let text = "too many changes of size wait already";
                    (refused.into_inner().done, CoreError::Internal(text.to_owned()))
                }
            },
        };
        drop(entries);
        done(Err(refusal));
    }

    /// Ends a process; that it has ended is told by its own task.
    pub(super) fn kill(&self, family: Family, id: &str, done: Done) {
        let entries = self.lock();
        let result = match entries.get(id) {
            None => Err(family.unknown(id)),
            Some(entry) => {
                // First the answer: what follows from it comes later.
                done(Ok(()));
                return entry.kill.cancel();
            }
        };
        drop(entries);
        done(result);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn write(&self, write: Write) {
        let size = write.bytes.len();
        let before = self.queued.fetch_add(size, Ordering::Relaxed);
        let refused = if before > 0 && before.saturating_add(size) > QUEUED_BYTES {
            write
        } else {
            match self.writes.try_send(write) {
                Ok(()) => return,
                Err(refused) => refused.into_inner(),
            }
        };
        self.queued.fetch_sub(size, Ordering::Relaxed);
        (refused.done)(Err(CoreError::Internal("the process does not read its input".to_owned())));
    }
}
