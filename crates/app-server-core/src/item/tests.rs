//! Rollouts of every writer read back, and what we write read back as it was. The small files in `files` are made up.

mod damage;
mod outline;
mod pictures;
mod whole;

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use app_server_protocol::v2::{ThreadItem, ThreadItemKind, ThreadTokenUsage, Turn};
use app_server_rollout::{Batch, HistoryMode, Position, RolloutWriter, ScanReport, SessionMeta, Store};
use expect_test::{Expect, expect};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::recorded::{read_item, shell_line};
use super::{TurnPlace, Want, load_outlined, outline_until, write_item};
use crate::error::CoreError;
use crate::goal::Goal;
use crate::history::History;
use crate::turns_text::TurnsText;

mod copy;

const ALL: Want = Want { turns: true, history: true };

/// What was read of a thread, its turns not as text.
struct Loaded {
    meta: SessionMeta,
    report: ScanReport,
    history: History,
    turns: Option<Vec<Turn>>,
    last_turn: Option<TurnPlace>,
    usage: Option<ThreadTokenUsage>,
    usage_turn_id: Option<String>,
    model: Option<String>,
    effort: Option<String>,
    goal: Option<Goal>,
}

fn load(store: &Store, path: &Path, want: Want) -> Result<Loaded, CoreError> {
    load_until(store, path, None, want)
}

fn load_until(store: &Store, path: &Path, until: Option<Position>, want: Want) -> Result<Loaded, CoreError> {
    Ok(parsed(super::load_until(store, path, until, want)?))
}

/// What is read of long threads.
fn load_by_places(
    store: &Store,
    path: &Path,
    until: Option<Position>,
    want: Want,
) -> Result<Loaded, CoreError> {
    Ok(parsed(load_outlined(store, outline_until(store, path, until)?, want)?))
}

fn parsed(loaded: super::Loaded) -> Loaded {
    let super::Loaded { meta, report, history, turns, last_turn, usage, usage_turn_id, model, effort, goal } =
        loaded;
    let turns = turns.map(|text| match text {
        TurnsText::Held(text) => serde_json::from_slice(&text).unwrap(),
        TurnsText::Spilled(file, _) => serde_json::from_reader(BufReader::new(file)).unwrap(),
    });
    Loaded { meta, report, history, turns, last_turn, usage, usage_turn_id, model, effort, goal }
}

