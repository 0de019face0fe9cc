//! Turns that were dropped: records of ours that name the first of them, and those of others that only count.

use std::fs;

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use serde_json::value::{RawValue, to_raw_value};

use super::*;
use crate::item::{TurnEntry, outline};

const HISTORY: Want = Want { turns: false, history: true };

fn words(text: &str) -> Box<RawValue> {
    let content = json!([{"type": "input_text", "text": text}]);
    to_raw_value(&json!({"type": "message", "role": "user", "content": content})).unwrap()
}

/// The texts the model sees.
fn seen(history: &History) -> Vec<String> {
    let text = |item: &RawValue| {
        let item: Value = serde_json::from_str(item.get()).unwrap();
        item["content"][0]["text"].as_str().unwrap().to_owned()
    };
    history.prompt().iter().map(|item| text(item)).collect()
}

/// A turn with these messages of the user.
fn turn(batch: &mut Batch, id: &str, messages: &[&str]) {
    begin(batch, HistoryMode::Legacy, id, messages.first().copied());
    messages.iter().for_each(|message| batch.response_item(&words(message)).unwrap());
    batch.event("task_complete", &json!({"turn_id": id})).unwrap();
}

/// The file with these records and no others.
fn file_of(home: &Home, batch: &Batch) -> PathBuf {
    let _ = fs::remove_file(home.0.path().join("rollout.jsonl"));
    written(home, HistoryMode::Legacy, batch)
}

fn cut(batch: &mut Batch, turns: usize, before: &str) {
    let fields = json!({"num_turns": turns, "before_turn_id": before});
    batch.event("thread_rolled_back", &fields).unwrap();
}

#[track_caller]
fn check(home: &Home, path: &Path, turns: &[&str], history: &[&str]) {
    let loaded = home.load(path, ALL);
    let ids: Vec<String> = loaded.turns.unwrap().into_iter().map(|turn| turn.id).collect();
    assert_eq!(ids, turns);
    assert_eq!(seen(&loaded.history), history);
    assert_eq!(seen(&home.load(path, HISTORY).history), history, "without turns");
}

#[test]
fn a_steered_turn_goes_as_a_whole_and_one_without_words_counts() {
    let (home, mut batch) = (Home::new(), Batch::new());
    turn(&mut batch, "t-1", &["one"]);
    turn(&mut batch, "t-2", &["two", "and more"]);
    turn(&mut batch, "t-3", &[]);
    cut(&mut batch, 2, "t-2");
    turn(&mut batch, "t-4", &["four"]);
    let path = file_of(&home, &batch);
    check(&home, &path, &["t-1", "t-4"], &["one", "four"]);
}

#[test]
fn a_cut_across_a_compaction_takes_it_back() {
    let (home, mut batch) = (Home::new(), Batch::new());
    turn(&mut batch, "t-1", &["one", "more"]);
    turn(&mut batch, "t-2", &["two"]);
    batch.compacted(&json!({"message": "summary"})).unwrap();
    turn(&mut batch, "t-3", &["three"]);
    cut(&mut batch, 1, "t-3");
    let path = file_of(&home, &batch);
    check(&home, &path, &["t-1", "t-2"], &["one", "more", "two", "summary"]);
    turn(&mut batch, "t-4", &["four"]);
    cut(&mut batch, 2, "t-2");
    turn(&mut batch, "t-5", &["five"]);
    let path = file_of(&home, &batch);
    check(&home, &path, &["t-1", "t-5"], &["one", "more", "five"]);
    // Another program drops one more in its own way.
    batch.event("thread_rolled_back", &json!({"num_turns": 1})).unwrap();
    let path = file_of(&home, &batch);
    check(&home, &path, &["t-1"], &["one", "more"]);
}

#[test]
fn a_turn_that_is_not_there_leaves_the_number_to_count() {
    let (home, mut batch) = (Home::new(), Batch::new());
    turn(&mut batch, "t-1", &["one"]);
    turn(&mut batch, "t-2", &["two"]);
    cut(&mut batch, 1, "lost");
    let path = file_of(&home, &batch);
    check(&home, &path, &["t-1"], &["one"]);
}

