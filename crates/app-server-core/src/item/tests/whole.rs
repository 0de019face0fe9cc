//! What is read by the outline is what a reading of the whole file gives, whatever is in the file: every record parsed, all
//! turns put together at once, all that the model ever saw gathered from the beginning.

use std::io::Write as _;
use std::ops::ControlFlow;

use app_server_protocol::v2::TurnItemsView;
use app_server_rollout::{Body, Record};
use pretty_assertions::assert_eq;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::value::RawValue;

use super::*;
use crate::item::rebuild::{Keep, TurnBuilder};
use crate::item::{outline, turns};

/// A whole reading, up to a place if one is given.
fn whole(store: &Store, path: &Path, until: Option<Position>) -> (Vec<Turn>, History) {
    let mut builder = TurnBuilder::new(Keep::All);
    let each = |use_record: &mut dyn FnMut(&Record<'_>, bool)| {
        let mut is_begun = false;
        store.scan_history(path, |record| {
            let is_behind = is_begun && until.is_some_and(|until| record.position >= until);
            is_begun |= matches!(record.body, Body::SessionMeta(_));
            use_record(&record, is_behind);
            ControlFlow::Continue(())
        })
    };
    let _ = each(&mut |record, is_behind| match is_behind {
        false => builder.push(record),
        true => builder.push_late(record),
    });
    let cuts = builder.cuts().to_vec();
    let mut history = History::default();
    let _ = each(&mut |record, is_behind| {
        if is_behind || cuts.iter().any(|cut| cut.contains(&record.position)) {
            return;
        }
        match &record.body {
            Body::ResponseItem(raw) => history.push(raw),
            Body::Compacted(raw) => {
                #[derive(serde::Deserialize)]
                struct Compacted {
                    message: String,
                    #[serde(default)]
                    replacement_history: Option<Vec<Box<RawValue>>>,
                }
                if let Ok(Compacted { message, replacement_history }) = serde_json::from_str(raw.get()) {
                    history.compacted(&message, replacement_history);
                }
            }
            Body::Event(event) if event.kind == "thread_rolled_back" => {
                let payload: Value = serde_json::from_str(event.payload.get()).unwrap();
                let turns = payload["num_turns"].as_u64().and_then(|turns| usize::try_from(turns).ok());
                let before = payload.get("before_turn_id");
                let is_sound = before.is_none_or(|before| before.is_string() || before.is_null());
                if let Some(turns) = turns.filter(|_| is_sound) {
                    history.rollback(turns);
                }
            }
            _ => {}
        }
    });
    (builder.whole().0, history)
}

fn prompt(history: &History) -> String {
    history.prompt().iter().map(|item| item.get().to_owned()).collect::<Vec<_>>().join("\n")
}

/// What is left of a turn when only the words are wanted.
fn summary(mut turn: Turn) -> Turn {
    let is_user = |item: &ThreadItem| matches!(item.kind, ThreadItemKind::UserMessage { .. });
    let is_agent = |item: &ThreadItem| matches!(item.kind, ThreadItemKind::AgentMessage { .. });
    let first = turn.items.iter().position(is_user);
    let last = turn.items.iter().rposition(is_agent);
    let items = turn.items.into_iter().enumerate();
    turn.items = items.filter(|(at, _)| [first, last].contains(&Some(*at))).map(|(_, item)| item).collect();
    turn.items_view = TurnItemsView::Summary;
    turn
}

#[track_caller]
fn check(home: &Home, path: &Path) {
    let store = Store::new(home.0.path());
    let Ok(outline) = outline(&store, path) else { return };
    let (expected, history) = whole(&store, path, None);
    // As a short thread is read, and as a long one is.
    let loads = |until, want| {
        let places = load_by_places(&store, path, until, want).unwrap();
        let loaded = load_until(&store, path, until, want).unwrap();
        let told = |loaded: &Loaded| {
            let Loaded { meta, last_turn, usage, usage_turn_id, model, effort, goal, .. } = loaded;
            // A damaged record of which no more is read than its beginning may count as the first of its turn.
            let last_turn = last_turn.as_ref().map(|place| &place.turn_id);
            format!("{meta:?} {last_turn:?} {usage:?} {usage_turn_id:?} {model:?} {effort:?} {goal:?}")
        };
        assert_eq!(told(&loaded), told(&places));
        assert_eq!(loaded.turns, places.turns);
        assert_eq!(prompt(&loaded.history), prompt(&places.history));
        assert!(loaded.history.turn_ids().eq(places.history.turn_ids()));
        loaded
    };
    let read = |which: std::ops::Range<usize>, view| {
        let mut all = Vec::new();
        turns(&store, &outline, which, view, &mut |turn| all.push(turn)).unwrap();
        all
    };
    assert_eq!(read(0..usize::MAX, TurnItemsView::Full), expected);
    let summaries: Vec<Turn> = expected.iter().cloned().map(summary).collect();
    assert_eq!(read(0..usize::MAX, TurnItemsView::Summary), summaries);
    for (at, (entry, turn)) in outline.turns.iter().zip(&expected).enumerate() {
        assert_eq!(read(at..at + 1, TurnItemsView::Full), expected[at..=at]);
        assert_eq!((entry.items as usize, entry.status), (turn.items.len(), turn.status), "{}", turn.id);
        let none = read(at..at + 1, TurnItemsView::NotLoaded).pop().unwrap();
        assert_eq!(none, Turn { items: Vec::new(), items_view: TurnItemsView::NotLoaded, ..turn.clone() });
        for until in [Some(entry.first), entry.next] {
            let loaded = loads(until, ALL);
            let (expected, history) = whole(&store, path, until);
            assert_eq!(loaded.turns.unwrap(), expected, "until {until:?}");
            assert_eq!(prompt(&loaded.history), prompt(&history), "until {until:?}");
        }
    }
    assert_eq!(outline.turns.len(), expected.len());
    let loaded = loads(None, ALL);
    assert_eq!(loaded.turns.as_ref(), Some(&expected));
    assert_eq!(prompt(&loaded.history), prompt(&history));
    let without = loads(None, HISTORY);
    assert!(loaded.history.turn_ids().eq(without.history.turn_ids()));
    loads(None, Want { turns: true, history: false });
}

