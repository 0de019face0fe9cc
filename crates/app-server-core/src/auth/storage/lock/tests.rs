//! One holder at a time, of threads and of processes.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use super::*;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn one_at_a_time() {
    let home = tempfile::tempdir().unwrap();
    let first = StorageLock::acquire(home.path(), Duration::ZERO).unwrap();
    let second = StorageLock::acquire(home.path(), Duration::from_millis(30));
    assert!(matches!(second, Err(StorageError::Locked)), "{second:?}");
    drop(first);
    // A process that another test starts has our files until it runs its program.
    StorageLock::acquire(home.path(), Duration::from_secs(30)).unwrap();

    assert_eq!(mode(&home.path().join("app-server")), 0o700);
    assert_eq!(mode(&home.path().join("app-server/auth.lock")), 0o600);
}

#[test]
fn whoever_waits_gets_it_next() {
    let home = tempfile::tempdir().unwrap();
    let first = StorageLock::acquire(home.path(), Duration::ZERO).unwrap();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| StorageLock::acquire(home.path(), Duration::from_secs(60)));
        drop(first);
        second.join().unwrap().unwrap();
    });
}

/// A lock belongs to an open file, which a child process is given here.
#[test]
fn the_death_of_a_process_frees_it() {
    let home = tempfile::tempdir().unwrap();
    let lock = StorageLock::acquire(home.path(), Duration::ZERO).unwrap();
    let mut holder =
        Command::new("sleep").arg("600").stdin(Stdio::from(lock._lock.into_file())).spawn().unwrap();

    let meanwhile = StorageLock::acquire(home.path(), Duration::ZERO);
    assert!(matches!(meanwhile, Err(StorageError::Locked)), "{meanwhile:?}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    StorageLock::acquire(home.path(), Duration::ZERO).unwrap();
}

#[test]
fn a_home_that_cannot_be_written_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("app-server"), "a file").unwrap();
    let lock = StorageLock::acquire(home.path(), Duration::from_secs(60));
    assert!(matches!(lock, Err(StorageError::Io { .. })), "{lock:?}");
}
