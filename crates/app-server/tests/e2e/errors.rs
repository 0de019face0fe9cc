//! What bad input does: an error or nothing, and never the end of the connection.

use std::time::Duration;

use app_server_test_support::Connection;
use serde_json::json;

use crate::{BINARY, Scene};

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn bad_lines_are_passed_over() {
    let scene = Scene::new([]);
    let mut server = scene.server();
    let long = format!("{{\"method\":\"no/such\",\"padding\":\"{}\"}}", "x".repeat(3 << 20));
    let lines: [&[u8]; 9] = [
        b"",
        b"not json",
        b"\xff\xfe{}",
        b"{\"method\":\"thread/loaded/list\",\"id\":1,\"params\":{\"cursor\":\"\xff\"}}",
        b"[{\"method\":\"thread/loaded/list\",\"id\":1,\"params\":{}}]",
        b"{\"method\":\"thread/loaded/list\",\"id\":1,\"params\":{}}{}",
        b"{\"method\":\"thread/loaded/list\",\"id\":1.5,\"params\":{}}",
        b"{\"id\":3,\"result\":{}}",
        long.as_bytes(),
    ];
    for line in lines {
        server.send_raw(line);
    }
    assert_eq!(server.request("thread/loaded/list", json!({}))["data"], json!([]));
}

#[test]
fn a_very_long_request_is_a_request() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let text = "long ".repeat(200_000);
    let messages = server.run_turn(&thread, &text);
    assert_eq!(crate::turn_status(&messages), "completed");
    let request = scene.model.requests_seen(1).remove(0);
    let input = request.body["input"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(input["content"][0]["text"], text);
}

/// A small generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn mutate(&mut self, line: &mut Vec<u8>) {
        const BYTES: &[u8] = b"\"{}[]:,\\0-e.\xff\xc3 nul";
        for _ in 0..=self.below(3) {
            if line.is_empty() {
                return;
            }
            let at = self.below(line.len());
            match self.below(5) {
                0 => line[at] = BYTES[self.below(BYTES.len())],
                1 => line.insert(at, BYTES[self.below(BYTES.len())]),
                2 => drop(line.remove(at)),
                3 => line.truncate(at),
                _ => {
                    let end = (at + self.below(20)).min(line.len());
                    let piece = line[at..end].to_vec();
                    let to = self.below(line.len());
                    line.splice(to..to, piece);
                }
            }
        }
        line.retain(|byte| *byte != b'\n');
    }
}

#[test]
fn damaged_lines_do_no_harm() {
    let scene = Scene::talkative();
    let mut server = Connection::spawn(&[BINARY.to_owned()], &scene.home, &[]).unwrap();
    let initialize =
        json!({"method": "initialize", "id": "i", "params": {"clientInfo": {"name": "p", "version": "1"}}});
    server.send_line(initialize.to_string().as_bytes()).unwrap();
    let work = scene.home.work();
    let unknown = "0199a213-81c0-7800-8aa1-bbab2a035a53";
    let valid = [
        json!({"method": "thread/start", "id": 1, "params": {"cwd": work, "sandbox": "read-only", "config": {"model": "x"}}}),
        json!({"method": "thread/list", "id": "a", "params": {"limit": 5, "cwd": [work], "sortKey": "created_at"}}),
        json!({"method": "turn/start", "id": 2, "params": {
            "threadId": unknown, "input": [{"type": "text", "text": "é\u{1F600}"}],
            "sandboxPolicy": {"type": "workspaceWrite", "writableRoots": [work]},
        }}),
        json!({"method": "thread/resume", "id": 3, "params": {"threadId": unknown, "excludeTurns": false}}),
        json!({"method": "turn/interrupt", "id": -4, "params": {"threadId": unknown, "turnId": unknown}}),
        json!({"method": "initialized"}),
        json!({"id": 9, "result": {"decision": "accept"}}),
    ];
    let mut random = Random(0x5eed);
    for round in 0..200 {
        let mut line = valid[round % valid.len()].to_string().into_bytes();
        random.mutate(&mut line);
        server.send_line(&line).unwrap();
    }
    server.send_line(br#"{"method":"thread/loaded/list","id":"last","params":{}}"#).unwrap();
    server
        .wait_within(LIMIT, |messages| messages.iter().any(|message| message["id"] == "last").then_some(()))
        .unwrap();
    server.close_input();
    assert!(server.wait_exit(LIMIT).unwrap().success());
    assert_eq!(server.garbage(), Vec::<String>::new());
    assert!(!server.stderr().contains("panicked"), "{}", server.stderr());
}

#[test]
fn secrets_do_not_get_into_the_log() {
    let scene = Scene::talkative();
    let env = [("GH_TOKEN", "ghp_0123456789abcdef")];
    let mut server = Connection::spawn(&[BINARY.to_owned()], &scene.home, &env).unwrap();
    server.send_line(b"not a message, but ghp_0123456789abcdef").unwrap();
    // Nobody has learnt this one, so the text must not be shown at all.
    server.send_line(br#"{"id":1,"method":"account/login/start","params":{"apiKey":"sk-half-a-li"#).unwrap();
    server.send_line(br#"{"method":"ghp_0123456789abcdef"}"#).unwrap();
    server.close_input();
    assert!(server.wait_exit(LIMIT).unwrap().success());
    let log = server.stderr();
    assert!(log.contains("dropped a line") && log.contains("[secret]"), "{log}");
    assert!(!log.contains("ghp_0123456789abcdef") && !log.contains("sk-half"), "{log}");
}
