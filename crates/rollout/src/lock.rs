//! One writer per thread across processes, by the lock files of 0.169 (rollouts.md 11). Must not know rollouts.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use uuid::Uuid;

const DIRECTORY: &str = "thread-writer-locks";
const COORDINATION: &str = ".coordination.lock";

/// The coordination lock is held for a few system calls; whoever holds it longer is stopped or broken, and must
/// not stop us.
const COORDINATION_WAIT: Duration = Duration::from_secs(2);
const COORDINATION_POLL: Duration = Duration::from_millis(2);

/// Why a thread cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process, or another part of this one, is the thread's writer. The text is what clients match.
    #[error("thread {0} already has an active writer")]
    Held(Uuid),
    /// The lock files cannot be used.
    #[error("cannot lock thread: {0}")]
    Io(#[from] io::Error),
}

/// The right to append to a thread; dropping it gives it back and removes the lock file.
#[derive(Debug)]
pub struct WriterLock {
    directory: PathBuf,
    path: PathBuf,
    /// Locked until closed.
    file: Option<File>,
}

impl WriterLock {
    /// Takes the lock of thread `id` under `codex_home`.
    ///
    /// # Errors
    /// [`LockError::Held`] when there is a writer already, else the system's.
    pub fn acquire(codex_home: &Path, id: Uuid) -> Result<Self, LockError> {
        let directory = codex_home.join(DIRECTORY);
        fs::create_dir_all(&directory)?;
        let _coordination = coordinate(&directory)?;
        let path = directory.join(format!("{id}.lock"));
        let file = open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { directory, path, file: Some(file) }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held(id)),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // Without coordination another process could lock the file just before it is removed, and a third one a
        // new file of the same name. A file left behind is harmless, so then it stays.
        if let Ok(_coordination) = coordinate(&self.directory) {
            let _ = fs::remove_file(&self.path);
            self.file = None;
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

fn coordinate(directory: &Path) -> io::Result<File> {
    let file = open(&directory.join(COORDINATION))?;
    let deadline = Instant::now() + COORDINATION_WAIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(TryLockError::WouldBlock) => thread::sleep(COORDINATION_POLL),
        }
    }
}
