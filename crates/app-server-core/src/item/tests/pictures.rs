//! Large pictures are in a file of ours once and come back wherever they were shown.

use app_server_protocol::v2::TurnItemsView;
use pretty_assertions::assert_eq;
use serde_json::value::{RawValue, to_raw_value};

use super::*;
use crate::item::{Cut, Part, copy, outline, turns, write_given};
use crate::secrets::Secrets;

/// A picture of its own for each letter.
fn picture(letter: &str) -> String {
    format!("data:image/png;base64,{}", letter.repeat(9000))
}

const GONE: &str = "data:,";

/// A message of the user as the model sees it.
fn seen(words: &str, pictures: &[&str]) -> Box<RawValue> {
    let text = |text: &str| json!({"type": "input_text", "text": text});
    let mut content = vec![text(words)];
    for url in pictures {
        let picture = json!({"type": "input_image", "image_url": url});
        content.extend([text("<image>"), picture, text("</image>")]);
    }
    to_raw_value(&json!({"type": "message", "role": "user", "content": content})).unwrap()
}

/// The same as the client sees it.
fn shown_item(id: &str, words: &str, pictures: &[&str]) -> ThreadItem {
    let mut content = vec![json!({"type": "text", "text": words, "text_elements": []})];
    content.extend(pictures.iter().map(|url| json!({"type": "image", "url": url, "detail": "high"})));
    item(json!({"type": "userMessage", "id": id, "clientId": null, "content": content}))
}

/// Adds a message of the user and returns its item.
fn say(batch: &mut Batch, mode: HistoryMode, turn_id: &str, words: &str, pictures: &[&str]) -> ThreadItem {
    let (seen, item) = (seen(words, pictures), shown_item(words, words, pictures));
    batch.response_item(&seen).unwrap();
    write_item(batch, mode, THREAD, turn_id, &item, Some(&seen)).unwrap();
    item
}

fn event(batch: &mut Batch, kind: &str, turn_id: &str) {
    batch.event(kind, &json!({"turn_id": turn_id})).unwrap();
}

/// All turns, read page by page, which is as they are read together.
#[track_caller]
fn read(home: &Home, path: &Path) -> Vec<Turn> {
    let store = Store::new(home.0.path());
    let outline = outline(&store, path).unwrap();
    let mut pages = Vec::new();
    for at in 0..outline.turns.len() {
        turns(&store, &outline, at..at + 1, TurnItemsView::Full, &mut |turn| pages.push(turn)).unwrap();
    }
    assert_eq!(home.load(path, ALL).turns.as_ref(), Some(&pages));
    pages
}

fn items(turns: &[Turn]) -> Vec<ThreadItem> {
    turns.iter().flat_map(|turn| turn.items.clone()).collect()
}

/// The addresses of the pictures in an item.
fn urls(item: &ThreadItem) -> Vec<String> {
    let item = json!(item);
    let parts = item["content"].as_array().unwrap().iter();
    parts.filter_map(|part| part["url"].as_str().map(str::to_owned)).collect()
}

fn count(path: &Path, text: &str) -> usize {
    fs::read_to_string(path).unwrap().matches(text).count()
}

/// Changes the lines of a file that have this in them.
fn change(path: &Path, part: &str, change: impl Fn(&str) -> String) {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| if line.contains(part) { change(line) } else { format!("{line}\n") });
    fs::write(path, lines.collect::<String>()).unwrap();
}

#[test]
fn a_large_picture_is_in_a_file_once() {
    let (a, b, small) = (picture("A"), picture("B"), "data:image/png;base64,iVBORw0KGgo");
    for (mode, copies) in [(HistoryMode::Legacy, 1), (HistoryMode::Paginated, 2)] {
        let home = Home::new();
        let mut batch = Batch::new();
        event(&mut batch, "task_started", "t-1");
        let first = say(&mut batch, mode, "t-1", "one", &[&a, small, &b, &a]);
        let second = say(&mut batch, mode, "t-1", "two", &["https://example.org/a.png", &b]);
        event(&mut batch, "task_complete", "t-1");
        let path = written(&home, mode, &batch);
        let turns = read(&home, &path);
        assert_eq!(items(&turns), [first, second]);
        // The model sees one of them twice in the first message and one in both.
        assert_eq!((count(&path, &a), count(&path, &b)), (2 * copies, 2 * copies));
    }
}

