//! Threads that 0.169 has reverted: several files of one thread, of which the newest counts.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use app_server_rollout::{Batch, ListQuery, Position, RolloutWriter, Scope, SortKey};
use expect_test::expect;
use pretty_assertions::assert_eq;

use crate::support::{Home, id, record_lines};

/// Thread 3, reverted twice, and thread 4, forked from it after the second revert. Segment ids grow; the last name's
/// time is before the others', as it is after a journey westward.
struct Reverted {
    home: Home,
    /// Oldest first.
    files: [PathBuf; 3],
    fork: PathBuf,
}

fn reverted() -> Reverted {
    let home = Home::new();
    let files = [
        home.add_file("2026-03-01T09-00-00", 3, "paginated_169.jsonl"),
        home.add_segment("2026-03-02T10-00-00", 3, 0xb1, (3, 7), "Hedge?"),
        home.add_segment("2026-03-01T08-00-00", 3, 0xb2, (0xb1, 9), "Lawn?"),
    ];
    let fork = home.add_segment("2026-03-03T09-00-00", 4, 0xb3, (0xb2, 10), "Pond?");
    Reverted { home, files, fork }
}

fn ordinals(home: &Home, path: &Path) -> String {
    let mut all = Vec::new();
    let each = |record: app_server_rollout::Record<'_>| {
        all.push(format!("{} {}", record.ordinal.unwrap(), record.kind()));
        ControlFlow::Continue(())
    };
    home.store.scan_history(path, each).unwrap();
    all.join(", ")
}

fn listed(home: &Home, archived: bool) -> Vec<PathBuf> {
    let page = home.store.list(&ListQuery { archived, ..ListQuery::default() }).unwrap();
    page.entries.into_iter().map(|entry| entry.path).collect()
}

#[test]
fn a_reverted_thread_is_its_newest_file() {
    let Reverted { home, files, fork } = reverted();
    assert_eq!(home.store.find(id(3), Scope::Any).unwrap().unwrap().path, files[2]);
    assert_eq!(home.store.find(id(0xb1), Scope::Any).unwrap(), None);
    assert_eq!(listed(&home, false), [fork, files[2].clone()]);

    // Where the names' times are as good as they get: two reverts in one second.
    let twin = home.add_segment("2026-03-01T08-00-00", 3, 0xb4, (0xb2, 9), "");
    assert_eq!(home.store.find(id(3), Scope::Any).unwrap().unwrap().path, twin);
}

#[test]
fn a_history_is_read_through_the_segments() {
    let Reverted { home, files, fork } = reverted();
    expect!["7 session_meta, 1 event_msg, 2 response_item, 3 event_msg, 4 turn_context, 5 event_msg, 6 response_item, 8 event_msg"]
        .assert_eq(&ordinals(&home, &files[1]));
    expect!["9 session_meta, 1 event_msg, 2 response_item, 3 event_msg, 4 turn_context, 5 event_msg, 6 response_item, 8 event_msg, 10 event_msg"]
        .assert_eq(&ordinals(&home, &files[2]));
    // Less of the last segment than it holds.
    expect!["10 session_meta, 1 event_msg, 2 response_item, 3 event_msg, 4 turn_context, 5 event_msg, 6 response_item, 8 event_msg, 11 event_msg"]
        .assert_eq(&ordinals(&home, &fork));
    assert_eq!(home.store.header(&files[2]).unwrap().preview.as_deref(), Some("Prune the roses"));

    // A revert to the beginning leaves nothing of what was asked before.
    let restarted = home.add_segment("2026-03-04T09-00-00", 3, 0xb5, (3, 1), "");
    assert_eq!(ordinals(&home, &restarted), "1 session_meta");
    assert_eq!(home.store.header(&restarted).unwrap().preview, None);
}

#[test]
fn places_are_in_the_order_of_the_history() {
    let Reverted { home, files, fork } = reverted();
    let mut places = Vec::new();
    let each = |record: app_server_rollout::Record<'_>| {
        places.push(record.position);
        ControlFlow::Continue(())
    };
    home.store.scan_history(&fork, each).unwrap();
    // The fork's own first record is read before what it continues.
    assert_eq!(places[0], Position { file: Position::OWN_FILE, offset: 0 });
    assert!(places[1..].is_sorted());
    let own = Position::OWN_FILE;
    let mut used: Vec<u16> = places.iter().map(|place| place.file).collect();
    used.dedup();
    assert_eq!(used, [own, own - 3, own - 2, own], "{files:?}");
}