/// A home with rollouts in it.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Home(tempfile::tempdir().unwrap())
    }

    /// Puts a rollout where the store finds it.
    fn put(&self, id: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(format!("sessions/2026/03/01/rollout-2026-03-01T09-00-00-{id}.jsonl"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn load(&self, path: &Path, want: Want) -> Loaded {
        load(&Store::new(self.0.path()), path, want).unwrap()
    }
}

/// Loads one of the files; the id in its name does not matter unless another file names it.
fn file(text: &str) -> Loaded {
    let home = Home::new();
    let path = home.put("01950000-0000-7000-8000-0000000000ff", text.as_bytes());
    home.load(&path, ALL)
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            object.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect()
        }
        Value::Array(values) => values.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// One line per turn and per item, without what is null.
fn shown(turns: &[Turn]) -> String {
    let mut text = String::new();
    for turn in turns {
        let mut head = without_nulls(serde_json::to_value(turn).unwrap());
        let head = head.as_object_mut().unwrap();
        for key in ["items", "itemsView", "id", "status"] {
            head.remove(key);
        }
        if head.get("rootTurnId").and_then(Value::as_str) == Some(&turn.id) {
            head.remove("rootTurnId");
        }
        let status = json!(turn.status);
        let head = if head.is_empty() { String::new() } else { format!(" {}", json!(head)) };
        text.push_str(&format!("{} {}{head}\n", turn.id, status.as_str().unwrap()));
        for item in &turn.items {
            text.push_str(&format!("  {}\n", without_nulls(json!(item))));
        }
    }
    text
}

#[track_caller]
fn check_turns(text: &str, expected: &Expect) {
    expected.assert_eq(&shown(file(text).turns.as_ref().unwrap()));
}

/// What is known for going on: usage, settings and the model's history.
#[track_caller]
fn check_history(text: &str, expected: &Expect) {
    let loaded = file(text);
    let usage = loaded.usage.as_ref().map(|usage| (usage.total.total_tokens, usage.last.total_tokens));
    let mut out = format!("usage {usage:?} of {:?}\n", loaded.usage_turn_id);
    out.push_str(&format!("model {:?} effort {:?}\n", loaded.model, loaded.effort));
    for item in loaded.history.prompt() {
        let item: Value = serde_json::from_str(item.get()).unwrap();
        let text = item["content"][0]["text"].as_str().or(item["call_id"].as_str()).unwrap_or_default();
        let kind = item["role"].as_str().or(item["type"].as_str()).unwrap();
        out.push_str(&format!("{kind} {text:?}\n"));
    }
    expected.assert_eq(&out);
}

const JANUARY: &str = include_str!("files/january.jsonl");
const JANUARY_ROLLED_BACK: &str = include_str!("files/january_rolled_back.jsonl");
const LEGACY: &str = include_str!("files/legacy.jsonl");
const PAGINATED: &str = include_str!("files/paginated.jsonl");
const CONTINUED: &str = include_str!("files/continued.jsonl");
const DAMAGED: &str = include_str!("files/damaged.jsonl");
const BASE: &str = include_str!("files/base.jsonl");
const FORK: &str = include_str!("files/fork.jsonl");

#[test]
fn january_files_have_no_turn_ids() {
    check_turns(
        JANUARY,
        &expect![[r#"
        turn-1 completed
          {"type":"userMessage","id":"item-1","content":[{"type":"text","text":"look","text_elements":[{"byteRange":{"end":4,"start":0}}]},{"type":"image","url":"data:image/png;base64,AA=="},{"type":"localImage","path":"/w/a.png"}]}
          {"type":"reasoning","id":"item-2","summary":["**One**","**Two**"],"content":["raw"]}
          {"type":"agentMessage","id":"item-3","text":"Let me see"}
          {"type":"commandExecution","id":"call_1","command":"/bin/bash -lc 'ls; exit 3'","cwd":"/w/src","source":"agent","status":"failed","commandActions":[],"aggregatedOutput":"a\n","exitCode":3,"durationMs":200}
          {"type":"commandExecution","id":"call_2","command":"bash -lc true","cwd":"/w","source":"agent","status":"completed","commandActions":[],"exitCode":0,"durationMs":100}
          {"type":"agentMessage","id":"item-4","text":"Seen"}
        turn-2 completed
          {"type":"userMessage","id":"item-5","content":[{"type":"text","text":"this fails","text_elements":[]}]}
        turn-3 completed
          {"type":"userMessage","id":"item-6","content":[{"type":"text","text":"plan it","text_elements":[]}]}
          {"type":"plan","id":"2-plan","text":"- one\n"}
          {"type":"agentMessage","id":"item-7","text":"Planned"}
          {"type":"enteredReviewMode","id":"item-8","review":"current changes"}
          {"type":"exitedReviewMode","id":"item-9","review":"Mostly fine.\n\nReview comment:\n\n- [P1] Fix it — /w/a.rs:1-2\n  It breaks."}
          {"type":"contextCompaction","id":"item-10"}
        turn-4 interrupted
          {"type":"userMessage","id":"item-11","content":[{"type":"text","text":"stop me","text_elements":[]}]}
    "#]],
    );
    check_history(
        JANUARY,
        &expect![[r#"
        usage Some((31, 21)) of Some("turn-1")
        model Some("m-2") effort Some("high")
        user "look"
        user "this fails"
        user "plan it"
        user "summary"
        user "stop me"
        user "<turn_aborted>\nstopped"
    "#]],
    );
}

#[test]
fn a_rollback_drops_turns_and_history() {
    check_turns(
        JANUARY_ROLLED_BACK,
        &expect![[r#"
        turn-1 completed
          {"type":"userMessage","id":"item-1","content":[{"type":"text","text":"one","text_elements":[]}]}
          {"type":"agentMessage","id":"item-2","text":"re one"}
        turn-2 completed
          {"type":"userMessage","id":"item-3","content":[{"type":"text","text":"four","text_elements":[]}]}
          {"type":"agentMessage","id":"item-4","text":"re four"}
    "#]],
    );
    check_history(
        JANUARY_ROLLED_BACK,
        &expect![[r#"
        usage Some((41, 11)) of Some("turn-2")
        model Some("m-1") effort None
        user "one"
        assistant "re one"
        user "four"
        assistant "re four"
    "#]],
    );
}

#[test]
fn legacy_files_of_today_name_their_turns() {
    check_turns(
        LEGACY,
        &expect![[r#"
        01950000-0000-7000-8000-000000000101 completed {"completedAt":1772355623,"durationMs":1500,"startedAt":1772355601}
          {"type":"userMessage","id":"item-1","clientId":"c-1","content":[{"type":"text","text":"run","text_elements":[]}]}
          {"type":"reasoning","id":"item-2","summary":["**Think**"],"content":[]}
          {"type":"agentMessage","id":"item-3","text":"Running","phase":"commentary"}
          {"type":"commandExecution","id":"call_1","command":"/bin/bash -lc 'echo hi'","cwd":"/w","source":"agent","status":"completed","commandActions":[],"aggregatedOutput":"hi\n","exitCode":0,"durationMs":45}
          {"type":"commandExecution","id":"call_2","command":"/bin/bash -lc 'rm x'","cwd":"/w","source":"agent","status":"declined","commandActions":[]}
          {"type":"fileChange","id":"call_3","changes":[{"diff":"g\n","kind":{"type":"delete"},"path":"/w/gone"},{"diff":"x\n","kind":{"type":"add"},"path":"/w/new"},{"diff":"@@ -1 +1 @@\n-a\n+b\n\n\nMoved to: /w/moved","kind":{"type":"update","move_path":"/w/moved"},"path":"/w/old"}],"status":"completed"}
          {"type":"mcpToolCall","id":"call_4","server":"s","tool":"echo","status":"completed","arguments":{"a":1},"result":{"content":[{"type":"text","text":"hi"}]},"durationMs":1005}
          {"type":"mcpToolCall","id":"call_5","server":"s","tool":"boom","status":"failed","arguments":{"a":1},"result":{"content":[{"type":"text","text":"boom"}]},"durationMs":1005}
          {"type":"mcpToolCall","id":"call_6","server":"s","tool":"gone","status":"failed","arguments":{"a":1},"error":{"message":"no such tool"},"durationMs":1005}
          {"type":"webSearch","id":"ws_1","query":"'x' in https://e.org","action":{"type":"findInPage","pattern":"x","url":"https://e.org"}}
          {"type":"agentMessage","id":"item-4","text":"Done","phase":"final_answer"}
        01950000-0000-7000-8000-000000000102 completed {"completedAt":1772355630,"durationMs":1500,"startedAt":1772355690}
          {"type":"enteredReviewMode","id":"item-e","review":"current changes"}
          {"type":"exitedReviewMode","id":"item-x","review":"Mostly fine.\n\nReview comment:\n\n- [P1] Fix it — /w/a.rs:1-2\n  It breaks."}
        01950000-0000-7000-8000-000000000103 interrupted {"startedAt":1772355625}
          {"type":"userMessage","id":"item-5","content":[{"type":"text","text":"Review the changes","text_elements":[]}]}
          {"type":"agentMessage","id":"item-6","text":"Fine."}
        01950000-0000-7000-8000-000000000104 failed {"completedAt":1772355634,"durationMs":1500,"error":{"codexErrorInfo":"internalServerError","message":"boom"},"startedAt":1772355631}
          {"type":"userMessage","id":"item-7","content":[{"type":"text","text":"fail","text_elements":[]}]}
        01950000-0000-7000-8000-000000000105 interrupted {"completedAt":1772355701,"durationMs":900,"startedAt":1772355635}
          {"type":"userMessage","id":"item-8","content":[{"type":"text","text":"stop","text_elements":[]}]}
        01950000-0000-7000-8000-000000000106 interrupted {"startedAt":1772355640}
          {"type":"userMessage","id":"item-9","content":[{"type":"text","text":"cut off","text_elements":[]}]}
    "#]],
    );
    check_history(
        LEGACY,
        &expect![[r#"
        usage Some((11, 11)) of Some("01950000-0000-7000-8000-000000000101")
        model Some("m-1") effort Some("low")
        developer "permissions"
        user "run"
        assistant "Running"
        function_call "call_1"
        function_call_output "call_1"
        function_call "call_2"
        function_call_output "call_2"
        function_call "call_3"
        function_call_output "call_3"
        assistant "Done"
        assistant "Fine."
        user "fail"
        user "stop"
        user "<turn_aborted>\nstopped"
        user "cut off"
    "#]],
    );
}

#[test]
fn paginated_files_have_items() {
    check_turns(
        PAGINATED,
        &expect![[r#"
        01950000-0000-7000-8000-000000000101 completed {"completedAt":1772355624,"durationMs":1500,"startedAt":1772355601}
          {"type":"userMessage","id":"u-1","clientId":"c-1","content":[{"type":"text","text":"go","text_elements":[{"byteRange":{"end":2,"start":0},"placeholder":"@go"}]},{"type":"localImage","path":"/w/a.png"},{"type":"image","url":"data:image/png;base64,AA=="},{"type":"skill","name":"s","path":"/s/SKILL.md"},{"type":"mention","name":"m","path":"app://m"}],"startedAtMs":1772355600004,"completedAtMs":1772355600504}
          {"type":"reasoning","id":"rs_1","summary":["**One**"],"content":["raw"],"startedAtMs":1772355600005,"completedAtMs":1772355600505}
          {"type":"agentMessage","id":"msg_1","text":"Working","phase":"commentary","startedAtMs":1772355600006,"completedAtMs":1772355600506}
          {"type":"commandExecution","id":"call_1","command":"/bin/bash -lc \"echo 'it is' > a b\"","cwd":"/w/with space","processId":"42","source":"unifiedExecStartup","status":"completed","commandActions":[{"type":"read","command":"cat a","name":"a","path":"/w/a"},{"type":"listFiles","command":"ls"},{"type":"search","command":"rg x","path":"src","query":"x"},{"type":"unknown","command":"echo"}],"aggregatedOutput":"hi\n","exitCode":0,"durationMs":1002,"startedAtMs":1772355600007,"completedAtMs":1772355600507}
          {"type":"commandExecution","id":"call_2","command":"/bin/bash -lc 'sleep 9'","cwd":"/w","source":"userShell","status":"failed","commandActions":[],"exitCode":-1,"startedAtMs":1772355600008,"completedAtMs":1772355600508}
          {"type":"fileChange","id":"call_3","changes":[{"diff":"x\n","kind":{"type":"add"},"path":"/w/a"},{"diff":"@@ -1 +1 @@\n-a\n+b\n","kind":{"type":"update"},"path":"/w/b"}],"status":"declined","startedAtMs":1772355600009,"completedAtMs":1772355600509}
          {"type":"mcpToolCall","id":"call_4","server":"s","tool":"t","status":"completed","arguments":{"a":1},"result":{"content":[{"type":"text","text":"hi"}],"structuredContent":{"b":2}},"durationMs":7,"startedAtMs":1772355600010,"completedAtMs":1772355600510}
          {"type":"mcpToolCall","id":"call_5","server":"s","tool":"t","status":"failed","arguments":{},"error":{"message":"gone"},"startedAtMs":1772355600011,"completedAtMs":1772355600511}
          {"type":"dynamicToolCall","id":"call_6","tool":"mine","arguments":{},"status":"completed","contentItems":[{"type":"inputText","text":"out"}],"success":true,"durationMs":0,"startedAtMs":1772355600012,"completedAtMs":1772355600512}
          {"type":"webSearch","id":"ws_1","query":"rust","action":{"type":"search","queries":["rust","serde"],"query":"rust"},"startedAtMs":1772355600013,"completedAtMs":1772355600513}
          {"type":"webSearch","id":"ws_2","query":"","action":{"type":"other"},"startedAtMs":1772355600014,"completedAtMs":1772355600514}
          {"type":"imageView","id":"call_7","path":"/w/a.png","startedAtMs":1772355600015,"completedAtMs":1772355600515}
          {"type":"plan","id":"01950000-0000-7000-8000-000000000101-plan","text":"- one\n","startedAtMs":1772355600016,"completedAtMs":1772355600516}
          {"type":"contextCompaction","id":"cc-1","startedAtMs":1772355600017,"completedAtMs":1772355600517}
          {"type":"enteredReviewMode","id":"er-1","review":"current changes","startedAtMs":1772355600018,"completedAtMs":1772355600518}
          {"type":"exitedReviewMode","id":"xr-1","review":"Reviewer failed to output a response.","startedAtMs":1772355600019,"completedAtMs":1772355600519}
          {"type":"agentMessage","id":"msg_2","text":"Done","phase":"final_answer","startedAtMs":1772355600022,"completedAtMs":1772355600522}
          {"type":"commandExecution","id":"call_8","command":"/bin/bash -lc 'sleep 3'","cwd":"/w","processId":"42","source":"unifiedExecStartup","status":"completed","commandActions":[],"aggregatedOutput":"late\n","exitCode":0,"durationMs":1002,"startedAtMs":1772355600029,"completedAtMs":1772355600529}
        01950000-0000-7000-8000-000000000102 interrupted {"completedAt":1772355640,"durationMs":10,"startedAt":1772355625}
          {"type":"userMessage","id":"u-2","content":[{"type":"text","text":"stop","text_elements":[]}],"startedAtMs":1772355600027,"completedAtMs":1772355600527}
        01950000-0000-7000-8000-000000000103 failed {"completedAt":1772355633,"durationMs":1500,"error":{"codexErrorInfo":"contextWindowExceeded","message":"too long"},"startedAt":1772355630}
          {"type":"userMessage","id":"u-3","content":[{"type":"text","text":"fail","text_elements":[]}],"startedAtMs":1772355600032,"completedAtMs":1772355600532}
        01950000-0000-7000-8000-000000000104 interrupted {"startedAt":1772355634}
          {"type":"userMessage","id":"u-4","content":[{"type":"text","text":"never ended","text_elements":[]}],"startedAtMs":1772355600036,"completedAtMs":1772355600536}
    "#]],
    );
    check_history(
        PAGINATED,
        &expect![[r#"
        usage Some((11, 11)) of Some("01950000-0000-7000-8000-000000000101")
        model Some("m-1") effort None
        user "go"
        assistant "Done"
        user "stop"
        user "fail"
        user "never ended"
    "#]],
    );
}

#[test]
fn a_file_of_ours_continued_by_others_keeps_its_order() {
    check_turns(
        CONTINUED,
        &expect![[r#"
        01950000-0000-7000-8000-000000000101 completed {"completedAt":1772355610,"durationMs":1500,"startedAt":1772355601}
          {"type":"userMessage","id":"u-1","content":[{"type":"text","text":"one","text_elements":[]}],"startedAtMs":1772355600005,"completedAtMs":1772355600505}
          {"type":"agentMessage","id":"msg_1","text":"first","startedAtMs":1772355600007,"completedAtMs":1772355600507}
          {"type":"imageView","id":"call_1","path":"/w/late.png","startedAtMs":1772355600014,"completedAtMs":1772355600514}
        turn-2 completed
          {"type":"userMessage","id":"item-1","content":[{"type":"text","text":"two, by January","text_elements":[]}]}
          {"type":"agentMessage","id":"item-2","text":"second"}
        01950000-0000-7000-8000-000000000103 completed {"completedAt":1772355625,"durationMs":1500,"startedAt":1772355618}
          {"type":"userMessage","id":"item-3","content":[{"type":"text","text":"three, by today","text_elements":[]}]}
          {"type":"agentMessage","id":"item-4","text":"third"}
        01950000-0000-7000-8000-000000000104 completed {"completedAt":1772355635,"durationMs":1500,"startedAt":1772355626}
          {"type":"userMessage","id":"u-4","content":[{"type":"text","text":"four","text_elements":[]}],"startedAtMs":1772355600030,"completedAtMs":1772355600530}
          {"type":"agentMessage","id":"msg_4","text":"fourth","startedAtMs":1772355600032,"completedAtMs":1772355600532}
        01950000-0000-7000-8000-000000000105 failed {"completedAt":1772355642,"durationMs":1500,"error":{"codexErrorInfo":{"responseStreamDisconnected":{"httpStatusCode":502}},"message":"boom"},"startedAt":1772355636}
          {"type":"userMessage","id":"u-5","content":[{"type":"text","text":"five","text_elements":[]}],"startedAtMs":1772355600039,"completedAtMs":1772355600539}
          {"type":"imageView","id":"call_1","path":"/w/a.png","startedAtMs":1772355600040,"completedAtMs":1772355600540}
          {"type":"sleep","id":"call_2","durationMs":5,"startedAtMs":1772355600041,"completedAtMs":1772355600541}
    "#]],
    );
    check_history(
        CONTINUED,
        &expect![[r#"
        usage Some((41, 11)) of Some("01950000-0000-7000-8000-000000000104")
        model Some("m-1") effort None
        user "one"
        assistant "first"
        user "two, by January"
        assistant "second"
        user "three, by today"
        assistant "third"
        user "four"
        assistant "fourth"
        user "five"
    "#]],
    );
}

#[test]
fn damage_and_unknown_records_are_passed_over() {
    check_turns(
        DAMAGED,
        &expect![[r#"
        turn-1 completed
          {"type":"userMessage","id":"item-1","content":[{"type":"text","text":"one","text_elements":[]}]}
          {"type":"agentMessage","id":"item-2","text":"first"}
        turn-2 completed
          {"type":"userMessage","id":"item-3","content":[{"type":"text","text":"glued to a torn line","text_elements":[]}]}
        turn-3 completed
          {"type":"userMessage","id":"item-4","content":[{"type":"text","text":"two","text_elements":[]}]}
    "#]],
    );
    check_history(
        DAMAGED,
        &expect![[r#"
        usage None of None
        model None effort None
        user "one"
        assistant "first"
        user "two"
    "#]],
    );
    let report = file(DAMAGED).report;
    assert_eq!((report.damaged, report.torn_tail), (6, true));
}

#[test]
fn a_fork_begins_with_what_it_was_forked_from() {
    let home = Home::new();
    home.put("01950000-0000-7000-8000-000000000008", BASE.as_bytes());
    let path = home.put("01950000-0000-7000-8000-000000000009", FORK.as_bytes());
    let loaded = home.load(&path, ALL);
    expect![[r#"
        01950000-0000-7000-8000-000000000101 completed {"completedAt":1772355606,"durationMs":1500,"startedAt":1772355601}
          {"type":"userMessage","id":"u-1","content":[{"type":"text","text":"one","text_elements":[]}],"startedAtMs":1772355600003,"completedAtMs":1772355600503}
          {"type":"agentMessage","id":"msg_1","text":"first","startedAtMs":1772355600004,"completedAtMs":1772355600504}
        01950000-0000-7000-8000-000000000109 completed {"completedAt":1772355606,"durationMs":1500,"startedAt":1772355601}
          {"type":"userMessage","id":"u-9","content":[{"type":"text","text":"instead","text_elements":[]}],"startedAtMs":1772355600003,"completedAtMs":1772355600503}
          {"type":"agentMessage","id":"msg_9","text":"other","startedAtMs":1772355600004,"completedAtMs":1772355600504}
    "#]].assert_eq(&shown(loaded.turns.as_ref().unwrap()));
    assert_eq!(loaded.history.len(), 4);
    assert_eq!(loaded.meta.id.to_string(), "01950000-0000-7000-8000-000000000009");
    // Its writer goes on behind its own last record, not behind the base's.
    assert_eq!(loaded.report.last_ordinal, Some(13));
}

#[test]
fn what_is_not_wanted_is_not_there() {
    let home = Home::new();
    let path = home.put("01950000-0000-7000-8000-000000000005", CONTINUED.as_bytes());
    let (turns, history) = (
        home.load(&path, Want { turns: true, history: false }),
        home.load(&path, Want { turns: false, history: true }),
    );
    let all = home.load(&path, ALL);
    assert_eq!((turns.turns, turns.history.len(), turns.usage), (all.turns.clone(), 0, None));
    assert_eq!((history.turns, history.history.len()), (None, all.history.len()));
    assert_eq!((history.usage, history.usage_turn_id), (all.usage, all.usage_turn_id));
    assert_eq!((history.model, history.effort), (all.model, all.effort));
}

#[test]
fn a_compaction_with_a_history_replaces_it() {
    let compacted = json!({"timestamp": "2026-03-01T09:00:50.000Z", "type": "compacted", "payload": {
        "message": "unused",
        "replacement_history": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "kept"}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "the summary"}]},
        ],
    }});
    check_history(
        &format!("{JANUARY}{compacted}\n"),
        &expect![[r#"
        usage Some((31, 21)) of Some("turn-1")
        model Some("m-2") effort Some("high")
        user "kept"
        user "the summary"
    "#]],
    );
}

/// Every kind of item, as the wire has it. A review of the older form is missing: it is stored as two other items.
fn every_item() -> Vec<ThreadItem> {
    let items = json!([
        {"type": "userMessage", "id": "u-1", "clientId": "c-1", "content": [
            {"type": "text", "text": "go", "text_elements": [{"byteRange": {"start": 0, "end": 2}, "placeholder": "@go"}]},
            {"type": "localImage", "path": "/w/a.png", "detail": "high"},
            {"type": "image", "url": "data:image/png;base64,AA=="},
            {"type": "text", "text": " on", "text_elements": [{"byteRange": {"start": 1, "end": 3}}]},
            {"type": "skill", "name": "s", "path": "/s/SKILL.md"},
            {"type": "mention", "name": "m", "path": "app://m"},
        ]},
        {"type": "userMessage", "id": "u-2", "content": [{"type": "localAudio", "path": "/w/a.wav"}]},
        {"type": "hookPrompt", "id": "h-1", "fragments": [{"text": "hook", "hookRunId": "r-1"}]},
        {"type": "agentMessage", "id": "msg_1", "text": "a\n\u{2028}b", "phase": "commentary"},
        {"type": "agentMessage", "id": "msg_2", "text": "", "delivery": "async"},
        {"type": "functionCallOutput", "id": "f-1", "name": "f", "output": "out"},
        {"type": "plan", "id": "t-plan", "text": "- one\n"},
        {"type": "reasoning", "id": "rs_1", "summary": ["**One**", "**Two**"], "content": ["raw"]},
        {"type": "reasoning", "id": "rs_2", "summary": [], "content": []},
        {"type": "commandExecution", "id": "call_1", "command": "/bin/bash -lc 'echo \"hi\"'", "cwd": "/w/with space",
            "processId": "42", "source": "unifiedExecStartup", "status": "failed",
            "commandActions": [{"type": "search", "command": "rg x", "query": "x", "path": null}],
            "aggregatedOutput": "hi\n", "exitCode": 124, "durationMs": 1500},
        {"type": "commandExecution", "id": "call_2", "command": "true", "cwd": "/w", "source": "agent",
            "status": "declined", "commandActions": []},
        {"type": "fileChange", "id": "call_3", "status": "completed", "changes": [
            {"path": "/w/a", "kind": {"type": "update", "move_path": "/w/b"}, "diff": "@@ -1 +1 @@\n-a\n+b\n"},
            {"path": "/w/c", "kind": {"type": "add"}, "diff": "x\n"},
        ]},
        {"type": "fileChange", "id": "call_10", "status": "declined", "changes": [
            {"path": "/w/a", "kind": {"type": "update", "move_path": "/w/b"},
                "diff": "@@ -1 +1 @@\n-a\n+b\n\n\nMoved to: /w/b"},
            {"path": "/w/c", "kind": {"type": "delete"}, "diff": "x\n"},
            {"path": "/w/d", "kind": {"type": "update", "move_path": null}, "diff": "@@ -1 +1 @@\n-a\n+b\n"},
        ]},
        {"type": "mcpToolCall", "id": "call_4", "server": "s", "tool": "t", "status": "failed", "arguments": {"a": [1, null]},
            "result": {"content": [{"type": "text", "text": "boom"}], "structuredContent": null, "_meta": {"b": 1}},
            "durationMs": 3},
        {"type": "mcpToolCall", "id": "call_5", "server": "s", "tool": "t", "status": "failed", "arguments": null,
            "error": {"message": "gone"}},
        {"type": "dynamicToolCall", "id": "call_6", "namespace": "n", "tool": "mine", "arguments": {}, "status": "completed",
            "contentItems": [{"type": "inputText", "text": "out"}], "success": true, "durationMs": 0},
        {"type": "collabAgentToolCall", "id": "call_7", "tool": "wait", "status": "completed", "senderThreadId": "a",
            "receiverThreadIds": ["b"], "agentsStates": {"b": {"status": "completed", "message": "done"}}},
        {"type": "subAgentActivity", "id": "sa-1", "kind": "started", "agentThreadId": "b", "agentPath": "/root/b"},
        {"type": "webSearch", "id": "ws_1", "query": "rust",
            "action": {"type": "search", "query": "rust", "queries": ["rust", "serde"]}},
        {"type": "webSearch", "id": "ws_2", "query": "", "action": null, "results": [{"url": "https://e.org"}]},
        {"type": "imageView", "id": "call_8", "path": "/w/a b.png"},
        {"type": "sleep", "id": "call_9", "durationMs": 5},
        {"type": "imageGeneration", "id": "ig_1", "status": "completed", "result": "AA==", "revisedPrompt": "a dot"},
        {"type": "enteredReviewMode", "id": "er-1", "review": "current changes"},
        {"type": "exitedReviewMode", "id": "xr-1", "review": "Fine.\n\n- not parsed"},
        {"type": "contextCompaction", "id": "cc-1"},
    ]);
    let items = items.as_array().unwrap().iter().zip(0..);
    items
        .map(|(item, index)| ThreadItem {
            kind: serde_json::from_value::<ThreadItemKind>(item.clone()).unwrap(),
            started_at_ms: Some(1_772_355_600_000 + index),
            completed_at_ms: Some(1_772_355_600_500 + index),
        })
        .collect()
}

const THREAD: &str = "01950000-0000-7000-8000-000000000001";

/// A new file with these records.
fn written(home: &Home, mode: HistoryMode, batch: &Batch) -> PathBuf {
    let meta = SessionMeta {
        id: THREAD.parse().unwrap(),
        timestamp: "2026-03-01T09:00:00.000Z".to_owned(),
        cwd: "/w".into(),
        originator: "ide".to_owned(),
        cli_version: "1.0.0".to_owned(),
        history_mode: (mode == HistoryMode::Paginated).then_some(mode),
        ..SessionMeta::default()
    };
    let path = home.0.path().join("rollout.jsonl");
    RolloutWriter::create(path.clone(), meta).unwrap().append(batch).unwrap();
    path
}

/// A file with a turn of these items.
fn turn_of(home: &Home, mode: HistoryMode, items: &[ThreadItem]) -> PathBuf {
    let mut batch = Batch::new();
    batch.event("task_started", &json!({"turn_id": "t-1", "started_at": 1})).unwrap();
    for item in items {
        write_item(&mut batch, mode, THREAD, "t-1", item, None).unwrap();
    }
    batch.event("task_complete", &json!({"turn_id": "t-1"})).unwrap();
    written(home, mode, &batch)
}

/// Writes a turn of these items to a new file and reads it back.
fn written_and_read(mode: HistoryMode, items: &[ThreadItem]) -> Vec<Turn> {
    let home = Home::new();
    let path = turn_of(&home, mode, items);
    home.load(&path, ALL).turns.unwrap()
}

/// The events of the lines that are written for these items.
fn events_of(mode: HistoryMode, items: &[ThreadItem]) -> Vec<Value> {
    let home = Home::new();
    let text = fs::read_to_string(turn_of(&home, mode, items)).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines[2..lines.len() - 1].iter().map(|line| line["payload"].clone()).collect()
}

fn item(value: Value) -> ThreadItem {
    let kind = serde_json::from_value::<ThreadItemKind>(value).unwrap();
    ThreadItem { kind, started_at_ms: None, completed_at_ms: None }
}

fn command(id: &str) -> Value {
    json!({"type": "commandExecution", "id": id, "command": "ls", "cwd": "/w", "source": "agent",
        "status": "completed", "commandActions": []})
}

/// An item, changed.
fn with(mut value: Value, member: &str, new: Value) -> Value {
    value[member] = new;
    value
}

#[test]
fn every_kind_of_item_comes_back_as_it_was() {
    let items = every_item();
    let mut kinds: Vec<String> =
        items.iter().map(|item| json!(item)["type"].as_str().unwrap().to_owned()).collect();
    kinds.dedup();
    // One for every variant but `CodeReview`.
    assert_eq!(kinds.len(), 19);
    for mode in [HistoryMode::Legacy, HistoryMode::Paginated] {
        let turns = written_and_read(mode, &items);
        assert_eq!(turns.len(), 1, "{mode:?}");
        assert_eq!(turns[0].items, items, "{mode:?}");
    }
}

#[test]
fn an_item_alone_in_its_turn_comes_back_once() {
    for item in every_item() {
        for mode in [HistoryMode::Legacy, HistoryMode::Paginated] {
            let turns = written_and_read(mode, std::slice::from_ref(&item));
            assert_eq!(turns[0].items, std::slice::from_ref(&item), "{mode:?}");
        }
    }
}

#[test]
fn tools_are_recorded_in_the_form_of_the_reference() {
    let mut text = String::new();
    let is_tool = |item: &&ThreadItem| {
        use ThreadItemKind::{CollabAgentToolCall, CommandExecution, DynamicToolCall, FileChange, ImageView};
        matches!(
            item.kind,
            CommandExecution { .. }
                | FileChange { .. }
                | DynamicToolCall { .. }
                | CollabAgentToolCall { .. }
                | ImageView { .. }
        )
    };
    let items: Vec<ThreadItem> = every_item().iter().filter(is_tool).cloned().collect();
    for event in events_of(HistoryMode::Legacy, &items) {
        let shown = if event["type"] == "item_completed" { &event["item"] } else { &event };
        text.push_str(&format!("{shown}\n"));
    }
    expect![[r#"
        {"type":"CommandExecution","id":"call_1","process_id":"42","command":["/bin/bash","-lc","echo \"hi\""],"cwd":"file:///w/with%20space","parsed_cmd":[{"type":"search","cmd":"rg x","query":"x","path":null}],"source":"unified_exec_startup","status":"failed","aggregated_output":"hi\n","exit_code":124,"duration":{"secs":1,"nanos":500000000}}
        {"type":"CommandExecution","id":"call_2","command":["true"],"cwd":"file:///w","parsed_cmd":[],"source":"agent","status":"declined"}
        {"type":"patch_apply_end","call_id":"call_3","turn_id":"t-1","stdout":"","stderr":"","success":true,"changes":{"/w/a":{"type":"update","unified_diff":"@@ -1 +1 @@\n-a\n+b\n","move_path":"/w/b"},"/w/c":{"type":"add","content":"x\n"}},"status":"completed"}
        {"type":"fileChange","id":"call_3","changes":[{"diff":"@@ -1 +1 @@\n-a\n+b\n","kind":{"type":"update","move_path":"/w/b"},"path":"/w/a"},{"diff":"x\n","kind":{"type":"add"},"path":"/w/c"}],"status":"completed"}
        {"type":"patch_apply_end","call_id":"call_10","turn_id":"t-1","stdout":"","stderr":"","success":false,"changes":{"/w/a":{"type":"update","unified_diff":"@@ -1 +1 @@\n-a\n+b\n","move_path":"/w/b"},"/w/c":{"type":"delete","content":"x\n"},"/w/d":{"type":"update","unified_diff":"@@ -1 +1 @@\n-a\n+b\n","move_path":null}},"status":"declined"}
        {"type":"FileChange","id":"call_10","changes":{"/w/a":{"type":"update","unified_diff":"@@ -1 +1 @@\n-a\n+b\n","move_path":"/w/b"},"/w/c":{"type":"delete","content":"x\n"},"/w/d":{"type":"update","unified_diff":"@@ -1 +1 @@\n-a\n+b\n","move_path":null}},"status":"declined"}
        {"type":"DynamicToolCall","id":"call_6","namespace":"n","tool":"mine","arguments":{},"status":"completed","content_items":[{"type":"inputText","text":"out"}],"success":true,"duration":{"secs":0,"nanos":0}}
        {"type":"CollabAgentToolCall","id":"call_7","tool":"wait","status":"completed","sender_thread_id":"a","receiver_thread_ids":["b"],"agents_states":{"b":{"completed":"done"}}}
        {"type":"ImageView","id":"call_8","path":"file:///w/a%20b.png"}
    "#]].assert_eq(&text);
    let paginated = events_of(HistoryMode::Paginated, &items);
    assert!(paginated.iter().all(|event| event["type"] == "item_completed"));
    assert_eq!(paginated.len(), items.len());
}

#[test]
fn calls_of_agents_are_read_as_the_reference_records_them() {
    let item = json!({
        "type": "CollabAgentToolCall", "id": "call_1", "tool": "spawn_agent", "status": "in_progress",
        "sender_thread_id": "a", "receiver_thread_ids": ["b", "c", "d"],
        "receiver_agents": [{"thread_id": "b", "agent_nickname": "Ada"}],
        "prompt": "look", "model": "m", "reasoning_effort": "medium",
        "agents_states": {"b": "pending_init", "c": {"errored": "gone"}, "d": {"completed": null}},
    });
    let read = read_item(&serde_json::value::to_raw_value(&item).unwrap()).unwrap();
    let expected = json!({
        "type": "collabAgentToolCall", "id": "call_1", "tool": "spawnAgent", "status": "inProgress",
        "senderThreadId": "a", "receiverThreadIds": ["b", "c", "d"],
        "prompt": "look", "model": "m", "reasoningEffort": "medium",
        "agentsStates": {
            "b": {"message": null, "status": "pendingInit"}, "c": {"message": "gone", "status": "errored"},
            "d": {"message": null, "status": "completed"},
        },
    });
    assert_eq!(serde_json::to_value(read).unwrap(), expected);
}

#[test]
fn a_patch_has_its_event_in_legacy_files_once_it_ended() {
    for (status, count) in [("completed", 1), ("failed", 1), ("declined", 1), ("inProgress", 0)] {
        let change = json!([{"path": "/w/a", "kind": {"type": "add"}, "diff": "x\n"}]);
        let patch = item(json!({"type": "fileChange", "id": "call_1", "status": status, "changes": change}));
        let events = events_of(HistoryMode::Legacy, std::slice::from_ref(&patch));
        let ends: Vec<&Value> = events.iter().filter(|event| event["type"] == "patch_apply_end").collect();
        assert_eq!(ends.len(), count, "{status}");
        for end in ends {
            assert_eq!((&end["status"], &end["turn_id"]), (&json!(status), &json!("t-1")));
            assert_eq!(end["success"], json!(status == "completed"));
        }
    }
}

#[test]
fn what_the_form_of_the_reference_would_change_is_recorded_as_the_wire_has_it() {
    let change = |path: &str| json!({"path": path, "kind": {"type": "add"}, "diff": "x\n"});
    let patch =
        |changes: Value| json!({"type": "fileChange", "id": "f", "status": "completed", "changes": changes});
    let moved = json!({"type": "update", "move_path": "/w/b"});
    let items = [
        // No words, or others than a shell line of them has.
        with(command("c"), "command", json!("echo 'a")),
        with(command("c"), "command", json!("ls | cat")),
        with(command("c"), "command", json!("echo  a")),
        with(command("c"), "command", json!("# a")),
        with(command("c"), "cwd", json!("w")),
        with(command("c"), "cwd", json!("C:\\w")),
        with(command("c"), "aggregatedOutput", json!("")),
        with(command("c"), "durationMs", json!(-1)),
        with(command("c"), "pluginId", json!("p")),
        with(command("c"), "scriptPath", json!("/w/s")),
        with(
            command("c"),
            "commandActions",
            json!([{"type": "read", "command": "cat a", "name": "a", "path": "a"}]),
        ),
        patch(json!([change("/w/b"), change("/w/a")])),
        patch(json!([change("/w/a"), change("/w/a")])),
        patch(json!([{"path": "/w/a", "kind": moved, "diff": "@@ -1 +1 @@\n-a\n+b\n"}])),
        with(patch(json!([change("/w/a")])), "status", json!("inProgress")),
        json!({"type": "imageView", "id": "i", "path": "a.png"}),
        json!({"type": "dynamicToolCall", "id": "d", "tool": "t", "arguments": {}, "status": "failed", "durationMs": -1}),
    ];
    for value in items {
        for mode in [HistoryMode::Legacy, HistoryMode::Paginated] {
            let items = [item(value.clone())];
            let events = events_of(mode, &items);
            assert_eq!(events.last().unwrap()["item"]["type"], value["type"], "{value}");
            assert_eq!(written_and_read(mode, &items)[0].items, items, "{mode:?}");
        }
    }
}

/// A linear congruential generator: the same numbers on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    /// Text with all that quoting, escaping and diffs could trip over.
    fn text(&mut self) -> String {
        const PARTS: [&str; 32] = [
            "a",
            "b",
            " ",
            "'",
            "\"",
            "\\",
            "\n",
            "\t",
            "$",
            "`",
            "!",
            "^",
            "#",
            "%",
            "%41",
            "%+1",
            "/",
            "..",
            "=",
            "~",
            "{a,b}",
            "[x]",
            "*",
            "é",
            "\u{2028}",
            "\u{202e}",
            "\0",
            "\u{7f}",
            "?",
            "file://",
            "\n\nMoved to: /a",
            "Z",
        ];
        (0..self.below(6)).map(|_| PARTS[self.below(PARTS.len())]).collect()
    }

    fn path(&mut self) -> String {
        format!("/{}", self.text())
    }

    fn maybe(&mut self, value: Value) -> Value {
        if self.below(2) == 0 { value } else { Value::Null }
    }

    fn command(&mut self) -> Value {
        let words: Vec<String> = (0..self.below(5)).map(|_| self.text()).collect();
        let statuses = ["inProgress", "completed", "failed", "declined"];
        let sources = ["agent", "userShell", "unifiedExecStartup", "unifiedExecInteraction"];
        let (read, searched) = (self.path(), self.text());
        json!({
            "type": "commandExecution", "id": format!("c{}", self.text()), "command": shell_line(&words),
            "cwd": self.path(), "status": statuses[self.below(4)], "source": sources[self.below(4)],
            "commandActions": [
                {"type": "read", "command": self.text(), "name": self.text(), "path": read},
                {"type": "listFiles", "command": self.text(), "path": self.maybe(json!("x"))},
                {"type": "search", "command": self.text(), "query": self.maybe(json!(searched)), "path": null},
                {"type": "unknown", "command": self.text()},
            ],
            "processId": self.maybe(json!("42")),
            "aggregatedOutput": self.maybe(json!(searched + "x")),
            "exitCode": self.maybe(json!(-1)),
            "durationMs": self.maybe(json!(i64::MAX)),
        })
    }

    fn patch(&mut self) -> Value {
        let mut paths: Vec<String> = (0..self.below(5)).map(|_| self.path()).collect();
        paths.sort();
        paths.dedup();
        let changes: Vec<Value> = paths
            .iter()
            .map(|path| {
                let (text, target) = (self.text(), self.path());
                match self.below(4) {
                    0 => json!({"path": path, "kind": {"type": "add"}, "diff": text}),
                    1 => json!({"path": path, "kind": {"type": "delete"}, "diff": text}),
                    2 => json!({"path": path, "kind": {"type": "update", "move_path": null}, "diff": text}),
                    _ => json!({"path": path, "kind": {"type": "update", "move_path": target},
                        "diff": format!("{text}\n\nMoved to: {target}")}),
                }
            })
            .collect();
        let statuses = ["completed", "failed", "declined"];
        json!({"type": "fileChange", "id": format!("f{}", self.text()), "status": statuses[self.below(3)],
            "changes": changes})
    }

    fn tool_call(&mut self) -> Value {
        let (text, statuses) = (self.text(), ["inProgress", "completed", "failed"]);
        let content = json!([{"type": "inputText", "text": text}, {"type": "inputImage", "imageUrl": "data:x"},
            {"type": "inputAudio", "audioUrl": "data:y"}]);
        json!({"type": "dynamicToolCall", "id": format!("d{}", self.text()), "namespace": self.maybe(json!("n")),
            "tool": self.text(), "arguments": self.maybe(json!({"a": [1, null]})), "status": statuses[self.below(3)],
            "contentItems": self.maybe(content), "success": self.maybe(json!(false)),
            "durationMs": self.maybe(json!(1999))})
    }
}

#[test]
fn whatever_a_tool_shows_comes_back_from_the_form_of_the_reference() {
    let mut random = Random(1);
    let mut items = Vec::new();
    for _ in 0..500 {
        items.extend([random.command(), random.patch(), random.tool_call()].map(item));
        items.push(item(
            json!({"type": "imageView", "id": format!("i{}", random.text()), "path": random.path()}),
        ));
    }
    for mode in [HistoryMode::Legacy, HistoryMode::Paginated] {
        let events = events_of(mode, &items);
        let recorded = events.iter().filter(|event| event["type"] == "item_completed");
        for event in recorded {
            let kind = event["item"]["type"].as_str().unwrap();
            assert!(kind.starts_with(char::is_uppercase), "{}", event["item"]);
        }
        assert_eq!(written_and_read(mode, &items)[0].items, items, "{mode:?}");
    }
}

/// The beginning of a turn: with the user's words, or without for one that nobody asked for in words.
fn begin(batch: &mut Batch, mode: HistoryMode, turn_id: &str, words: Option<&str>) {
    batch.event("task_started", &json!({"turn_id": turn_id})).unwrap();
    if let Some(words) = words {
        let words = json!({"type": "userMessage", "id": format!("u-{turn_id}"), "clientId": null,
            "content": [{"type": "text", "text": words, "text_elements": []}]});
        write_item(batch, mode, THREAD, turn_id, &item(words), None).unwrap();
    }
}

fn call(batch: &mut Batch, id: &str, output: &str) {
    let arguments = json!({"cmd": "ls"}).to_string();
    let call =
        json!({"type": "function_call", "name": "exec_command", "arguments": arguments, "call_id": id});
    batch.response_item(&call).unwrap();
    let output = json!({"type": "function_call_output", "call_id": id, "output": output});
    batch.response_item(&output).unwrap();
}

fn ids(turns: &[Turn]) -> Vec<String> {
    let ids = |turn: &Turn| {
        let items = turn.items.iter().map(|item| json!(item)["id"].as_str().unwrap().to_owned());
        format!(
            "{} {}: {}",
            turn.id,
            json!(turn.status).as_str().unwrap(),
            items.collect::<Vec<_>>().join(" ")
        )
    };
    turns.iter().map(ids).collect()
}

#[test]
fn commands_that_end_after_their_turn_stay_in_it() {
    for mode in [HistoryMode::Legacy, HistoryMode::Paginated] {
        let home = Home::new();
        let mut batch = Batch::new();
        let late = |batch: &mut Batch, turn_id: &str, value: Value| {
            write_item(batch, mode, THREAD, turn_id, &item(value), None).unwrap();
        };
        let patch = json!({"type": "fileChange", "id": "p-1", "status": "completed", "changes": []});
        begin(&mut batch, mode, "t-1", Some("run"));
        call(&mut batch, "c-1", "running");
        call(&mut batch, "c-2", "running");
        batch.event("task_complete", &json!({"turn_id": "t-1"})).unwrap();
        late(&mut batch, "t-1", command("c-1"));
        begin(&mut batch, mode, "t-2", Some("go on"));
        late(&mut batch, "t-1", command("c-2"));
        late(&mut batch, "t-1", patch);
        late(&mut batch, "t-2", command("c-3"));
        batch.event("task_complete", &json!({"turn_id": "t-2"})).unwrap();
        // A turn of January's reference, which names none.
        batch.event("user_message", &json!({"message": "and on"})).unwrap();
        late(&mut batch, "t-2", command("c-4"));
        batch.event("agent_message", &json!({"message": "yes"})).unwrap();
        let turns = home.load(&written(&home, mode, &batch), ALL).turns.unwrap();
        assert_eq!(
            ids(&turns),
            [
                "t-1 completed: u-t-1 c-1 c-2 p-1",
                "t-2 completed: u-t-2 c-3 c-4",
                "turn-3 completed: item-1 item-2"
            ],
            "{mode:?}"
        );
    }
}

#[test]
fn commands_that_end_after_their_turn_was_rolled_back_show_nowhere() {
    let (home, mode) = (Home::new(), HistoryMode::Legacy);
    let mut batch = Batch::new();
    begin(&mut batch, mode, "t-1", Some("one"));
    batch.event("task_complete", &json!({"turn_id": "t-1"})).unwrap();
    begin(&mut batch, mode, "t-2", Some("two"));
    batch.event("task_complete", &json!({"turn_id": "t-2"})).unwrap();
    batch.event("thread_rolled_back", &json!({"num_turns": 1})).unwrap();
    write_item(&mut batch, mode, THREAD, "t-2", &item(command("c-1")), None).unwrap();
    let patch = json!({"type": "fileChange", "id": "p-1", "status": "completed", "changes": []});
    write_item(&mut batch, mode, THREAD, "t-2", &item(patch), None).unwrap();
    batch.event("user_message", &json!({"message": "three"})).unwrap();
    let turns = home.load(&written(&home, mode, &batch), ALL).turns.unwrap();
    assert_eq!(ids(&turns), ["t-1 completed: u-t-1", "turn-2 completed: item-1"]);
}

#[test]
fn commands_cut_short_or_declined_read_back_as_they_ended() {
    for mode in [HistoryMode::Legacy, HistoryMode::Paginated] {
        let home = Home::new();
        let mut batch = Batch::new();
        let items = [
            with(command("c-1"), "status", json!("declined")),
            json!({"type": "fileChange", "id": "c-2", "status": "declined", "changes": []}),
            with(with(command("c-3"), "status", json!("failed")), "aggregatedOutput", json!("start\n")),
        ]
        .map(item);
        begin(&mut batch, mode, "t-1", Some("run"));
        for (item, output) in items.iter().zip(["no", "no", "aborted by user"]) {
            let id = json!(item)["id"].as_str().unwrap().to_owned();
            call(&mut batch, &id, output);
            write_item(&mut batch, mode, THREAD, "t-1", item, None).unwrap();
        }
        batch.event("turn_aborted", &json!({"turn_id": "t-1", "reason": "interrupted"})).unwrap();
        let turns = home.load(&written(&home, mode, &batch), ALL).turns.unwrap();
        assert_eq!(ids(&turns), ["t-1 interrupted: u-t-1 c-1 c-2 c-3"], "{mode:?}");
        assert_eq!(turns[0].items[1..], items, "{mode:?}");
    }
}

#[test]
fn a_tool_shows_once_in_a_turn_without_recorded_words() {
    for mode in [HistoryMode::Legacy, HistoryMode::Paginated] {
        let home = Home::new();
        let mut batch = Batch::new();
        begin(&mut batch, mode, "t-1", None);
        let patch = |id: &str| json!({"type": "fileChange", "id": id, "status": "completed", "changes": []});
        for value in [command("c-1"), patch("c-2"), command("c-3"), patch("c-4")] {
            let value = item(value);
            call(&mut batch, json!(value)["id"].as_str().unwrap(), "Exit code: 0\nOutput:\n");
            write_item(&mut batch, mode, THREAD, "t-1", &value, None).unwrap();
        }
        // One that the turn's end left without an item.
        call(&mut batch, "c-5", "Exit code: 1\nOutput:\n");
        let turns = home.load(&written(&home, mode, &batch), ALL).turns.unwrap();
        assert_eq!(ids(&turns), ["t-1 interrupted: c-1 c-2 c-3 c-4 c-5"], "{mode:?}");
    }
}

#[test]
fn a_file_cut_anywhere_keeps_its_whole_records() {
    let home = Home::new();
    // The second turn has the same kinds of records as the first.
    let lines: Vec<&str> = BASE.split_inclusive('\n').take(6).collect();
    let read = |bytes: &[u8]| {
        let path = home.put("01950000-0000-7000-8000-000000000008", bytes);
        load(&Store::new(home.0.path()), &path, ALL).map(|loaded| shown(&loaded.turns.unwrap())).ok()
    };
    let mut begin = 0;
    for (index, line) in lines.iter().enumerate() {
        let before = read(lines[..index].concat().as_bytes());
        for cut in 0..line.len() - 1 {
            assert_eq!(read(&BASE.as_bytes()[..begin + cut]), before, "line {index} cut at {cut}");
        }
        begin += line.len();
        // The line feed is no part of the record.
        assert_eq!(read(&BASE.as_bytes()[..begin - 1]), read(&BASE.as_bytes()[..begin]), "line {index}");
    }
}

#[test]
fn a_flipped_bit_harms_the_turn_it_is_in_and_no_other() {
    let home = Home::new();
    let original = file(BASE).turns.unwrap();
    let first_line = BASE.find('\n').unwrap() + 1;
    let second_turn = BASE.match_indices("task_started").nth(1).unwrap().0;
    let second_turn = BASE[..second_turn].rfind('\n').unwrap();
    let mut random = Random(1);
    for _ in 0..1500 {
        let at = first_line + random.below(BASE.len() - first_line);
        let mut bytes = BASE.as_bytes().to_vec();
        bytes[at] ^= 1 << random.below(8);
        let path = home.put("01950000-0000-7000-8000-000000000008", &bytes);
        let turns = home.load(&path, ALL).turns.unwrap();
        let unharmed = if at <= second_turn { &original[1] } else { &original[0] };
        assert!(turns.contains(unharmed), "byte {at} flipped:\n{}", String::from_utf8_lossy(&bytes));
    }
}

mod cut;
