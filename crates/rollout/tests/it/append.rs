//! Appending never changes what is there and loses nothing of its own.

use std::fs;
use std::path::Path;

use app_server_rollout::{Batch, HistoryMode, RolloutWriter, SessionMeta, Source};
use expect_test::expect;
use pretty_assertions::assert_eq;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::json;
use serde_json::value::RawValue;

use crate::support::{Home, collect, file, id, record_lines};

fn meta() -> SessionMeta {
    SessionMeta {
        id: id(0x42),
        timestamp: "2026-03-01T09:00:00.000Z".into(),
        cwd: "/w".into(),
        originator: "probe".into(),
        cli_version: "1".into(),
        source: Source::Vscode,
        ..SessionMeta::default()
    }
}

fn one_event(text: &str) -> Batch {
    let mut batch = Batch::new();
    batch.event("agent_message", &json!({"message": text})).unwrap();
    batch
}

/// Returns the file with times replaced.
fn without_times(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let mut out = String::new();
    for line in text.lines() {
        let (head, rest) = line.split_at(r#"{"timestamp":""#.len());
        let (time, rest) = rest.split_once('"').unwrap();
        assert_eq!(time.len(), "2026-03-01T09:00:00.000Z".len(), "{line}");
        out.push_str(&format!("{head}T\"{rest}\n"));
    }
    out
}

#[test]
fn a_new_thread_is_on_disk_with_its_first_batch() {
    let home = Home::new();
    let path = home.rollout("2026-03-01T09-00-00", id(0x42));
    let mut writer = RolloutWriter::pending(path.clone(), meta());
    assert!(!writer.is_on_disk() && !path.exists() && !path.parent().unwrap().exists());

    let mut batch = Batch::new();
    batch.response_item(&json!({"type": "message", "role": "user"})).unwrap();
    batch.event("user_message", &json!({"message": "hi"})).unwrap();
    batch.event("context_compacted", &()).unwrap();
    batch.event("turn_aborted", &json!({})).unwrap();
    let pretty: Box<RawValue> = serde_json::from_str("{\r\n  \"cwd\": \"/w\\n\"\n}").unwrap();
    batch.turn_context(&pretty).unwrap();
    batch.compacted(&json!({"message": "short"})).unwrap();
    assert_eq!(batch.len(), 6);
    writer.append(&batch).unwrap();
    assert!(writer.is_on_disk());
    batch.clear();
    writer.append(&batch).unwrap();

    expect![[r#"
        {"timestamp":"T","type":"session_meta","payload":{"id":"01950000-0000-7000-8000-000000000042","timestamp":"2026-03-01T09:00:00.000Z","cwd":"/w","originator":"probe","cli_version":"1","source":"vscode"}}
        {"timestamp":"T","type":"response_item","payload":{"type":"message","role":"user"}}
        {"timestamp":"T","type":"event_msg","payload":{"type":"user_message","message":"hi"}}
        {"timestamp":"T","type":"event_msg","payload":{"type":"context_compacted"}}
        {"timestamp":"T","type":"event_msg","payload":{"type":"turn_aborted"}}
        {"timestamp":"T","type":"turn_context","payload":{    "cwd": "/w\n" }}
        {"timestamp":"T","type":"compacted","payload":{"message":"short"}}
    "#]].assert_eq(&without_times(&path));
    assert_eq!(collect(&path, |_| ()).unwrap().1.damaged, 0);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn an_event_whose_fields_are_no_object_is_refused_whole() {
    let mut batch = one_event("kept");
    assert!(batch.event("odd", &[1, 2]).is_err());
    assert_eq!(batch.len(), 1);
    let home = Home::new();
    let path = home.path().join("a.jsonl");
    RolloutWriter::create(path.clone(), meta()).unwrap().append(&batch).unwrap();
    assert_eq!(record_lines(&path).len(), 2);
}

#[test]
fn a_legacy_file_goes_on_without_ordinals() {
    let home = Home::new();
    let path = home.add_file("2026-03-01T09-00-00", 2, "legacy_169.jsonl");
    let before = fs::read(&path).unwrap();
    let mut writer = RolloutWriter::open(&path).unwrap();
    assert_eq!(writer.history_mode(), HistoryMode::Legacy);
    writer.append(&one_event("more")).unwrap();
    let after = fs::read(&path).unwrap();
    assert!(after.starts_with(&before));
    let (ordinals, _) = collect(&path, |record| record.ordinal).unwrap();
    assert_eq!(ordinals.last(), Some(&None));
}

#[test]
fn a_paginated_file_goes_on_from_its_highest_ordinal() {
    for (name, lines) in [("paginated_169.jsonl", 8), ("paginated_then_094.jsonl", 14)] {
        let home = Home::new();
        let path = home.add_file("2026-03-01T09-00-00", 3, name);
        let mut writer = RolloutWriter::open(&path).unwrap();
        assert_eq!(writer.history_mode(), HistoryMode::Paginated);
        let mut batch = one_event("eight");
        let source = file("legacy_094.jsonl");
        let copied = collect(&source, |record| batch.copy(record)).unwrap().0.len() as u64;
        writer.append(&batch).unwrap();
        writer.append(&one_event("last")).unwrap();
        let (ordinals, report) = collect(&path, |record| record.ordinal).unwrap();
        assert_eq!(ordinals[lines..].to_vec(), (8..10 + copied).map(Some).collect::<Vec<_>>(), "{name}");
        assert_eq!(report.damaged, 0);
    }
}

#[test]
fn a_file_of_an_unknown_history_mode_is_not_appended_to() {
    let home = Home::new();
    let content = fs::read_to_string(file("paginated_169.jsonl")).unwrap().replace("paginated", "sharded");
    let path = home.add("2026-03-01T09-00-00", id(3), content.as_bytes());
    assert_eq!(RolloutWriter::open(&path).unwrap_err().to_string(), "unknown history mode");
}

#[test]
fn resuming_alone_changes_no_byte_and_appending_starts_a_line() {
    let home = Home::new();
    let path = home.add_file("2026-03-01T09-00-00", 1, "torn.jsonl");
    let before = fs::read(&path).unwrap();
    let sound = record_lines(&path);
    let mut writer = RolloutWriter::open(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    writer.append(&one_event("after the tear")).unwrap();
    let after = record_lines(&path);
    assert_eq!(after[..sound.len()], sound);
    assert_eq!(after.len(), sound.len() + 1);
    assert!(fs::read(&path).unwrap().starts_with(&before));
}

#[test]
fn a_fork_copies_lines_verbatim_and_drops_ordinals() {
    let home = Home::new();
    let path = home.path().join("fork.jsonl");
    let mut writer = RolloutWriter::create(path.clone(), meta()).unwrap();
    let mut batch = Batch::new();
    collect(&file("legacy_169.jsonl"), |record| batch.copy(record).unwrap()).unwrap();
    collect(&file("paginated_169.jsonl"), |record| batch.copy(record).unwrap()).unwrap();
    writer.append(&batch).unwrap();
    let lines = record_lines(&path);
    let legacy = record_lines(&file("legacy_169.jsonl"));
    assert_eq!(lines[1..=legacy.len()], legacy);
    let paginated = collect(&file("paginated_169.jsonl"), |record| {
        let line = String::from_utf8(record.line.to_vec()).unwrap();
        line.replacen(&format!(r#""ordinal":{},"#, record.ordinal.unwrap()), "", 1)
    });
    assert_eq!(lines[legacy.len() + 1..], paginated.unwrap().0);
}

#[test]
fn a_compressed_rollout_becomes_plain_before_it_is_appended_to() {
    let home = Home::new();
    let plain = home.rollout("2026-03-01T09-00-00", id(1));
    let compressed = plain.with_extension("jsonl.zst");
    let content = fs::read(file("legacy_094.jsonl")).unwrap();
    fs::create_dir_all(plain.parent().unwrap()).unwrap();
    fs::write(&compressed, compress_to_vec(&*content, CompressionLevel::Fastest)).unwrap();
    let mut writer = RolloutWriter::open(&compressed).unwrap();
    assert_eq!(writer.path(), plain);
    assert_eq!(fs::read(&plain).unwrap(), content);
    assert!(!compressed.exists());
    writer.append(&one_event("more")).unwrap();
    assert_eq!(record_lines(&plain).len(), 15);
}

#[test]
fn a_failed_write_is_made_up_for_with_the_next_one() {
    let home = Home::new();
    let path = home.path().join("sessions/a.jsonl");
    fs::write(home.path().join("sessions"), "in the way").unwrap();
    let mut writer = RolloutWriter::pending(path.clone(), meta());
    assert!(writer.append(&one_event("one")).is_err());
    assert!(writer.append(&one_event("two")).is_err());
    assert!(!writer.is_on_disk());
    fs::remove_file(home.path().join("sessions")).unwrap();
    writer.append(&one_event("three")).unwrap();
    expect![[r#"
        {"timestamp":"T","type":"session_meta","payload":{"id":"01950000-0000-7000-8000-000000000042","timestamp":"2026-03-01T09:00:00.000Z","cwd":"/w","originator":"probe","cli_version":"1","source":"vscode"}}
        {"timestamp":"T","type":"event_msg","payload":{"type":"agent_message","message":"one"}}
        {"timestamp":"T","type":"event_msg","payload":{"type":"agent_message","message":"two"}}
        {"timestamp":"T","type":"event_msg","payload":{"type":"agent_message","message":"three"}}
    "#]].assert_eq(&without_times(&path));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing_that_memory_can_hold() {
    let home = Home::new();
    let path = home.path().join("a.jsonl");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let mut writer = RolloutWriter::pending(path.clone(), meta());
    assert_eq!(writer.append(&one_event("one")).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    assert!(writer.append(&one_event("two")).is_err());
    fs::remove_file(&path).unwrap();
    writer.append(&Batch::new()).unwrap();
    assert_eq!(record_lines(&path).len(), 3);
}
