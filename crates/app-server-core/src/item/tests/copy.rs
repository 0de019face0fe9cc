//! Copies of threads read as their sources do, whole and cut anywhere.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use app_server_protocol::v2::Turn;
use app_server_rollout::{Body, HistoryMode, RolloutWriter, SessionMeta, Store, scan};
use pretty_assertions::assert_eq;
use serde_json::Value;
use uuid::Uuid;

use super::{
    ALL, BASE, CONTINUED, DAMAGED, FORK, Home, JANUARY, JANUARY_ROLLED_BACK, LEGACY, PAGINATED, load, shown,
};
use crate::item::{Cut, OpenTurn, Part, copy, outline};

const SOURCE: &str = "01950000-0000-7000-8000-000000000009";
const COPY: &str = "01950000-0000-7000-8000-0000000000cc";

/// A home with a source in it, and what that may continue.
fn home(text: &str) -> (Home, PathBuf) {
    let home = Home::new();
    home.put("01950000-0000-7000-8000-000000000008", BASE.as_bytes());
    let path = home.put(SOURCE, text.as_bytes());
    (home, path)
}

/// Copies a part to a new file.
fn write(home: &Home, source: &Path, part: &Part) -> (PathBuf, Option<OpenTurn>) {
    let path = home.0.path().join(format!("sessions/2026/03/02/rollout-2026-03-02T09-00-00-{COPY}.jsonl"));
    let _ = fs::remove_file(&path);
    let id: Uuid = COPY.parse().unwrap();
    let meta = SessionMeta { id, cwd: "/w".into(), ..SessionMeta::default() };
    let mut writer = RolloutWriter::create(path.clone(), meta).unwrap();
    let open = copy(&Store::new(home.0.path()), source, part, &mut writer).unwrap();
    (path, open)
}

fn copied(home: &Home, source: &Path, cut: Cut<'_>) -> (PathBuf, Option<OpenTurn>) {
    let outline = outline(&Store::new(home.0.path()), source).unwrap();
    write(home, source, &Part::of(&outline, cut).unwrap())
}

fn turns(home: &Home, path: &Path) -> Vec<Turn> {
    home.load(path, ALL).turns.unwrap()
}

const SOURCES: [&str; 7] = [JANUARY, JANUARY_ROLLED_BACK, LEGACY, PAGINATED, CONTINUED, DAMAGED, FORK];

#[test]
fn a_whole_copy_reads_as_its_source() {
    for text in SOURCES {
        let (home, source) = home(text);
        let (path, _) = copied(&home, &source, Cut::End);
        let (was, is) = (home.load(&source, ALL), home.load(&path, ALL));
        assert_eq!(shown(&is.turns.unwrap()), shown(&was.turns.unwrap()));
        let prompts = [&was.history, &is.history]
            .map(|history| history.prompt().iter().map(|item| item.get().to_owned()).collect::<Vec<_>>());
        assert_eq!(prompts[0], prompts[1]);
        assert_eq!((is.usage, is.usage_turn_id), (was.usage, was.usage_turn_id));
        assert_eq!((is.model, is.effort), (was.model, was.effort));
        assert_eq!((is.meta.id.to_string().as_str(), is.report.damaged), (COPY, 0));
    }
}

#[test]
fn a_cut_keeps_the_turns_before_it_and_what_ended_late_in_them() {
    for text in SOURCES {
        let (home, source) = home(text);
        let all = turns(&home, &source);
        for (at, turn) in all.iter().enumerate() {
            let (path, _) = copied(&home, &source, Cut::Behind(&turn.id));
            assert_eq!(shown(&turns(&home, &path)), shown(&all[..=at]), "with {}", turn.id);
            let (path, _) = copied(&home, &source, Cut::Before(&turn.id));
            assert_eq!(shown(&turns(&home, &path)), shown(&all[..at]), "without {}", turn.id);
        }
    }
}

