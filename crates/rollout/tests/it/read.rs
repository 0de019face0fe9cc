//! Every file is read as far as it is sound.

use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;

use app_server_rollout::{Body, HeaderError, ListQuery, ReadError, Record};
use expect_test::{Expect, expect};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use crate::support::{Home, collect, file, id};

fn describe(record: &Record<'_>) -> String {
    match &record.body {
        Body::Event(event) => event.kind.to_string(),
        Body::SessionMeta(meta) => format!("session_meta {}", &meta.id.to_string()[34..]),
        _ => record.kind().to_owned(),
    }
}

fn check(name: &str, expected: &Expect) {
    let (kinds, report) = collect(&file(name), describe).unwrap();
    let tail = if report.torn_tail { " torn" } else { "" };
    let mode = report.history_mode.map_or("none".to_owned(), |mode| format!("{mode:?}"));
    let counts = format!(
        "{} records, {} damaged{tail}, {mode}, last ordinal {:?}",
        report.records, report.damaged, report.last_ordinal
    );
    expected.assert_eq(&format!("{counts}\n{}", kinds.join(", ")));
}

#[test]
fn sound_files_of_all_eras() {
    check(
        "legacy_094.jsonl",
        &expect![[r#"
        14 records, 0 damaged, Legacy, last ordinal None
        session_meta 01, response_item, response_item, user_message, turn_context, token_count, agent_message, response_item, response_item, user_message, turn_context, token_count, agent_message, response_item"#]],
    );
    check(
        "legacy_169.jsonl",
        &expect![[r#"
        11 records, 0 damaged, Legacy, last ordinal None
        session_meta 02, task_started, world_state, turn_context, response_item, user_message, item_completed, agent_message, response_item, token_usage_record, task_complete"#]],
    );
    check(
        "paginated_169.jsonl",
        &expect![[r#"
        8 records, 0 damaged, Paginated, last ordinal Some(7)
        session_meta 03, task_started, response_item, item_completed, turn_context, item_completed, response_item, task_complete"#]],
    );
    check(
        "paginated_then_094.jsonl",
        &expect![[r#"
        14 records, 0 damaged, Paginated, last ordinal Some(7)
        session_meta 03, task_started, response_item, item_completed, turn_context, item_completed, response_item, task_complete, response_item, user_message, turn_context, token_count, agent_message, response_item"#]],
    );
    check(
        "crlf.jsonl",
        &expect![[r#"
        7 records, 0 damaged, Legacy, last ordinal None
        session_meta 09, response_item, user_message, turn_context, token_count, agent_message, response_item"#]],
    );
    check(
        "two_metas.jsonl",
        &expect![[r#"
        15 records, 0 damaged, Legacy, last ordinal None
        session_meta 06, session_meta 01, response_item, response_item, user_message, turn_context, token_count, agent_message, response_item, response_item, user_message, turn_context, token_count, agent_message, response_item"#]],
    );
    check(
        "meta_only.jsonl",
        &expect![[r#"
        1 records, 0 damaged, Legacy, last ordinal None
        session_meta 04"#]],
    );
}

#[test]
fn damaged_files_lose_only_what_is_damaged() {
    check(
        "torn.jsonl",
        &expect![[r#"
        13 records, 1 damaged torn, Legacy, last ordinal None
        session_meta 01, response_item, response_item, user_message, turn_context, token_count, agent_message, response_item, response_item, user_message, turn_context, token_count, agent_message"#]],
    );
    check(
        "glued.jsonl",
        &expect![[r#"
        13 records, 1 damaged, Legacy, last ordinal None
        session_meta 01, response_item, response_item, user_message, token_count, agent_message, response_item, response_item, user_message, turn_context, token_count, agent_message, response_item"#]],
    );
    check(
        "junk.jsonl",
        &expect![[r#"
        15 records, 8 damaged, Legacy, last ordinal None
        session_meta 01, kind_of_tomorrow, event_of_tomorrow, response_item, user_message, turn_context, token_count, agent_message, response_item, response_item, user_message, turn_context, token_count, agent_message, response_item"#]],
    );
}

#[test]
fn blank_files_are_told_apart_from_absent_ones() {
    let read = |name: &str| collect(&file(name), describe).unwrap_err();
    assert_eq!(read("empty.jsonl").to_string(), "empty session file");
    assert_eq!(read("blank.jsonl").to_string(), "empty session file");
    assert!(matches!(read("absent.jsonl"), ReadError::NotFound(_)));
}

#[test]
fn a_line_longer_than_the_buffer_is_one_record() {
    let home = Home::new();
    let path = home.path().join("long.jsonl");
    let mut out = fs::File::create(&path).unwrap();
    let text = "x".repeat(700_000);
    for size in [10, 700_000, 10, 262_144, 5] {
        let text = &text[..size];
        writeln!(out, r#"{{"timestamp":"","type":"compacted","payload":{{"message":"{text}"}}}}"#).unwrap();
    }
    let (sizes, report) = collect(&path, |record| record.payload().get().len() - 14).unwrap();
    assert_eq!(sizes, [10, 700_000, 10, 262_144, 5]);
    assert_eq!((report.damaged, report.bytes), (0, fs::metadata(&path).unwrap().len()));
}

#[test]
fn a_compressed_rollout_is_read_through_and_the_plain_one_wins() {
    let home = Home::new();
    let plain = home.rollout("2026-03-01T09-00-00", id(1));
    let compressed = home.rollout("2026-03-01T09-00-00", id(1)).with_extension("jsonl.zst");
    fs::create_dir_all(plain.parent().unwrap()).unwrap();
    let content = fs::read(file("legacy_094.jsonl")).unwrap();
    let mut frames = compress_to_vec(&content[..500], CompressionLevel::Fastest);
    frames.extend(compress_to_vec(&content[500..], CompressionLevel::Fastest));
    fs::write(&compressed, &frames).unwrap();

    for path in [&plain, &compressed] {
        let (lines, report) = collect(path, |record| record.line.to_vec()).unwrap();
        assert_eq!(lines, content.split(|&b| b == b'\n').filter(|l| !l.is_empty()).collect::<Vec<_>>());
        assert_eq!(report.bytes, content.len() as u64);
    }
    assert_eq!(home.store.header(&plain).unwrap().preview.as_deref(), Some("When do tulips bloom?"));

    // Cut short, what can be decompressed still counts.
    fs::write(&compressed, &frames[..frames.len() - 20]).unwrap();
    let (lines, report) = collect(&compressed, |_| ()).unwrap();
    assert!(report.torn_tail && !lines.is_empty());

    fs::write(&plain, fs::read(file("meta_only.jsonl")).unwrap()).unwrap();
    for path in [&plain, &compressed] {
        assert_eq!(collect(path, |_| ()).unwrap().1.records, 1);
    }
}

#[test]
fn a_header_is_read_from_the_head() {
    let check = |name: &str, expected: &Expect| {
        let home = Home::new();
        let path = home.add("2026-03-01T11-00-00", id(0xaa), &fs::read(file(name)).unwrap());
        let text = match home.store.header(&path) {
            Ok(header) => format!(
                "{} {:?} {} {} {:?}",
                &header.meta.id.to_string()[34..],
                header.preview,
                header.has_user_message,
                header.created_at,
                header.meta.source
            ),
            Err(HeaderError::NoSessionMeta(_)) => "no session_meta".to_owned(),
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&text);
    };
    check("legacy_094.jsonl", &expect![[r#"01 Some("When do tulips bloom?") true 1772355600 Vscode"#]]);
    check("legacy_169.jsonl", &expect![[r#"02 Some("Water the ferns") true 1772355600 Vscode"#]]);
    check("paginated_169.jsonl", &expect![[r#"03 Some("Prune the roses") true 1772355600 Vscode"#]]);
    check("torn.jsonl", &expect![[r#"01 Some("When do tulips bloom?") true 1772355600 Vscode"#]]);
    check("junk.jsonl", &expect![[r#"01 Some("When do tulips bloom?") true 1772355600 Vscode"#]]);
    check("empty.jsonl", &expect!["empty session file"]);
    check("meta_only.jsonl", &expect!["04 None false 1772355600 Vscode"]);
    check("items_only.jsonl", &expect!["05 None false 1772355600 Vscode"]);
    check("two_metas.jsonl", &expect![[r#"06 Some("When do tulips bloom?") true 1772355600 Cli"#]]);
    check("late_user_message.jsonl", &expect![[r#"07 Some("Sorry, I am late") true 1772355600 Vscode"#]]);
    check("late_meta.jsonl", &expect![[r#"08 Some("Who goes first?") true 1772355600 Vscode"#]]);
    check("crlf.jsonl", &expect![[r#"09 Some("Typed elsewhere") true 1772355600 Vscode"#]]);
}

#[test]
fn a_header_has_the_whole_meta_and_a_list_the_small_part() {
    let home = Home::new();
    let path = home.add_file("2026-03-01T09-00-00", 1, "legacy_094.jsonl");
    let header = home.store.header(&path).unwrap();
    assert_eq!(header.meta.base_instructions.unwrap().text, "Be brief.");
    let page = home.store.list(&Default::default()).unwrap();
    assert_eq!(page.entries[0].meta.base_instructions, None);
    assert_eq!(page.entries[0].meta.git.as_ref().unwrap().branch.as_deref(), Some("main"));
}

#[test]
fn a_fork_that_refers_to_its_source_is_read_with_it() {
    let home = Home::new();
    let fork = home.add_file("2026-03-01T10-00-00", 0xa, "paginated_fork.jsonl");
    let read = || {
        let mut all = Vec::new();
        let each = |record: Record<'_>| {
            all.push(format!("{} {}", record.ordinal.unwrap(), describe(&record)));
            ControlFlow::Continue(())
        };
        let report = home.store.scan_history(&fork, each).unwrap();
        assert_eq!((report.records, report.last_ordinal), (4, Some(10)));
        all.join(", ")
    };
    expect!["7 session_meta 0a, 8 task_started, 9 item_completed, 10 task_complete"].assert_eq(&read());
    assert_eq!(home.store.header(&fork).unwrap().preview.as_deref(), Some("And the hedge?"));

    let source = home.add_file("2026-03-01T09-00-00", 3, "paginated_then_094.jsonl");
    expect!["7 session_meta 0a, 1 task_started, 2 response_item, 3 item_completed, 4 turn_context, 5 item_completed, 6 response_item, 8 task_started, 9 item_completed, 10 task_complete"].assert_eq(&read());
    assert_eq!(home.store.header(&fork).unwrap().preview.as_deref(), Some("Prune the roses"));

    // Archived or not, and never listed for less than the reference would: before its own first turn.
    home.store.archive(&source).unwrap();
    let content = fs::read_to_string(&fork).unwrap();
    fs::write(&fork, content.lines().next().unwrap()).unwrap();
    let page = home.store.list(&ListQuery::default()).unwrap();
    assert_eq!(page.entries[0].preview.as_deref(), Some("Prune the roses"));

    // A file that names itself is read once for each step that is followed, and ends.
    let itself = content.replace(&id(3).to_string(), &id(0xa).to_string());
    fs::write(&fork, itself).unwrap();
    assert!(home.store.scan_history(&fork, |_| ControlFlow::Continue(())).is_ok());
}