/// Outlines a file after each of some appends, with what is kept of the time before.
#[track_caller]
fn check_kept(bytes: &[u8], ends: &[usize]) {
    let (home, path) = put(&[]);
    let mut from = 0;
    for end in ends.iter().copied().chain([bytes.len()]) {
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&bytes[from..end]).unwrap();
        from = end;
        for _ in 0..2 {
            let kept = outline(&Store::new(home.0.path()).keeping_from(0), &path);
            let fresh = outline(&Store::new(home.0.path()), &path);
            let [kept, fresh] = [kept, fresh].map(|outline| outline.map_err(|error| error.to_string()));
            assert_eq!(format!("{kept:?}"), format!("{fresh:?}"), "up to {end}");
        }
    }
}

const HISTORY: Want = Want { turns: false, history: true };
const FILES: [&str; 8] = [JANUARY, JANUARY_ROLLED_BACK, LEGACY, PAGINATED, CONTINUED, DAMAGED, BASE, FORK];

fn line(kind: &str, payload: &Value) -> String {
    json!({"timestamp": "2026-03-01T10:00:00.000Z", "type": kind, "payload": payload}).to_string()
}

/// A record that changes what others mean.
fn turning_point() -> impl Strategy<Value = String> {
    let id = || {
        prop_oneof![
            (1..9_u32).prop_map(|number| format!("01950000-0000-7000-8000-00000000010{number}")),
            (1..5_u32).prop_map(|number| format!("turn-{number}")),
        ]
    };
    let event = |payload: Value| line("event_msg", &payload);
    let long = "many words ".repeat(900);
    let words = |role: &str, text: &str| json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]});
    let replaced =
        line("compacted", &json!({"message": "", "replacement_history": [words("user", "all of it")]}));
    prop_oneof![
        (0..4_u32).prop_map(move |turns| event(json!({"type": "thread_rolled_back", "num_turns": turns}))),
        (0..4_u32, id()).prop_map(move |(turns, id)| {
            event(json!({"type": "thread_rolled_back", "num_turns": turns, "before_turn_id": id}))
        }),
        Just(line("compacted", &json!({"message": "in short"}))),
        Just(replaced),
        Just(line("response_item", &words("user", "more words"))),
        id().prop_map(move |id| event(json!({"type": "task_started", "turn_id": id}))),
        id().prop_map(move |id| event(json!({"type": "task_complete", "turn_id": id}))),
        id().prop_map(move |id| event(json!({"type": "turn_aborted", "turn_id": id}))),
        Just(event(json!({"type": "turn_aborted"}))),
        Just(event(json!({"type": "user_message", "message": "asked"}))),
        Just(event(json!({"type": "agent_message", "message": "answered"}))),
        Just(event(json!({"type": "agent_reasoning", "text": "thought"}))),
        (id(), 0..4_u32).prop_map(move |(id, call)| {
            let call = format!("call_{call}");
            event(json!({"type": "patch_apply_end", "turn_id": id, "call_id": call, "success": true, "changes": {}}))
        }),
        (0..4_u32).prop_map(move |call| {
            let arguments = json!({"command": ["ls"]}).to_string();
            let call = format!("call_{call}");
            line("response_item", &json!({"type": "function_call", "name": "shell", "arguments": arguments, "call_id": call}))
        }),
        (0..4_u32).prop_map({ let long = long.clone(); move |call| {
            let call = format!("call_{call}");
            line("response_item", &json!({"type": "function_call_output", "call_id": call, "output": long}))
        }}),
        (id(), 0..3_u32).prop_map(move |(id, kind)| {
            let text = json!([{"type": if kind == 0 { "text" } else { "Text" }, "text": long}]);
            let item = match kind {
                0 => json!({"type": "UserMessage", "id": "u-1", "content": text}),
                1 => json!({"type": "AgentMessage", "id": "a-1", "content": text}),
                _ => json!({"type": "ContextCompaction", "id": "x-1"}),
            };
            event(json!({"type": "item_completed", "thread_id": THREAD, "turn_id": id, "item": item}))
        }),
    ]
}