#[test]
fn the_model_sees_what_came_before_the_cut() {
    let (home, source) = home(JANUARY_ROLLED_BACK);
    // Two turns were dropped behind the first one.
    let (path, _) = copied(&home, &source, Cut::Behind("turn-1"));
    assert_eq!(home.load(&path, ALL).history.len(), 2);
    let (path, _) = copied(&home, &source, Cut::Behind("turn-2"));
    assert_eq!(home.load(&path, ALL).history.len(), 4);
    let (path, _) = copied(&home, &source, Cut::Before("turn-1"));
    assert_eq!(home.load(&path, ALL).history.len(), 0);
}

#[test]
fn a_turn_that_is_not_there_is_no_cut() {
    let (home, source) = home(JANUARY_ROLLED_BACK);
    let outline = outline(&Store::new(home.0.path()), &source).unwrap();
    assert!(Part::of(&outline, Cut::Behind("turn-3")).is_none());
    assert!(Part::of(&outline, Cut::Before("nonsense")).is_none());
}

#[test]
fn a_numbered_file_is_copied_without_numbers_and_with_events() {
    let (home, source) = home(FORK);
    let (path, _) = copied(&home, &source, Cut::End);
    let mut kinds = Vec::new();
    let report = scan(&path, |record| {
        assert_eq!(record.ordinal, None);
        if let Body::Event(event) = &record.body {
            kinds.push(event.kind.clone().into_owned());
        }
        std::ops::ControlFlow::Continue(())
    });
    assert_eq!(report.unwrap().history_mode, Some(HistoryMode::Legacy));
    let turn = [
        "task_started",
        "user_message",
        "item_completed",
        "agent_message",
        "item_completed",
        "task_complete",
    ];
    assert_eq!(kinds, [turn, turn].concat());
    // Nothing in it says that it continues another file.
    assert!(!fs::read_to_string(&path).unwrap().contains("history_base"));
}

#[test]
fn unknown_lines_are_copied_as_they_are() {
    let (home, source) = home(LEGACY);
    let (path, _) = copied(&home, &source, Cut::End);
    let copy = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = copy.lines().skip(1).collect();
    let parse = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    assert_eq!(
        lines.iter().map(|line| parse(line)).collect::<Vec<_>>(),
        LEGACY.lines().map(parse).collect::<Vec<_>>()
    );
}

#[test]
fn what_is_written_behind_the_outline_is_left_out() {
    // The last turn is still open.
    let cut_off = &BASE[..BASE.trim_end().rfind('\n').unwrap() + 1];
    let end = &BASE[cut_off.len()..];
    let id = "01950000-0000-7000-8000-000000000102";
    let (home, source) = home(cut_off);
    let outline = outline(&Store::new(home.0.path()), &source).unwrap();
    let [whole, with] = [Cut::End, Cut::Behind(id)].map(|cut| Part::of(&outline, cut).unwrap());
    fs::OpenOptions::new().append(true).open(&source).unwrap().write_all(end.as_bytes()).unwrap();
    for part in [&whole, &with] {
        let (path, open) = write(&home, &source, part);
        assert_eq!(open, Some(OpenTurn { id: id.to_owned(), root_id: id.to_owned() }));
        assert!(!fs::read_to_string(&path).unwrap().contains(end.trim_end()));
    }
    let (_, open) = copied(&home, &source, Cut::End);
    assert_eq!(open, None);
}

#[test]
fn a_source_that_is_gone_is_an_error() {
    let (home, source) = home(BASE);
    let store = Store::new(home.0.path());
    let part = Part::of(&outline(&store, &source).unwrap(), Cut::End).unwrap();
    fs::remove_file(&source).unwrap();
    let path = home.0.path().join("copy.jsonl");
    let mut writer = RolloutWriter::create(path, SessionMeta::default()).unwrap();
    assert!(copy(&store, &source, &part, &mut writer).is_err());
    assert!(load(&store, &source, ALL).is_err());
}
