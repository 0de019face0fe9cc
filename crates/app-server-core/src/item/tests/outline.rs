//! Turns by their places: where each begins, where the next does, and that what is read by places is what a whole
//! reading gives.

use app_server_protocol::v2::TurnItemsView;
use pretty_assertions::assert_eq;

use super::*;
use crate::item::{Outline, outline, turns};

/// A thread of its own in a home.
struct Outlined {
    store: Store,
    path: PathBuf,
    text: String,
    outline: Outline,
    _home: Home,
}

fn outlined(home: Home, path: PathBuf) -> Outlined {
    let store = Store::new(home.0.path());
    let outline = outline(&store, &path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    Outlined { store, path, text, outline, _home: home }
}

fn outlined_file(text: &str) -> Outlined {
    let home = Home::new();
    let path = home.put("01950000-0000-7000-8000-0000000000ff", text.as_bytes());
    outlined(home, path)
}

fn outlined_fork() -> Outlined {
    let home = Home::new();
    home.put("01950000-0000-7000-8000-000000000008", BASE.as_bytes());
    let path = home.put("01950000-0000-7000-8000-000000000009", FORK.as_bytes());
    outlined(home, path)
}

impl Outlined {
    /// The number of the line at a place, counted from 1; of the file this one continues with an arrow.
    fn line(&self, position: Position) -> String {
        let (text, arrow) = match position.file {
            Position::OWN_FILE => (self.text.as_str(), ""),
            _ => (BASE, "<-"),
        };
        let before = &text[..usize::try_from(position.offset).unwrap()];
        assert!(before.is_empty() || before.ends_with('\n'), "{position:?} is within a line");
        format!("{arrow}{}", before.lines().count() + 1)
    }

    fn shown(&self) -> String {
        let mut shown = String::new();
        for entry in &self.outline.turns {
            let next = entry.next.map_or("end".to_owned(), |next| self.line(next));
            let status = json!(entry.status);
            let status = status.as_str().unwrap();
            let anchor = match entry.anchor == entry.first.offset {
                true => "place".to_owned(),
                false => entry.anchor.to_string(),
            };
            let open = if entry.has_ended { "" } else { ", no end" };
            let root = if entry.root_turn_id() == entry.id { "" } else { entry.root_turn_id() };
            shown.push_str(&format!(
                "{} {root}{status} {}..{next} by {anchor}{open}\n",
                entry.id,
                self.line(entry.first)
            ));
        }
        shown
    }

    fn turns(&self, which: std::ops::Range<usize>, view: TurnItemsView) -> Vec<Turn> {
        let mut all = Vec::new();
        turns(&self.store, &self.outline, which, view, &mut |turn| all.push(turn)).unwrap();
        all
    }

    fn until(&self, position: Option<Position>) -> Loaded {
        load_until(&self.store, &self.path, position, ALL).unwrap()
    }
}

#[track_caller]
fn check(outlined: &Outlined, expected: &Expect) {
    expected.assert_eq(&outlined.shown());
}

#[test]
fn turns_of_january_begin_with_what_the_model_sees_of_the_message() {
    check(
        &outlined_file(JANUARY),
        &expect![[r#"
        turn-1 completed 5..25 by place
        turn-2 completed 25..28 by place
        turn-3 completed 28..38 by place
        turn-4 interrupted 38..end by place
    "#]],
    );
    check(
        &outlined_file(JANUARY_ROLLED_BACK),
        &expect![[r#"
        turn-1 completed 2..8 by place
        turn-2 completed 21..end by place
    "#]],
    );
}

#[test]
fn turns_of_today_begin_with_their_start() {
    check(
        &outlined_file(LEGACY),
        &expect![[r#"
        01950000-0000-7000-8000-000000000101 completed 2..25 by place
        01950000-0000-7000-8000-000000000102 completed 25..26 by place
        01950000-0000-7000-8000-000000000103 interrupted 26..32 by place, no end
        01950000-0000-7000-8000-000000000104 failed 32..36 by place
        01950000-0000-7000-8000-000000000105 interrupted 36..41 by place
        01950000-0000-7000-8000-000000000106 interrupted 41..end by place, no end
    "#]],
    );
    check(
        &outlined_file(CONTINUED),
        &expect![[r#"
        01950000-0000-7000-8000-000000000101 completed 2..12 by place
        turn-2 completed 12..19 by place
        01950000-0000-7000-8000-000000000103 completed 19..27 by place
        01950000-0000-7000-8000-000000000104 completed 27..37 by place
        01950000-0000-7000-8000-000000000105 failed 37..end by place
    "#]],
    );
}

#[test]
fn numbered_records_are_known_by_their_numbers() {
    check(
        &outlined_file(PAGINATED),
        &expect![[r#"
        01950000-0000-7000-8000-000000000101 completed 2..26 by 1
        01950000-0000-7000-8000-000000000102 interrupted 26..31 by 25
        01950000-0000-7000-8000-000000000103 failed 31..35 by 30
        01950000-0000-7000-8000-000000000104 interrupted 35..end by 34, no end
    "#]],
    );
    check(
        &outlined_fork(),
        &expect![[r#"
        01950000-0000-7000-8000-000000000101 completed <-2..2 by 1
        01950000-0000-7000-8000-000000000109 completed 2..end by 8
    "#]],
    );
}

#[test]
fn damage_moves_no_place() {
    let mut glued = BASE.replace('\n', "\r\n");
    glued.insert_str(BASE.find('\n').unwrap() + 2, "\r\n  ");
    let outlined = outlined_file(&glued);
    for entry in &outlined.outline.turns {
        let line = &glued[usize::try_from(entry.first.offset).unwrap()..];
        assert!(line.starts_with(r#"{"timestamp""#), "{line}");
    }
    assert_eq!(outlined.outline.turns.len(), 2);
}

/// One file with a turn that was dropped, and commands that ended after their turns.
fn of_ours(mode: HistoryMode) -> Outlined {
    let home = Home::new();
    let mut batch = Batch::new();
    let end = |batch: &mut Batch, turn: &str| {
        batch.event("task_complete", &json!({"turn_id": turn})).unwrap();
    };
    let late = |batch: &mut Batch, turn: &str, id: &str| {
        write_item(batch, mode, THREAD, turn, &item(command(id)), None).unwrap();
    };
    begin(&mut batch, mode, "t-1", Some("one"));
    end(&mut batch, "t-1");
    begin(&mut batch, mode, "t-2", Some("two"));
    late(&mut batch, "t-1", "c-1");
    batch.event("thread_rolled_back", &json!({"num_turns": 1})).unwrap();
    begin(&mut batch, mode, "t-3", Some("three"));
    late(&mut batch, "t-2", "c-2");
    end(&mut batch, "t-3");
    begin(&mut batch, mode, "t-4", Some("four"));
    late(&mut batch, "t-3", "c-3");
    let path = written(&home, mode, &batch);
    outlined(home, path)
}

#[test]
fn what_was_dropped_ends_the_turn_before_it() {
    check(
        &of_ours(HistoryMode::Legacy),
        &expect![[r#"
        t-1 completed 2..6 by place
        t-3 completed 11..16 by place
        t-4 interrupted 16..end by place, no end
    "#]],
    );
    check(
        &of_ours(HistoryMode::Paginated),
        &expect![[r#"
        t-1 completed 2..5 by 1
        t-3 completed 9..13 by 8
        t-4 interrupted 13..end by 12, no end
    "#]],
    );
}

fn all() -> Vec<Outlined> {
    let files = [JANUARY, JANUARY_ROLLED_BACK, LEGACY, PAGINATED, CONTINUED, DAMAGED, BASE];
    let ours = [HistoryMode::Legacy, HistoryMode::Paginated].map(of_ours);
    files.map(outlined_file).into_iter().chain(ours).chain([outlined_fork()]).collect()
}

#[test]
fn turns_are_those_of_a_whole_reading() {
    for outlined in all() {
        let loaded = outlined.until(None);
        let whole = loaded.turns.unwrap();
        let count = whole.len();
        assert_eq!((&outlined.outline.meta, &outlined.outline.report), (&loaded.meta, &loaded.report));
        assert_eq!(outlined.turns(0..count, TurnItemsView::Full), whole);
        assert_eq!(outlined.turns(1..count + 5, TurnItemsView::Full), whole[1..]);
        assert_eq!(outlined.turns(count..count + 5, TurnItemsView::Full), []);
        for (at, (entry, turn)) in outlined.outline.turns.iter().zip(&whole).enumerate() {
            assert_eq!((&entry.id, Some(entry.root_turn_id())), (&turn.id, turn.root_turn_id.as_deref()));
            assert_eq!(entry.status, turn.status);
            assert_eq!(outlined.turns(at..at + 1, TurnItemsView::Full), whole[at..=at]);
        }
        assert_eq!(outlined.outline.turns.len(), count);
    }
}

#[test]
fn a_thread_read_up_to_a_place_has_the_turns_before_it() {
    for outlined in all() {
        let whole = outlined.until(None).turns.unwrap();
        for (at, entry) in outlined.outline.turns.iter().enumerate() {
            let before = outlined.until(Some(entry.first));
            assert_eq!(ids(&before.turns.unwrap()), ids(&whole[..at]), "before {}", entry.id);
            assert_eq!(before.meta, outlined.outline.meta);
            if let Some(next) = entry.next {
                let with = outlined.until(Some(next)).turns.unwrap();
                assert_eq!(with, whole[..=at], "up to {}", entry.id);
            }
        }
    }
}

#[test]
fn a_thread_read_up_to_a_place_has_the_history_before_it() {
    let outlined = outlined_file(JANUARY_ROLLED_BACK);
    let words = |position: Option<Position>| {
        let loaded = outlined.until(position);
        let prompt = loaded.history.prompt();
        let words = prompt.iter().map(|item| {
            let item: Value = serde_json::from_str(item.get()).unwrap();
            item["content"][0]["text"].as_str().unwrap().to_owned()
        });
        words.collect::<Vec<_>>().join(", ")
    };
    let entries = &outlined.outline.turns;
    assert_eq!(words(Some(entries[0].first)), "");
    assert_eq!(words(entries[0].next), "one, re one");
    assert_eq!(words(Some(entries[1].first)), "one, re one");
    assert_eq!(words(entries[1].next), "one, re one, four, re four");

    let want = Want { turns: false, history: true };
    let history = load_until(&outlined.store, &outlined.path, entries[0].next, want).unwrap();
    assert_eq!((history.turns, history.history.len()), (None, 2));
}

#[test]
fn a_view_leaves_out_items() {
    let outlined = outlined_file(LEGACY);
    let summary = outlined.turns(0..2, TurnItemsView::Summary);
    assert_eq!(
        ids(&summary),
        [
            "01950000-0000-7000-8000-000000000101 completed: item-1 item-4",
            "01950000-0000-7000-8000-000000000102 completed: "
        ]
    );
    let none = outlined.turns(0..1, TurnItemsView::NotLoaded);
    assert_eq!(ids(&none), ["01950000-0000-7000-8000-000000000101 completed: "]);
    let views = [&summary[0], &summary[1], &none[0]].map(|turn| turn.items_view);
    assert_eq!(views, [TurnItemsView::Summary, TurnItemsView::Summary, TurnItemsView::NotLoaded]);
}

#[test]
fn turns_are_those_of_the_time_of_the_outline() {
    let outlined = outlined_file(CONTINUED);
    let before = outlined.turns(1..5, TurnItemsView::Full);
    let event = |payload: Value| {
        json!({"timestamp": "2026-03-01T09:00:50.000Z", "type": "event_msg", "payload": payload}).to_string()
    };
    let more = event(json!({"type": "agent_message", "message": "more"}));
    let dropped = event(json!({"type": "thread_rolled_back", "num_turns": 2}));
    fs::write(&outlined.path, format!("{CONTINUED}{more}\n{dropped}\n")).unwrap();
    assert_eq!(outlined.turns(1..5, TurnItemsView::Full), before);
}

#[test]
fn a_file_without_a_first_line_has_no_outline() {
    let home = Home::new();
    let text = BASE.split_once('\n').unwrap().1;
    let path = home.put("01950000-0000-7000-8000-000000000008", text.as_bytes());
    assert!(outline(&Store::new(home.0.path()), &path).is_err());
}
