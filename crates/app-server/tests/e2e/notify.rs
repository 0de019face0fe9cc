//! The `notify` program: when it is run, what it is told, how it ends.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use app_server_test_support::processes::Sleeper;
use app_server_test_support::{Answer, Gate, TestServer, events};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::{Scene, turn_status};

/// Longer than any program here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);

impl Scene {
    /// Lets every notification be a line of a file, the arguments separated by tabs; `rest` is run after that.
    fn notifying(self, rest: &str) -> Self {
        let script = format!(
            "#!/bin/sh\nprintf '%s\\t' \"$@\" > {0}/told.$$\necho \"$PWD $CODEX_THREAD_ID $SOME_TOKEN\" >> {0}/told.$$\nmv {0}/told.$$ {0}/$$.told\n{rest}\n",
            self.home.base().display()
        );
        fs::write(self.home.base().join("notify.sh"), script).unwrap();
        let program = self.home.base().join("notify.sh");
        let config = format!("notify = [\"/bin/sh\", \"{}\", \"first\"]", program.display());
        self.home.write_mock_config(&self.model.base_url(), &config).unwrap();
        self
    }

    /// Waits for so many notifications.
    fn notified(&self, count: usize) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let told = lines_of(self.home.base());
            if told.len() >= count {
                assert_eq!(told.len(), count, "{told:?}");
                return told;
            }
            assert!(begun.elapsed() < LIMIT, "only {told:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn lines_of(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let told = files.filter(|path| path.extension().is_some_and(|end| end == "told"));
    told.map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// The JSON of a notification.
fn payload(line: &str) -> Value {
    serde_json::from_str(line.split('\t').nth(1).unwrap()).unwrap()
}

#[test]
fn a_completed_turn_is_told_with_what_came_of_it() {
    let scene = Scene::talkative().notifying("");
    let mut server = TestServer::start_in(crate::BINARY, &scene.home, &[("SOME_TOKEN", "hidden-token-123")]);
    server.initialize(json!({"experimentalApi": true}));
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "one");
    server.until_turn_completed(&thread);
    let told = scene.notified(1);
    let fields: Vec<&str> = told[0].split('\t').collect();
    assert_eq!(fields[0], "first");
    let work = scene.home.work();
    assert_eq!(fields[2], format!("{} {thread} \n", work.display()), "the folder, the thread, no secret");
    assert_eq!(
        payload(&told[0]),
        json!({
            "type": "agent-turn-complete", "thread-id": thread, "turn-id": turn, "cwd": work, "client": "probe",
            "input-messages": ["one"], "last-assistant-message": "answer",
        })
    );
    // The next one is told the whole conversation, without what is not the user's.
    let input = json!([
        {"type": "text", "text": "two"},
        {"type": "image", "url": "data:image/png;base64,iVBORw0K"},
        {"type": "text", "text": ", too"},
    ]);
    server.request("turn/start", json!({"threadId": thread, "input": input}));
    server.until_turn_completed(&thread);
    let mut messages: Vec<Value> =
        scene.notified(2).iter().map(|line| payload(line)["input-messages"].clone()).collect();
    messages.sort_by_key(|messages| messages.as_array().unwrap().len());
    assert_eq!(messages, [json!(["one"]), json!(["one", "two, too"])]);
}

#[test]
fn other_ends_of_turns_are_not_told() {
    let gate = Gate::new();
    let scene = Scene::new([
        Answer::json(400, &json!({"error": {"message": "no"}})),
        Answer::events([events::created("resp_1")]).gate(&gate),
        Answer::message("looks fine"),
        Answer::message("the last one"),
    ])
    .notifying("");
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    assert_eq!(turn_status(&server.run_turn(&thread, "fails")), "failed");
    let turn = server.start_turn(&thread, "is interrupted");
    scene.model.gate_reached(&gate);
    server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "interrupted");
    let target = json!({"type": "custom", "instructions": "look"});
    server.request("review/start", json!({"threadId": thread, "target": target}));
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "completed");
    server.request("thread/shellCommand", json!({"threadId": thread, "command": "true"}));
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "completed");
    assert_eq!(turn_status(&server.run_turn(&thread, "completes")), "completed");
    let told = scene.notified(1);
    assert_eq!(payload(&told[0])["last-assistant-message"], "the last one");
    server.close();
    assert_eq!(scene.notified(1).len(), 1);
}

#[test]
fn a_program_that_fails_or_is_missing_does_the_turn_no_harm() {
    for program in ["[\"/nowhere/at-all\"]", "[\"/bin/false\"]", "[]"] {
        let scene = Scene::talkative();
        scene.home.write_mock_config(&scene.model.base_url(), &format!("notify = {program}")).unwrap();
        let mut server = scene.server();
        let thread = scene.start_thread(&mut server);
        assert_eq!(turn_status(&server.run_turn(&thread, "go")), "completed");
        server.close();
    }
}

#[test]
fn what_a_program_says_is_read_by_nobody_and_does_not_block_it() {
    let scene = Scene::talkative().notifying("head -c 3000000 /dev/zero; touch \"$0.done\"");
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "go");
    let done = scene.home.base().join("notify.sh.done");
    let begun = Instant::now();
    while !done.exists() {
        assert!(begun.elapsed() < LIMIT, "the program is stuck");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn programs_that_do_not_end_end_with_the_session() {
    let (front, back) = (Sleeper::new(), Sleeper::new());
    let scene = Scene::talkative().notifying(&format!("{} & exec {}", back.command(), front.command()));
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    // Four run at once, the fifth waits; turns go on.
    for _ in 0..5 {
        assert_eq!(turn_status(&server.run_turn(&thread, "go")), "completed");
    }
    front.wait_running(4, LIMIT).unwrap();
    back.wait_running(4, LIMIT).unwrap();
    assert_eq!(scene.notified(4).len(), 4);
    server.close();
    front.wait_running(0, LIMIT).unwrap();
    back.wait_running(0, LIMIT).unwrap();
}

#[test]
fn a_long_conversation_has_room_in_the_argument() {
    let long = "x".repeat(300_000);
    let scene =
        Scene::new([Answer::response([events::message("m", &long)]), Answer::message("end")]).notifying("");
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, &long);
    server.run_turn(&thread, "the end");
    let told: Vec<Value> = scene.notified(2).iter().map(|line| payload(line)).collect();
    let last = told.iter().find(|payload| payload["last-assistant-message"] == "end").unwrap();
    assert_eq!(last["input-messages"].as_array().unwrap().last().unwrap(), "the end");
    let first = told.iter().find(|payload| payload["last-assistant-message"] != "end").unwrap();
    assert!(first["last-assistant-message"].as_str().unwrap().len() > 10_000);
}

#[test]
fn a_known_secret_is_not_told() {
    let scene = Scene::new([Answer::message("the key is sk-secret-0123456789abcdef")]).notifying("");
    let config = fs::read_to_string(scene.home.home().join("config.toml")).unwrap();
    let config =
        config.replace("[model_providers.mock]\n", "[model_providers.mock]\nenv_key = \"MOCK_KEY\"\n");
    scene.home.write_config(&config).unwrap();
    let key = ("MOCK_KEY", "sk-secret-0123456789abcdef");
    let mut server = TestServer::start_in(crate::BINARY, &scene.home, &[key]);
    server.initialize(json!({}));
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "go");
    let told = scene.notified(1);
    assert!(!told[0].contains("sk-secret"), "{}", told[0]);
}
