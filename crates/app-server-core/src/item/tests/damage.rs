//! Damaged files, read as threads: they open, and lose no item but those whose lines were hit.

use std::collections::HashSet;

use app_server_protocol::v2::TurnItemsView;
use pretty_assertions::assert_eq;
use proptest::prelude::*;

use super::*;
use crate::item::{outline, turns};

/// The id that files are put under.
const ID: &str = "01950000-0000-7000-8000-0000000000ff";

const FILES: [&str; 5] = [JANUARY, JANUARY_ROLLED_BACK, LEGACY, PAGINATED, CONTINUED];

/// A file of ours with turns that have all sorts of items.
fn ours(mode: HistoryMode) -> String {
    let home = Home::new();
    let mut batch = Batch::new();
    for number in 1..=6 {
        let turn_id = format!("01950000-0000-7000-8000-00000000010{number}");
        batch.event("task_started", &json!({"turn_id": turn_id, "started_at": number})).unwrap();
        let words = json!([{"type": "text", "text": format!("question {number}"), "text_elements": []}]);
        for (kind, rest) in [
            ("userMessage", json!({"clientId": null, "content": words})),
            ("reasoning", json!({"summary": ["**Think**"], "content": []})),
            ("plan", json!({"text": "- one"})),
            ("agentMessage", json!({"text": format!("answer {number}")})),
            ("fileChange", json!({"status": "completed", "changes": []})),
            ("contextCompaction", json!({})),
        ] {
            let mut value = rest;
            value["type"] = json!(kind);
            value["id"] = json!(format!("{kind}-{number}"));
            write_item(&mut batch, mode, THREAD, &turn_id, &item(value), None).unwrap();
        }
        batch.event("token_count", &json!({"info": null})).unwrap();
        batch.event("task_complete", &json!({"turn_id": turn_id})).unwrap();
    }
    fs::read_to_string(written(&home, mode, &batch)).unwrap()
}

/// Every item with its turn.
fn items(turns: &[Turn]) -> Vec<(String, Value)> {
    turns.iter().flat_map(|turn| turn.items.iter().map(|item| (turn.id.clone(), json!(item)))).collect()
}

fn id_of(item: &Value) -> &str {
    item["id"].as_str().unwrap()
}

/// Reads a file in every way there is; all must agree.
fn read(home: &Home, bytes: &[u8]) -> Loaded {
    let path = home.put(ID, bytes);
    let store = Store::new(home.0.path());
    let loaded = load(&store, &path, ALL).unwrap();
    let outlined = outline(&store, &path).unwrap();
    let mut by_page = Vec::new();
    for at in 0..outlined.turns.len() {
        turns(&store, &outlined, at..at + 1, TurnItemsView::Full, &mut |turn| by_page.push(turn)).unwrap();
    }
    assert_eq!(loaded.turns.as_ref(), Some(&by_page));
    // Of what an outline passes over not all damage is seen.
    assert!(loaded.report.damaged >= outlined.report.damaged);
    assert_eq!(loaded.report.bytes, outlined.report.bytes);
    loaded
}

/// The end of a file's first line, without which it is no thread.
fn head_of(text: &str) -> usize {
    text.find('\n').unwrap()
}

/// Places behind the first line: before and behind every feed, and many within the lines.
fn cuts(text: &str) -> impl Iterator<Item = usize> + '_ {
    let bytes = text.as_bytes();
    (head_of(text)..bytes.len()).filter(|at| at % 29 == 0 || bytes[*at] == b'\n' || bytes[*at - 1] == b'\n')
}

#[test]
fn a_file_cut_anywhere_is_a_thread() {
    let home = Home::new();
    for text in FILES {
        let whole = file(text);
        let damaged = whole.report.damaged;
        let whole = whole.turns.unwrap();
        let drops_turns = text.contains("thread_rolled_back");
        for cut in cuts(text) {
            let path = home.put(ID, &text.as_bytes()[..cut]);
            let loaded = home.load(&path, ALL);
            let is_torn = loaded.report.torn_tail;
            assert!(loaded.report.damaged <= damaged + u64::from(is_torn), "cut at {cut}");
            let turns = loaded.turns.unwrap();
            if !drops_turns {
                let ids = |turns: &[Turn]| turns.iter().map(|turn| turn.id.clone()).collect::<Vec<_>>();
                assert!(ids(&whole).starts_with(&ids(&turns)), "cut at {cut}");
            }
        }
    }
}

#[test]
fn a_file_of_ours_cut_anywhere_has_every_item_before_the_cut() {
    let home = Home::new();
    for mode in [HistoryMode::Legacy, HistoryMode::Paginated] {
        let text = ours(mode);
        let whole = items(&read(&home, text.as_bytes()).turns.unwrap());
        assert_eq!(whole.len(), 36);
        for cut in cuts(&text) {
            let path = home.put(ID, &text.as_bytes()[..cut]);
            let found = items(&home.load(&path, ALL).turns.unwrap());
            let completed = text[..cut + 1]
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n') && line.contains(r#""item_completed""#))
                .count();
            // The event for older readers is known first, and shows until its item comes.
            let recorded: Vec<&(String, Value)> = found.iter().filter(|item| whole.contains(item)).collect();
            assert_eq!(recorded, whole[..completed].iter().collect::<Vec<_>>(), "cut at {cut}");
        }
    }
}

