//! Finding, archiving, deleting, naming and locking threads.

use std::fs;
use std::time::{Duration, SystemTime};

use app_server_rollout::{
    GitChange, GitInfo, ListQuery, LockError, MoveError, Scope, SourceFilter, WriterLock,
};
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
fn changes_of_the_git_state_add_up() {
    let home = Home::new();
    let path = home.add_file("2026-03-01T09-00-00", 1, "legacy_094.jsonl");
    let recorded = home.store.header(&path).unwrap().meta.git;
    let metadata = home.store.metadata();
    let text = |text: &str| Some(Some(text.to_owned()));
    metadata.set_git(id(1), GitChange { branch: text("topic"), ..GitChange::default() }).unwrap();
    metadata.set_git(id(2), GitChange { branch: text("other"), ..GitChange::default() }).unwrap();
    metadata
        .set_git(
            id(1),
            GitChange { commit_hash: Some(None), repository_url: text("u"), ..GitChange::default() },
        )
        .unwrap();
    let changed = Some(GitInfo {
        branch: Some("topic".to_owned()),
        commit_hash: None,
        repository_url: Some("u".to_owned()),
    });
    assert_eq!(home.store.header(&path).unwrap().meta.git, changed);
    let page = home.store.list(&ListQuery { sources: SourceFilter::Any, ..ListQuery::default() }).unwrap();
    assert_eq!(page.entries[0].meta.git, changed);

    // Another program appends, not only what can be read.
    let file = home.path().join("thread_metadata.jsonl");
    let mut lines = fs::read_to_string(&file).unwrap();
    lines.push_str(&format!(
        "{{\"id\":\"{}\",\"git\":{{\"branch\":null,\"repository_url\":null}}}}\n{{\"id\":",
        id(1)
    ));
    fs::write(&file, lines).unwrap();
    assert_eq!(home.store.header(&path).unwrap().meta.git, None, "nothing is left of it");

    fs::remove_file(&file).unwrap();
    assert_eq!(home.store.header(&path).unwrap().meta.git, recorded);
}

#[test]
fn a_thread_knows_what_it_spawned() {
    let home = Home::new();
    let add = |n: u128, more: &str| {
        let meta = format!(
            r#"{{"timestamp":"2026-03-01T09:00:00.000Z","type":"session_meta","payload":{{"id":"{}","timestamp":"2026-03-01T09:00:00.000Z","cwd":"/w","originator":"o","cli_version":"0"{more}}}}}"#,
            id(n)
        );
        home.add("2026-03-01T09-00-00", id(n), format!("{meta}\n").as_bytes())
    };
    add(1, "");
    add(2, &format!(r#","parent_thread_id":"{}""#, id(1)));
    let spawn =
        format!(r#""source":{{"subagent":{{"thread_spawn":{{"parent_thread_id":"{}","depth":1}}}}}}"#, id(1));
    let archived = add(3, &format!(",{spawn}"));
    add(4, &format!(r#","parent_thread_id":"{}""#, id(2)));
    add(5, r#","source":{"subagent":"review"}"#);
    home.add("2026-03-01T09-00-00", id(6), b"rubbish\n");
    home.store.archive(&archived).unwrap();
    assert_eq!(home.store.children(id(1)).unwrap(), [id(2), id(3)]);
    assert_eq!(home.store.children(id(2)).unwrap(), [id(4)]);
    assert!(home.store.children(id(4)).unwrap().is_empty());
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