#[test]
fn a_thread_is_appended_to_at_its_newest_file() {
    let Reverted { home, files, .. } = reverted();
    let before = files.each_ref().map(|file| fs::read(file).unwrap());
    let found = home.store.find(id(3), Scope::Live).unwrap().unwrap().path;
    let report = home.store.scan_history(&found, |_| ControlFlow::Continue(())).unwrap();
    let mut writer = RolloutWriter::open_scanned(&found, &report).unwrap();
    let mut batch = Batch::new();
    batch.event("task_started", &serde_json::json!({"turn_id": "t"})).unwrap();
    writer.append(&batch).unwrap();
    assert!(record_lines(&files[2]).last().unwrap().contains(r#""ordinal":11,"#));
    assert_eq!(
        [&files[0], &files[1]].map(|file| fs::read(file).unwrap()),
        [before[0].clone(), before[1].clone()]
    );
}

#[test]
fn all_files_of_a_thread_move_together_and_are_deleted_together() {
    let Reverted { home, files, fork } = reverted();
    let history = ordinals(&home, &files[2]);
    // Any file stands for the thread.
    for file in &files {
        let archived = home.store.archive(file).unwrap();
        assert_eq!(archived, home.path().join("archived_sessions").join(file.file_name().unwrap()));
        assert_eq!(home.store.find(id(3), Scope::Live).unwrap(), None);
        assert_eq!(listed(&home, false), std::slice::from_ref(&fork));
        let [newest] = listed(&home, true).try_into().unwrap();
        assert_eq!(newest.file_name(), files[2].file_name());
        assert_eq!(ordinals(&home, &newest), history);
        assert_eq!(home.store.unarchive(&archived).unwrap(), *file);
        assert_eq!(files.each_ref().map(|file| file.exists()), [true; 3]);
    }
    let archived = home.store.archive(&files[1]).unwrap();
    home.store.delete(&archived).unwrap();
    assert_eq!(fs::read_dir(home.path().join("archived_sessions")).unwrap().count(), 0);
    assert_eq!(listed(&home, false), std::slice::from_ref(&fork));
    assert!(fork.exists());
}

#[test]
fn a_file_in_the_way_of_one_keeps_all_in_place() {
    let Reverted { home, files, .. } = reverted();
    let blocked = home.path().join("archived_sessions").join(files[1].file_name().unwrap());
    fs::create_dir_all(blocked.parent().unwrap()).unwrap();
    fs::write(&blocked, "another").unwrap();
    home.store.archive(&files[2]).unwrap_err();
    assert_eq!(files.each_ref().map(|file| file.exists()), [true; 3]);
    assert_eq!(fs::read(&blocked).unwrap(), b"another");
}

/// A directory of a rollout's name cannot be moved over a link, and a link to nothing is no file in the way.
#[cfg(unix)]
#[test]
fn what_was_moved_before_a_failure_moves_back() {
    let Reverted { home, files, .. } = reverted();
    fs::remove_file(&files[2]).unwrap();
    fs::create_dir(&files[2]).unwrap();
    let archive = home.path().join("archived_sessions");
    fs::create_dir_all(&archive).unwrap();
    std::os::unix::fs::symlink("nowhere", archive.join(files[2].file_name().unwrap())).unwrap();
    home.store.archive(&files[0]).unwrap_err();
    assert_eq!(files.each_ref().map(|file| file.exists()), [true; 3]);
    assert_eq!(fs::read_dir(&archive).unwrap().count(), 1);
}

#[test]
fn files_with_one_id_and_no_segment_stay_strangers() {
    let home = Home::new();
    let older = home.add_file("2026-03-01T09-00-00", 1, "legacy_094.jsonl");
    let newer = home.add_file("2026-03-02T09-00-00", 1, "legacy_094.jsonl");
    assert_eq!(listed(&home, false), std::slice::from_ref(&newer));
    home.store.archive(&newer).unwrap();
    assert_eq!(home.store.find(id(1), Scope::Any).unwrap().unwrap().path, older);
    home.store.delete(&older).unwrap();
    assert_eq!(listed(&home, true).len(), 1);
}

#[test]
fn pages_show_each_thread_once_in_every_order() {
    let home = Home::new();
    for n in 1..=20 {
        home.add_file(&format!("2026-03-01T09-{n:02}-00"), n, "paginated_169.jsonl");
        // Spread over the list, away from the file each continues.
        for m in 0..n % 3 {
            home.add_segment(
                &format!("2026-03-{:02}T08-00-00", 2 + (n * 7 + m) % 9),
                n,
                0x100 * (m + 1) + n,
                (n, 7),
                "x",
            );
        }
    }
    for sort_key in [SortKey::CreatedAt, SortKey::UpdatedAt] {
        for (limit, descending) in [(1, true), (3, true), (3, false), (7, false), (100, true)] {
            let mut query = ListQuery { limit, sort_key, descending, ..ListQuery::default() };
            let mut seen = Vec::new();
            loop {
                let page = home.store.list(&query).unwrap();
                seen.extend(page.entries.into_iter().map(|entry| entry.path));
                let Some(cursor) = page.next_cursor else { break };
                query.cursor = Some(cursor.to_string().parse().unwrap());
            }
            seen.sort();
            let mut newest: Vec<PathBuf> =
                (1..=20).map(|n| home.store.find(id(n), Scope::Live).unwrap().unwrap().path).collect();
            newest.sort();
            assert_eq!(seen, newest, "{sort_key:?} {limit} {descending}");
        }
    }
}