#[test]
fn other_programs_see_the_small_pictures_alone() {
    let home = Home::new();
    let (a, small) = (picture("A"), "data:image/png;base64,iVBORw0KGgo");
    let mut batch = Batch::new();
    event(&mut batch, "task_started", "t-1");
    say(&mut batch, HistoryMode::Legacy, "t-1", "one", &[small, &a, "https://example.org/a.png"]);
    let path = written(&home, HistoryMode::Legacy, &batch);
    let text = fs::read_to_string(&path).unwrap();
    let line = text.lines().find(|line| line.contains("user_message")).unwrap();
    let event: Value = serde_json::from_str(line).unwrap();
    assert_eq!(event["payload"]["images"], json!([small, "https://example.org/a.png"]));
    assert_eq!(event["payload"]["message"], "one");

    // The event alone has all of them as well, in their order.
    change(&path, "item_completed", |_| String::new());
    assert_eq!(
        urls(&items(&read(&home, &path))[0]),
        [small.to_owned(), a, "https://example.org/a.png".to_owned()]
    );
}

#[test]
fn a_picture_that_is_gone_takes_nothing_along() {
    let (a, b) = (picture("A"), picture("B"));
    let whole = |home: &Home| {
        let mut batch = Batch::new();
        event(&mut batch, "task_started", "t-1");
        say(&mut batch, HistoryMode::Legacy, "t-1", "one", &[&a]);
        say(&mut batch, HistoryMode::Legacy, "t-1", "two", &[&b]);
        event(&mut batch, "task_complete", "t-1");
        event(&mut batch, "task_started", "t-2");
        say(&mut batch, HistoryMode::Legacy, "t-2", "three", &[&a]);
        say(&mut batch, HistoryMode::Legacy, "t-2", "four", &[&b]);
        written(home, HistoryMode::Legacy, &batch)
    };
    let torn = |line: &str| format!("{}\n", &line[..line.len() / 2]);
    let lost = |_: &str| String::new();
    let flipped = |line: &str| format!("{}\n", line.replace('B', "C"));
    let damages: [&dyn Fn(&str) -> String; 3] = [&torn, &lost, &flipped];
    for damage in damages {
        let home = Home::new();
        let path = whole(&home);
        change(&path, &b, damage);
        let turns = read(&home, &path);
        let pictures: Vec<_> = items(&turns).iter().flat_map(urls).collect();
        assert_eq!(pictures, [a.as_str(), GONE, &a, GONE]);
        assert_eq!(ids(&turns), ["t-1 completed: one two", "t-2 interrupted: three four"]);
    }
    // A line of the message that is gone harms none of its others.
    for (part, damage) in [("user_message", damages[0]), ("user_message", damages[1])] {
        let home = Home::new();
        let path = whole(&home);
        change(&path, part, damage);
        let pictures: Vec<_> = items(&read(&home, &path)).iter().flat_map(urls).collect();
        assert_eq!(pictures, [a.as_str(), &b, &a, &b]);
    }
}

#[test]
fn a_message_behind_an_item_of_another_turn_has_its_picture() {
    let (home, a) = (Home::new(), picture("A"));
    let mut batch = Batch::new();
    begin(&mut batch, HistoryMode::Legacy, "t-1", Some("one"));
    event(&mut batch, "task_complete", "t-1");
    event(&mut batch, "task_started", "t-2");
    write_item(&mut batch, HistoryMode::Legacy, THREAD, "t-1", &item(command("late")), None).unwrap();
    let message = say(&mut batch, HistoryMode::Legacy, "t-2", "two", &[&a]);
    let path = written(&home, HistoryMode::Legacy, &batch);
    let turns = read(&home, &path);
    assert_eq!(ids(&turns), ["t-1 completed: u-t-1 late", "t-2 interrupted: two"]);
    assert_eq!(turns[1].items, [message]);
}