#[test]
fn a_turn_whose_beginning_is_damaged_keeps_its_name_and_its_items() {
    let home = Home::new();
    for mode in [HistoryMode::Legacy, HistoryMode::Paginated] {
        let text = ours(mode);
        let whole = items(&read(&home, text.as_bytes()).turns.unwrap());
        for number in 1..=6 {
            let begins = |line: &&str| {
                line.contains(r#""task_started""#) && line.contains(&format!("-00000000010{number}"))
            };
            let lines: Vec<&str> = text.lines().map(|line| if begins(&line) { "{" } else { line }).collect();
            let damaged = read(&home, lines.join("\n").as_bytes());
            assert_eq!(damaged.report.damaged, 1);
            assert_eq!(items(&damaged.turns.unwrap()), whole, "turn {number}");
        }
    }
}

fn mode() -> impl Strategy<Value = HistoryMode> {
    prop::sample::select(vec![HistoryMode::Legacy, HistoryMode::Paginated])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bytes_lose_no_item_but_those_they_hit(
        mode in mode(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..5),
    ) {
        let home = Home::new();
        let text = ours(mode);
        let head = head_of(&text);
        let whole = items(&read(&home, text.as_bytes()).turns.unwrap());
        let mut bytes = text.clone().into_bytes();
        let mut hit = String::new();
        for (index, mask) in flips {
            let at = head + 1 + index.index(text.len() - head - 1);
            bytes[at] ^= mask;
            let start = text[..at].rfind('\n').map_or(0, |feed| feed + 1);
            // A feed that is gone takes the line behind it along.
            let lines = if text[at..].starts_with('\n') { 2 } else { 1 };
            hit.extend(text[start..].split_inclusive('\n').take(lines));
        }
        let found = read(&home, &bytes);
        let found: HashSet<String> =
            items(&found.turns.unwrap()).into_iter().map(|(turn, item)| format!("{turn} {item}")).collect();
        for (turn, item) in &whole {
            let is_there = found.contains(&format!("{turn} {item}"));
            prop_assert!(is_there || hit.contains(id_of(item)), "{} is lost", id_of(item));
        }
    }

    #[test]
    fn any_bytes_behind_the_first_line_are_a_thread(
        which in 0..FILES.len(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
    ) {
        let home = Home::new();
        let text = FILES[which];
        let head = head_of(text);
        let mut bytes = text.as_bytes().to_vec();
        for (index, byte) in flips {
            let at = head + 1 + index.index(bytes.len() - head - 1);
            bytes[at] = byte;
        }
        read(&home, &bytes);
    }

    #[test]
    fn lines_in_any_order_have_all_items(
        mode in mode(),
        seed in prop::collection::vec(any::<u64>(), 80..100),
    ) {
        let home = Home::new();
        let text = ours(mode);
        let whole = items(&read(&home, text.as_bytes()).turns.unwrap());
        let mut lines: Vec<&str> = text.lines().collect();
        // The first line is what makes it a thread of this form.
        let mut keys = seed.into_iter().cycle();
        lines[1..].sort_by_cached_key(|_| keys.next());
        let found = items(&read(&home, lines.join("\n").as_bytes()).turns.unwrap());
        for item in &whole {
            prop_assert!(found.contains(item), "{} is lost", id_of(&item.1));
        }
    }

    /// Two processes append in turns, a few lines each.
    #[test]
    fn lines_of_two_writers_have_all_items(
        mode in mode(),
        pieces in prop::collection::vec(1..9_usize, 1..30),
    ) {
        let home = Home::new();
        let one = ours(mode);
        let other = one.replace("-00000000010", "-00000000020").replace("question", "demand");
        let mut expected = items(&read(&home, one.as_bytes()).turns.unwrap());
        expected.extend(items(&read(&home, other.as_bytes()).turns.unwrap()));
        let mut writers = [one.lines().collect::<Vec<_>>().into_iter(), other.lines().skip(1).collect::<Vec<_>>().into_iter()];
        let mut mixed = vec![writers[0].next().unwrap()];
        for (round, count) in pieces.into_iter().enumerate() {
            mixed.extend(writers[round % 2].by_ref().take(count));
        }
        let [one, other] = writers;
        mixed.extend(one.chain(other));
        let found = items(&read(&home, mixed.join("\n").as_bytes()).turns.unwrap());
        for item in &expected {
            prop_assert!(found.contains(item), "{} is lost", id_of(&item.1));
        }
    }
}