/// What happens to the lines of a file.
#[derive(Debug, Clone)]
enum Change {
    Add(Index, String),
    /// A line of another file comes in.
    Mix(Index, Index, Index),
    Swap(Index, Index),
    Move(Index, Index),
    Repeat(Index),
    Lose(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        6 => (at(), turning_point()).prop_map(|(to, line)| Change::Add(to, line)),
        2 => (at(), at(), at()).prop_map(|(to, file, line)| Change::Mix(to, file, line)),
        1 => (at(), at()).prop_map(|(one, other)| Change::Swap(one, other)),
        1 => (at(), at()).prop_map(|(from, to)| Change::Move(from, to)),
        1 => at().prop_map(Change::Repeat),
        1 => at().prop_map(Change::Lose),
    ]
}

fn apply(lines: &mut Vec<String>, change: &Change) {
    let count = lines.len();
    if count == 0 {
        return;
    }
    match change {
        Change::Add(to, line) => lines.insert(to.index(count + 1), line.clone()),
        Change::Mix(to, file, line) => {
            let others: Vec<&str> = file.get(&FILES).lines().collect();
            lines.insert(to.index(count + 1), (*line.get(&others)).to_owned());
        }
        Change::Swap(one, other) => lines.swap(one.index(count), other.index(count)),
        Change::Move(from, to) => {
            let line = lines.remove(from.index(count));
            lines.insert(to.index(count), line);
        }
        Change::Repeat(at) => lines.insert(at.index(count), lines[at.index(count)].clone()),
        Change::Lose(at) => _ = lines.remove(at.index(count)),
    }
}

fn put(bytes: &[u8]) -> (Home, PathBuf) {
    let home = Home::new();
    home.put("01950000-0000-7000-8000-000000000008", BASE.as_bytes());
    let path = home.put("01950000-0000-7000-8000-000000000009", bytes);
    (home, path)
}

#[test]
fn files_of_every_writer_are_read_as_a_whole_reading_reads_them() {
    for text in FILES {
        let (home, path) = put(text.as_bytes());
        check(&home, &path);
    }
}

#[test]
fn an_outline_that_is_kept_goes_on_at_every_line() {
    for text in FILES {
        let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        check_kept(text.as_bytes(), &ends);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_in_any_order_are_read_as_a_whole_reading_reads_them(
        file in prop::sample::select(&FILES[..]),
        changes in prop::collection::vec(change(), 0..12),
    ) {
        let mut lines: Vec<String> = file.lines().map(str::to_owned).collect();
        changes.iter().for_each(|change| apply(&mut lines, change));
        let (home, path) = put(format!("{}\n", lines.join("\n")).as_bytes());
        check(&home, &path);
    }

    #[test]
    fn an_outline_that_is_kept_is_a_fresh_one(
        file in prop::sample::select(&FILES[..]),
        changes in prop::collection::vec(change(), 0..12),
        cuts in prop::collection::vec((any::<Index>(), prop::bool::weighted(0.8)), 1..4),
    ) {
        let mut lines: Vec<String> = file.lines().map(str::to_owned).collect();
        changes.iter().for_each(|change| apply(&mut lines, change));
        let text = format!("{}\n", lines.join("\n"));
        let mut ends: Vec<usize> = cuts
            .iter()
            .map(|(at, is_at_line)| {
                let at = at.index(text.len());
                let lines = text.as_bytes()[..at].iter().rposition(|byte| *byte == b'\n');
                if *is_at_line { lines.map_or(0, |at| at + 1) } else { at }
            })
            .collect();
        ends.sort_unstable();
        check_kept(text.as_bytes(), &ends);
    }

    #[test]
    fn damaged_files_are_read_as_a_whole_reading_reads_them(
        file in prop::sample::select(&FILES[..]),
        points in prop::collection::vec((any::<Index>(), turning_point()), 0..3),
        flips in prop::collection::vec((any::<Index>(), 1..=255_u8), 0..6),
        end in any::<Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut lines: Vec<String> = file.lines().map(str::to_owned).collect();
        points.iter().for_each(|(to, line)| lines.insert(to.index(lines.len() + 1), line.clone()));
        let mut bytes = lines.join("\n").into_bytes();
        for (at, mask) in &flips {
            let at = at.index(bytes.len());
            bytes[at] ^= mask;
        }
        if is_cut {
            bytes.truncate(end.index(bytes.len()));
        }
        let (home, path) = put(&bytes);
        check(&home, &path);
    }
}