#[test]
fn what_looks_like_a_reference_comes_back_as_it_was() {
    let home = Home::new();
    let odd = "rollout:image/0/0123456789abcdef";
    let mut batch = Batch::new();
    event(&mut batch, "task_started", "t-1");
    let message = say(&mut batch, HistoryMode::Legacy, "t-1", "one", &["rollout:image/0", odd]);
    let path = written(&home, HistoryMode::Legacy, &batch);
    assert_eq!(items(&read(&home, &path)), [message]);
}

#[test]
fn a_summary_has_the_picture_and_a_turn_without_items_reads_none() {
    let (home, a) = (Home::new(), picture("A"));
    let mut batch = Batch::new();
    event(&mut batch, "task_started", "t-1");
    let message = say(&mut batch, HistoryMode::Legacy, "t-1", "one", &[&a]);
    let path = written(&home, HistoryMode::Legacy, &batch);
    let store = Store::new(home.0.path());
    let outline = outline(&store, &path).unwrap();
    let mut seen = Vec::new();
    for view in [TurnItemsView::Summary, TurnItemsView::NotLoaded] {
        turns(&store, &outline, 0..1, view, &mut |turn| seen.push(turn.items)).unwrap();
    }
    assert_eq!(seen, [vec![message], Vec::new()]);
}

#[test]
fn a_copy_has_its_pictures_once() {
    let (a, b) = (picture("A"), picture("B"));
    for mode in [HistoryMode::Legacy, HistoryMode::Paginated] {
        let home = Home::new();
        let mut batch = Batch::new();
        for (turn_id, url) in [("t-1", &a), ("t-2", &b)] {
            event(&mut batch, "task_started", turn_id);
            say(&mut batch, mode, turn_id, turn_id, &[url]);
            event(&mut batch, "task_complete", turn_id);
        }
        let source = written(&home, mode, &batch);
        let all = read(&home, &source);
        let store = Store::new(home.0.path());
        let outline = outline(&store, &source).unwrap();
        for (cut, kept) in [(Cut::End, 2), (Cut::Behind("t-1"), 1), (Cut::Before("t-2"), 1)] {
            let path = home.0.path().join("copy.jsonl");
            let _ = fs::remove_file(&path);
            let meta = SessionMeta { id: THREAD.parse().unwrap(), ..SessionMeta::default() };
            let mut writer = RolloutWriter::create(path.clone(), meta).unwrap();
            copy(&store, &source, &Part::of(&outline, cut).unwrap(), &mut writer).unwrap();
            assert_eq!(read(&home, &path), all[..kept]);
            assert_eq!((count(&path, &a), count(&path, &b)), (1, kept - 1), "{mode:?} {cut:?}");
        }
    }
}

#[test]
fn a_given_history_has_its_pictures_once() {
    let (home, a) = (Home::new(), picture("A"));
    let small = "data:image/png;base64,iVBORw0KGgo";
    let given: Vec<_> = [seen("one", &[&a, small]), seen("two", &[])]
        .iter()
        .map(|raw| serde_json::from_str(raw.get()).unwrap())
        .collect();
    let mut batch = Batch::new();
    write_given(&mut batch, &given, &Secrets::new([])).unwrap();
    let path = written(&home, HistoryMode::Legacy, &batch);
    let turns = read(&home, &path);
    assert_eq!(ids(&turns), ["turn-1 completed: item-1", "turn-2 completed: item-2"]);
    assert_eq!(urls(&turns[0].items[0]), [a.as_str(), small]);
    assert_eq!(count(&path, &a), 1);
}
