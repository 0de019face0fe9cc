//! Finding, archiving, deleting, naming and locking threads.

use std::fs;
use std::time::{Duration, SystemTime};

use app_server_rollout::{LockError, MoveError, Scope, WriterLock};
use pretty_assertions::assert_eq;

use crate::support::{Home, file, id};

#[test]
fn a_thread_is_found_by_its_file_name_whoever_made_it() {
    let home = Home::new();
    assert_eq!(home.store.find(id(1), Scope::Any).unwrap(), None);
    let path = home.add_file("2026-03-01T09-00-00", 1, "legacy_094.jsonl");
    assert_eq!(home.store.find(id(1), Scope::Any).unwrap().unwrap().path, path);
    assert_eq!(home.store.find(id(1), Scope::Archived).unwrap(), None);
    // A new file in a known directory, in a new one, and a newer file of the same thread.
    let other = home.add_file("2026-03-01T10-00-00", 2, "legacy_169.jsonl");
    let newer = home.add_file("2026-04-02T10-00-00", 1, "legacy_094.jsonl");
    assert_eq!(home.store.find(id(2), Scope::Live).unwrap().unwrap().path, other);
    assert_eq!(home.store.find(id(1), Scope::Live).unwrap().unwrap().path, newer);
    fs::remove_file(newer).unwrap();
    assert_eq!(home.store.find(id(1), Scope::Live).unwrap().unwrap().path, path);
    fs::remove_dir_all(home.path().join("sessions")).unwrap();
    assert_eq!(home.store.find(id(1), Scope::Any).unwrap(), None);
}

#[test]
fn archive_keeps_the_time_and_unarchive_renews_it() {
    let home = Home::new();
    let path = home.add_file("2026-03-01T09-00-00", 1, "legacy_094.jsonl");
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    fs::File::open(&path).unwrap().set_modified(long_ago).unwrap();

    let archived = home.store.archive(&path).unwrap();
    assert_eq!(archived, home.path().join("archived_sessions").join(path.file_name().unwrap()));
    assert_eq!(fs::metadata(&archived).unwrap().modified().unwrap(), long_ago);
    assert_eq!(home.store.find(id(1), Scope::Live).unwrap(), None);
    let found = home.store.find(id(1), Scope::Any).unwrap().unwrap();
    assert!(found.archived && found.path == archived);
    assert!(home.store.header(&archived).unwrap().archived);

    let back = home.store.unarchive(&archived).unwrap();
    assert_eq!(back, path);
    assert!(home.store.header(&back).unwrap().updated_at > 1_700_000_000);
    assert_eq!(home.store.find(id(1), Scope::Archived).unwrap(), None);
}

#[test]
fn a_move_never_leaves_its_place_or_replaces_a_file() {
    let home = Home::new();
    let path = home.add_file("2026-03-01T09-00-00", 1, "legacy_094.jsonl");
    let archived = home.path().join("archived_sessions").join(path.file_name().unwrap());
    fs::create_dir_all(archived.parent().unwrap()).unwrap();
    fs::write(&archived, "another").unwrap();
    assert!(matches!(home.store.archive(&path), Err(MoveError::Exists(_))));
    assert_eq!(fs::read(&archived).unwrap(), b"another");
    assert!(path.exists());

    let outside = home.path().join(path.file_name().unwrap());
    fs::copy(&path, &outside).unwrap();
    let climbing = path.parent().unwrap().join("../../../..").join(path.file_name().unwrap());
    for path in [&outside, &climbing, &home.path().join("sessions/2026/03/01/notes.txt")] {
        assert!(matches!(home.store.archive(path), Err(MoveError::NotThere { .. })), "{path:?}");
        assert!(matches!(home.store.delete(path), Err(MoveError::NotThere { .. })), "{path:?}");
    }
    assert!(matches!(home.store.unarchive(&path), Err(MoveError::NotThere { .. })));
    assert!(outside.exists());
}

#[test]
fn both_forms_of_a_rollout_move_and_go_together() {
    let home = Home::new();
    let path = home.add_file("2026-03-01T09-00-00", 1, "legacy_094.jsonl");
    fs::write(path.with_extension("jsonl.zst"), "stale").unwrap();
    let archived = home.store.archive(&path).unwrap();
    assert_eq!(home.store.find(id(1), Scope::Live).unwrap(), None);
    home.store.delete(&archived).unwrap();
    assert_eq!(home.store.find(id(1), Scope::Any).unwrap(), None);
    assert_eq!(fs::read_dir(home.path().join("archived_sessions")).unwrap().count(), 0);
    home.store.delete(&archived).unwrap();
}

#[test]
fn a_new_thread_lies_under_its_local_day() {
    let home = Home::new();
    let now = "2026-03-01T00:10:00+02:00[+02:00]".parse().unwrap();
    assert_eq!(home.store.new_path(id(1), &now), home.rollout("2026-03-01T00-10-00", id(1)));
}

#[test]
fn the_last_name_wins_and_lines_are_only_added() {
    let home = Home::new();
    let index = home.path().join("session_index.jsonl");
    let names = home.store.names();
    assert_eq!(names.get(id(1)).unwrap(), None);
    names.set(id(1), "First").unwrap();
    names.set(id(2), "Other").unwrap();
    assert_eq!(names.get(id(1)).unwrap().as_deref(), Some("First"));

    // Another program appends: a torn line, then ours on a line of its own.
    let mut text = fs::read_to_string(&index).unwrap();
    let line = format!(r#"{{"id":"{}","thread_name":"Second","updated_at":"2026-03-01T09:00:00Z"}}"#, id(1));
    text.push_str(&line);
    text.push_str("\nrubbish\n{\"id\":\"");
    fs::write(&index, &text).unwrap();
    assert_eq!(names.get(id(1)).unwrap().as_deref(), Some("Second"));
    names.set(id(1), "Third \"3\"").unwrap();
    assert_eq!(names.get(id(1)).unwrap().as_deref(), Some("Third \"3\""));
    assert_eq!(names.get(id(2)).unwrap().as_deref(), Some("Other"));
    assert!(fs::read_to_string(&index).unwrap().starts_with(&text));

    fs::remove_file(&index).unwrap();
    assert_eq!(names.get(id(1)).unwrap(), None);
}

#[test]
fn a_thread_has_one_writer() {
    let home = Home::new();
    let directory = home.path().join("thread-writer-locks");
    let lock = WriterLock::acquire(home.path(), id(1)).unwrap();
    assert!(directory.join(format!("{}.lock", id(1))).exists());
    let error = WriterLock::acquire(home.path(), id(1)).unwrap_err();
    assert!(matches!(error, LockError::Held(_)));
    assert_eq!(error.to_string(), format!("thread {} already has an active writer", id(1)));
    let _other = WriterLock::acquire(home.path(), id(2)).unwrap();
    drop(lock);
    assert!(!directory.join(format!("{}.lock", id(1))).exists());
    drop(WriterLock::acquire(home.path(), id(1)).unwrap());
    assert!(directory.join(".coordination.lock").exists());
}

#[test]
fn a_lock_file_left_by_a_killed_process_does_not_hold() {
    let home = Home::new();
    let directory = home.path().join("thread-writer-locks");
    fs::create_dir_all(&directory).unwrap();
    fs::copy(file("empty.jsonl"), directory.join(format!("{}.lock", id(1)))).unwrap();
    WriterLock::acquire(home.path(), id(1)).unwrap();
}