#[test]
fn turns_without_names_are_dropped_by_their_numbers() {
    let home = Home::new();
    let path = home.put("01950000-0000-7000-8000-000000000001", JANUARY.as_bytes());
    let before = home.load(&path, ALL);
    let turns = before.turns.unwrap();
    let entries = outline(&Store::new(home.0.path()), &path).unwrap().turns;
    let at = entries.len() - 1;
    let kept = load_until(&Store::new(home.0.path()), &path, Some(entries[at].first), ALL).unwrap().history;
    let payload = json!({"type": "thread_rolled_back", "num_turns": 1, "before_turn_id": entries[at].id});
    let line = json!({"timestamp": "2026-03-01T10:00:00.000Z", "type": "event_msg", "payload": payload});
    fs::write(&path, format!("{}\n{line}\n", JANUARY.trim_end())).unwrap();
    let after = home.load(&path, ALL);
    assert_eq!(after.turns.unwrap(), turns[..at]);
    let shown = |history: &History| {
        history.prompt().iter().map(|item| item.get().to_owned()).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(shown(&after.history), shown(&kept));
    assert!(shown(&kept).len() < shown(&before.history).len());
}

#[test]
fn tokens_are_told_of_a_turn_that_is_left() {
    let count = json!({"total_tokens": 7, "input_tokens": 7});
    let count = json!({"info": {"total_token_usage": count, "last_token_usage": count}});
    let (home, mut batch) = (Home::new(), Batch::new());
    turn(&mut batch, "t-1", &["one"]);
    turn(&mut batch, "t-2", &["two"]);
    batch.event("token_count", &count).unwrap();
    cut(&mut batch, 1, "t-2");
    for counted_again in [false, true] {
        if counted_again {
            batch.event("token_count", &count).unwrap();
        }
        let path = file_of(&home, &batch);
        for want in [ALL, HISTORY] {
            assert_eq!(home.load(&path, want).usage_turn_id.as_deref(), Some("t-1"), "{want:?}");
        }
    }
}

/// What a thread goes through.
#[derive(Debug, Clone)]
enum Step {
    /// A turn with so many messages of the user.
    Turn(usize),
    Compaction,
    /// So many of the last turns are dropped.
    Cut(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3_usize).prop_map(Step::Turn),
        1 => Just(Step::Compaction),
        2 => (1..4_usize).prop_map(Step::Cut),
    ];
    proptest::collection::vec(step, 1..16)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// What a loaded thread has in memory after each cut is what another process reads.
    #[test]
    fn the_history_in_memory_is_the_one_that_is_read(steps in steps()) {
        let (home, mut batch, mut live) = (Home::new(), Batch::new(), History::default());
        let store = Store::new(home.0.path());
        for (number, step) in steps.iter().enumerate() {
            match step {
                Step::Turn(messages) => {
                    let id = format!("t-{number}");
                    let messages: Vec<String> = (0..*messages).map(|at| format!("{id}.{at}")).collect();
                    turn(&mut batch, &id, &messages.iter().map(String::as_str).collect::<Vec<_>>());
                    live.begin_turn(&id);
                    messages.iter().for_each(|message| live.push(&words(message)));
                }
                Step::Compaction => {
                    let message = format!("summary {number}");
                    batch.compacted(&json!({"message": message})).unwrap();
                    live.compacted(&message, None);
                }
                Step::Cut(turns) => {
                    let path = file_of(&home, &batch);
                    let entries: Vec<TurnEntry> = outline(&store, &path).unwrap().turns;
                    let at = entries.len().saturating_sub(*turns);
                    let Some(first) = entries.get(at) else { continue };
                    if !live.cut_before(&first.id) {
                        live = load_until(&store, &path, Some(first.first), HISTORY).unwrap().history;
                    }
                    cut(&mut batch, entries.len() - at, &first.id);
                }
            }
        }
        let path = file_of(&home, &batch);
        prop_assert_eq!(seen(&home.load(&path, ALL).history), seen(&live));
        prop_assert_eq!(seen(&home.load(&path, HISTORY).history), seen(&live));
    }
}
