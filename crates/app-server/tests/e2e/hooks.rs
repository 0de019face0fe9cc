//! Hooks: commands of the user's that run at points of a turn, through the real binary.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use app_server_test_support::processes::Sleeper;
use app_server_test_support::{Answer, BlockingMockModel, TestServer, events, tool_output};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::calls::{LIMIT, call, shell};
use crate::{Scene, turn_status};

/// A home with hooks. Each is a script that writes down what it is told, then does what the test wants.
struct Hooked {
    scene: Scene,
    /// What hooks were told, a line each.
    log: PathBuf,
}

/// An event with its matcher, and what the script of its hook does; `$in` is what it is told.
type Definition<'a> = (&'a str, &'a str, &'a str);

impl Hooked {
    fn new(answers: impl IntoIterator<Item = Answer>, hooks: &[Definition<'_>]) -> Self {
        Self::with_more(answers, hooks, "")
    }

    /// `more` are further members of every hook.
    fn with_more(answers: impl IntoIterator<Item = Answer>, hooks: &[Definition<'_>], more: &str) -> Self {
        Self::of(Scene::new(answers), hooks, more)
    }

    fn of(scene: Scene, hooks: &[Definition<'_>], more: &str) -> Self {
        let log = scene.home.base().join("told");
        let mut config = fs::read_to_string(scene.home.home().join("config.toml")).unwrap();
        for (number, (event, matcher, body)) in hooks.iter().enumerate() {
            let script = scene.home.base().join(format!("hook{number}"));
            write_script(&script, &format!("in=$(cat)\nprintf '%s\\n' \"$in\" >> {}\n{body}", log.display()));
            config += &format!(
                "\n[[hooks.{event}]]\nmatcher = \"{matcher}\"\nhooks = [{{ type = \"command\", command = {}{more} }}]\n",
                json!(script)
            );
        }
        scene.home.write_config(&config).unwrap();
        Hooked { scene, log }
    }

    fn list(&self, server: &mut TestServer) -> Value {
        server.request("hooks/list", json!({"cwds": [self.scene.home.work()]}))["data"][0].clone()
    }

    /// A server whose user trusts the hooks as they are.
    fn server(&self) -> TestServer {
        let mut server = self.scene.server();
        self.trust(&mut server);
        server
    }

    /// Writes the user's answers as clients of the reference were seen to do.
    fn trust(&self, server: &mut TestServer) {
        let hooks = self.list(server)["hooks"].as_array().unwrap().clone();
        let answer = |hook: &Value| {
            (hook["key"].as_str().unwrap().to_owned(), json!({"trusted_hash": hook["currentHash"]}))
        };
        let answers: serde_json::Map<String, Value> = hooks.iter().map(answer).collect();
        let edits = json!([{"keyPath": "hooks.state", "value": answers, "mergeStrategy": "upsert"}]);
        server.request("config/batchWrite", json!({"edits": edits, "reloadUserConfig": true}));
        let all = self.list(server)["hooks"].as_array().unwrap().clone();
        assert!(all.iter().all(|hook| hook["trustStatus"] == "trusted"), "{all:?}");
    }

    /// What hooks were told of an event, in order.
    fn told(&self, event: &str) -> Vec<Value> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|told| told["hook_event_name"] == event).collect()
    }

    /// The bodies of all requests to the model.
    fn requests(&self) -> Vec<Value> {
        self.scene.model.model().requests().into_iter().map(|request| request.body).collect()
    }
}

fn write_script(path: &Path, body: &str) {
    fs::write(path, format!("#!/bin/bash\n{body}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The runs that ended, as `event status: kind=text, ...`.
fn runs(messages: &[Value]) -> Vec<String> {
    let completed = messages.iter().filter(|message| message["method"] == "hook/completed");
    completed
        .map(|message| {
            let run = &message["params"]["run"];
            let entries = run["entries"].as_array().unwrap().iter();
            let entries: Vec<String> = entries
                .map(|entry| {
                    format!("{}={}", entry["kind"].as_str().unwrap(), entry["text"].as_str().unwrap())
                })
                .collect();
            let (event, status) = (run["eventName"].as_str().unwrap(), run["status"].as_str().unwrap());
            format!("{event} {status}: {}", entries.join(", "))
        })
        .collect()
}

/// Role and text of each message of a request.
fn messages_of(request: &Value) -> Vec<String> {
    let items = request["input"].as_array().unwrap().iter();
    let said = items.filter_map(|item| {
        let text = item["content"][0]["text"].as_str()?;
        Some(format!("{}: {text}", item["role"].as_str()?))
    });
    said.collect()
}

/// What the model was told of a call, in the request behind it.
fn output(request: &Value, call_id: &str) -> String {
    let items = request["input"].as_array().unwrap();
    let is_output = |item: &&Value| item["call_id"] == call_id && item["output"].is_string();
    items.iter().find(is_output).unwrap()["output"].as_str().unwrap().to_owned()
}

#[test]
fn hooks_are_listed_and_wait_for_review() {
    let hooked = Hooked::new([Answer::message("hi")], &[("UserPromptSubmit", "", "echo context")]);
    let mut server = hooked.scene.server();
    let listed = hooked.list(&mut server);
    let hook = &listed["hooks"][0];
    assert_eq!((&hook["eventName"], &hook["trustStatus"]), (&json!("userPromptSubmit"), &json!("untrusted")));
    assert_eq!(
        (&hook["handlerType"], &hook["async"], &hook["timeoutSec"]),
        (&json!("command"), &json!(false), &json!(600))
    );
    assert_eq!(
        (&hook["enabled"], &hook["isManaged"], &hook["source"]),
        (&json!(true), &json!(false), &json!("user"))
    );
    assert!(hook["key"].as_str().unwrap().ends_with("/config.toml:user_prompt_submit:0:0"), "{hook}");
    assert_eq!((&listed["warnings"], &listed["errors"]), (&json!([]), &json!([])));

    let thread = hooked.scene.start_thread(&mut server);
    let warning = server.take("warning");
    assert_eq!(warning["params"]["message"], "1 hook waits for review and is not run.");
    let messages = server.run_turn(&thread, "go");
    assert_eq!(runs(&messages), Vec::<String>::new());
    assert!(!hooked.log.exists());
    let of_thread = server.request("hooks/list", json!({"threadId": thread}));
    assert_eq!(of_thread["data"][0]["hooks"][0]["key"], hook["key"]);
    // Without a folder it is the server's own that is meant.
    assert_eq!(server.request("hooks/list", json!({}))["data"][0]["hooks"][0]["key"], hook["key"]);
}

#[test]
fn a_hook_that_has_changed_is_not_run() {
    let hooked = Hooked::new([Answer::message("one"), Answer::message("two")], &[]);
    let work = hooked.scene.home.work();
    fs::create_dir(work.join(".git")).unwrap();
    let script = work.join("check.sh");
    write_script(&script, &format!("cat >> {}", hooked.log.display()));
    let config = fs::read_to_string(hooked.scene.home.home().join("config.toml")).unwrap();
    let hook = "\n[[hooks.UserPromptSubmit]]\nhooks = [{ type = \"command\", command = \"./check.sh\" }]\n";
    hooked.scene.home.write_config(&(config + hook)).unwrap();
    let mut server = hooked.server();
    let thread = hooked.scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "one");
    assert_eq!(runs(&messages), ["userPromptSubmit completed: "]);
    fs::remove_file(&hooked.log).unwrap();

    // The model can write the script, so it must not decide what runs outside of its sandbox.
    write_script(&script, &format!("touch {}", hooked.log.display()));
    let messages = server.run_turn(&thread, "two");
    assert_eq!(
        runs(&messages),
        ["userPromptSubmit failed: error=not run: a file that it runs has changed since it was trusted"]
    );
    assert!(!hooked.log.exists());
    assert_eq!(hooked.list(&mut server)["hooks"][0]["trustStatus"], "modified");
    hooked.scene.start_thread(&mut server);
    assert_eq!(server.take("warning")["params"]["message"], "1 hook waits for review and is not run.");
}

#[test]
fn hooks_add_to_a_prompt_or_refuse_it() {
    let answers = [Answer::message("one"), Answer::message("two")];
    let hooked = Hooked::new(
        answers,
        &[
            (
                "SessionStart",
                "startup",
                "echo '{\"hookSpecificOutput\": {\"additionalContext\": \"of the session\"}}'",
            ),
            (
                "UserPromptSubmit",
                "",
                "case \"$in\" in *block*) echo 'not this' >&2; exit 2;; *) echo of the prompt;; esac",
            ),
        ],
    );
    let mut server = hooked.server();
    let thread = hooked.scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "block me");
    assert_eq!(
        runs(&messages),
        ["sessionStart completed: context=of the session", "userPromptSubmit blocked: feedback=not this"]
    );
    assert_eq!(turn_status(&messages), "completed");
    let warning = messages.iter().find(|message| message["method"] == "warning").unwrap();
    assert_eq!(warning["params"]["message"], "A hook did not let the input through: not this");
    assert_eq!(hooked.requests().len(), 0);

    let messages = server.run_turn(&thread, "hello");
    assert_eq!(runs(&messages), ["userPromptSubmit completed: context=of the prompt"]);
    let told = messages_of(&hooked.requests()[0]);
    assert_eq!(told[told.len() - 2..], ["user: hello", "developer: of the prompt"]);
    assert!(
        told.contains(&"developer: of the session".to_owned())
            && !told.contains(&"user: block me".to_owned())
    );

    let started = messages.iter().find(|message| message["method"] == "hook/started").unwrap();
    let run = &started["params"]["run"];
    assert_eq!(
        (&run["status"], &run["executionMode"], &run["scope"]),
        (&json!("running"), &json!("sync"), &json!("turn"))
    );
    assert!(run["id"].as_str().unwrap().starts_with("user-prompt-submit:1:/"), "{run}");
    let prompt = hooked.told("UserPromptSubmit").remove(1);
    assert_eq!((&prompt["prompt"], &prompt["session_id"]), (&json!("hello"), &json!(thread)));
    assert_eq!(
        (&prompt["permission_mode"], &prompt["model"]),
        (&json!("bypassPermissions"), &json!("mock-model"))
    );
    assert!(prompt["transcript_path"].as_str().unwrap().ends_with(".jsonl") && prompt["turn_id"].is_string());
    assert_eq!(hooked.told("SessionStart")[0]["source"], "startup");
}

#[test]
fn hooks_refuse_and_change_calls() {
    let line = |id: &str, line: &str| {
        Answer::response([events::function_call(id, "shell_command", &json!({"command": line}))])
    };
    let answers = [
        line("call_1", "echo deny"),
        line("call_2", "echo rewrite"),
        line("call_3", "echo broken"),
        line("call_4", "echo garbage"),
        line("call_5", "echo remark"),
        Answer::message("done"),
    ];
    let before = r#"case "$in" in
        *deny*) echo 'not that' >&2; exit 2;;
        *rewrite*) echo '{"hookSpecificOutput": {"permissionDecision": "allow", "updatedInput": {"command": "echo changed"}}}';;
        *broken*) echo oops >&2; exit 1;;
        *garbage*) echo '{"continue": "perhaps"}';;
        *remark*) echo '{"hookSpecificOutput": {"additionalContext": "before"}}';;
        esac"#;
    let after = r#"case "$in" in *remark*)
        echo '{"decision": "block", "reason": "look again", "systemMessage": "hm", "hookSpecificOutput": {"additionalContext": "behind"}}';; esac"#;
    let hooked = Hooked::new(
        answers,
        &[
            ("PreToolUse", "Bash", before),
            ("PostToolUse", "shell_.*", after),
            ("PreToolUse", "apply_patch", "exit 2"),
        ],
    );
    let mut server = hooked.server();
    let thread = hooked.scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "go");
    let runs = runs(&messages);
    assert_eq!(runs[0], "preToolUse blocked: feedback=not that");
    assert_eq!(runs[1..3], ["preToolUse completed: ", "postToolUse completed: "]);
    assert_eq!(runs[3], "preToolUse failed: error=the hook exited with code 1: oops");
    assert!(
        runs[5].starts_with("preToolUse failed: error=what the hook printed is not understood"),
        "{runs:?}"
    );
    assert_eq!(runs[7], "preToolUse completed: context=before");
    assert_eq!(runs[8], "postToolUse blocked: warning=hm, context=behind, feedback=look again");
    let requests = hooked.requests();
    assert_eq!(output(&requests[1], "call_1"), "blocked by hook: not that");
    assert!(output(&requests[2], "call_2").contains("changed"));
    assert!(output(&requests[3], "call_3").contains("broken"), "a hook that fails forbids nothing");
    assert!(output(&requests[4], "call_4").contains("garbage"));
    let told = output(&requests[5], "call_5");
    assert!(
        told.contains("remark") && told.ends_with("before\n\nA hook says: look again\n\nbehind"),
        "{told}"
    );
    // A refused call has no item.
    let is_command = |message: &&Value| {
        message["method"] == "item/completed" && message["params"]["item"]["type"] == "commandExecution"
    };
    assert_eq!(messages.iter().filter(is_command).count(), 4);
    let told = hooked.told("PreToolUse").remove(0);
    assert_eq!((&told["tool_name"], &told["tool_use_id"]), (&json!("Bash"), &json!("call_1")));
    assert_eq!(told["tool_input"], json!({"command": "echo deny"}));
    assert!(hooked.told("PostToolUse")[0]["tool_response"].as_str().unwrap().contains("changed"));
}

#[test]
fn of_two_hooks_that_change_a_call_the_last_to_finish_counts() {
    let rewrite = |text: &str| {
        format!("echo '{{\"hookSpecificOutput\": {{\"updatedInput\": {{\"command\": \"echo {text}\"}}}}}}'")
    };
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    let slow = format!("while [ ! -e {} ]; do sleep 0.01; done; {}", gate.display(), rewrite("slow"));
    let quick = rewrite("quick");
    let hooks: [Definition<'_>; 2] = [("PreToolUse", "*", &slow), ("PreToolUse", "*", &quick)];
    let hooked = Hooked::new([shell("echo original"), Answer::message("done")], &hooks);
    let mut server = hooked.server();
    let thread = hooked.scene.start_thread(&mut server);
    server.start_turn(&thread, "go");
    server.until("the end of the quick one", |message| message["method"] == "hook/completed");
    fs::write(&gate, "").unwrap();
    server.until_turn_completed(&thread);
    assert!(output(&hooked.requests()[1], "call_1").contains("slow"));
}

#[test]
fn hooks_answer_in_place_of_the_user() {
    let answers = [
        call("shell_command", &json!({"command": "touch allowed"})),
        Answer::response([events::function_call(
            "call_2",
            "shell_command",
            &json!({"command": "touch denied"}),
        )]),
        Answer::message("done"),
    ];
    let body = r#"case "$in" in
        *allowed*) echo '{"hookSpecificOutput": {"decision": {"behavior": "allow"}}}';;
        *) echo '{"hookSpecificOutput": {"decision": {"behavior": "deny", "message": "never"}}}';; esac"#;
    let hooked = Hooked::new(answers, &[("PermissionRequest", "Bash", body)]);
    let mut server = hooked.server();
    let thread = hooked.scene.asking_thread(&mut server);
    // A question nobody answers would keep the turn from ending.
    let messages = server.run_turn(&thread, "go");
    assert_eq!(
        runs(&messages),
        ["permissionRequest completed: ", "permissionRequest blocked: feedback=never"]
    );
    let work = hooked.scene.home.work();
    assert!(work.join("allowed").exists() && !work.join("denied").exists());
    assert!(output(&hooked.requests()[2], "call_2").contains("rejected"));
}

#[test]
fn a_stop_hook_keeps_the_turn_going_and_is_replayed() {
    let body = r#"case "$in" in *'"stop_hook_active":true'*) ;; *) echo '{"decision": "block", "reason": "and <now> tests"}';; esac"#;
    let hooked = Hooked::new([Answer::message("first"), Answer::message("second")], &[("Stop", "", body)]);
    let mut server = hooked.server();
    let thread = hooked.scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "go");
    assert_eq!(runs(&messages), ["stop blocked: feedback=and <now> tests", "stop completed: "]);
    let item = messages
        .iter()
        .find(|message| {
            message["method"] == "item/completed" && message["params"]["item"]["type"] == "hookPrompt"
        })
        .unwrap()["params"]["item"]
        .clone();
    assert_eq!(item["fragments"][0]["text"], "and <now> tests");
    let run_id = item["fragments"][0]["hookRunId"].as_str().unwrap();
    assert!(run_id.starts_with("stop:0:/"), "{item}");
    let told = messages_of(&hooked.requests()[1]);
    let prompt = format!("user: <hook_prompt hook_run_id=\"{run_id}\">and &lt;now&gt; tests</hook_prompt>");
    assert_eq!(told[told.len() - 2..], ["assistant: first".to_owned(), prompt]);
    let stops = hooked.told("Stop");
    assert_eq!(
        (&stops[0]["last_assistant_message"], &stops[0]["stop_hook_active"]),
        (&json!("first"), &json!(false))
    );
    assert_eq!(stops[1]["stop_hook_active"], true);

    // The item is stored, and is no prompt of the user's.
    let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
    let items = read["thread"]["turns"][0]["items"].as_array().unwrap();
    let types: Vec<&str> = items.iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["userMessage", "agentMessage", "hookPrompt", "agentMessage"]);
    assert_eq!(items[2]["fragments"], item["fragments"]);
    assert_eq!(items[2]["id"], item["id"]);
}

#[test]
fn hooks_cannot_keep_a_turn_going_for_ever() {
    let hooked = Hooked::new(
        (0..20).map(|_| Answer::message("again")),
        &[("Stop", "", "echo '{\"decision\": \"block\", \"reason\": \"more\"}'")],
    );
    let mut server = hooked.server();
    let thread = hooked.scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "go");
    assert_eq!(hooked.requests().len(), 9);
    assert!(messages.iter().any(|message| message["method"] == "warning"));
}

#[test]
fn a_hook_ends_the_turn_behind_what_runs() {
    let hooked = Hooked::new(
        [shell("echo one"), Answer::message("never asked")],
        &[("PostToolUse", "*", "echo '{\"continue\": false, \"stopReason\": \"enough\"}'"), ("Stop", "", "")],
    );
    let mut server = hooked.server();
    let thread = hooked.scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "go");
    assert_eq!(runs(&messages), ["postToolUse stopped: stop=enough"]);
    assert_eq!((turn_status(&messages), hooked.requests().len()), ("completed", 1));
}

#[test]
fn a_hook_that_takes_too_long_is_killed() {
    let sleeper = Sleeper::new();
    let body = sleeper.command();
    let hooked =
        Hooked::with_more([Answer::message("done")], &[("UserPromptSubmit", "", &body)], ", timeout = 1");
    let mut server = hooked.server();
    let thread = hooked.scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "go");
    assert_eq!(runs(&messages), ["userPromptSubmit failed: error=timed out after 1 s"]);
    sleeper.wait_running(0, LIMIT).unwrap();
}

#[test]
fn an_interrupt_ends_a_hook() {
    let sleeper = Sleeper::new();
    let body = sleeper.command();
    let hooked = Hooked::new([shell("echo one")], &[("PreToolUse", "*", &body), ("Interrupt", "", "true")]);
    let mut server = hooked.server();
    let thread = hooked.scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "go");
    sleeper.wait_running(1, LIMIT).unwrap();
    server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "interrupted");
    sleeper.wait_running(0, LIMIT).unwrap();
    let is_interrupt = |message: &Value| {
        message["method"] == "hook/completed" && message["params"]["run"]["eventName"] == "interrupt"
    };
    if !messages.iter().any(is_interrupt) {
        server.take_where("the end of the hook", is_interrupt);
    }
    server.take_rest();
    assert_eq!(hooked.told("Interrupt")[0]["turn_id"], json!(turn));
}

#[test]
fn nobody_waits_for_an_async_hook_and_it_ends_with_the_session() {
    let sleeper = Sleeper::new();
    let body = sleeper.command();
    let hooked =
        Hooked::with_more([Answer::message("done")], &[("UserPromptSubmit", "", &body)], ", async = true");
    let mut server = hooked.server();
    let thread = hooked.scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "go");
    let started = messages.iter().find(|message| message["method"] == "hook/started").unwrap();
    assert_eq!(started["params"]["run"]["executionMode"], "async");
    assert_eq!((turn_status(&messages), runs(&messages).len()), ("completed", 0));
    sleeper.wait_running(1, LIMIT).unwrap();
    let rest = server.close();
    assert_eq!(runs(&rest), ["userPromptSubmit failed: error=interrupted"]);
    sleeper.wait_running(0, LIMIT).unwrap();
}

#[test]
fn a_long_text_is_put_into_a_file() {
    let hooked = Hooked::new(
        [Answer::message("done")],
        &[("UserPromptSubmit", "", "echo begin; head -c 100000 /dev/zero | tr '\\0' x; echo end")],
    );
    let mut server = hooked.server();
    let thread = hooked.scene.start_thread(&mut server);
    server.run_turn(&thread, "go");
    let told = messages_of(&hooked.requests()[0]).pop().unwrap();
    assert!(told.len() < 11_000, "{}", told.len());
    let path = told.rsplit_once("[The whole text is in ").unwrap().1.trim_end_matches(".]");
    let whole = fs::read_to_string(path).unwrap();
    assert!(whole.len() > 100_000 && whole.starts_with("begin") && whole.ends_with("end"));
}

#[test]
fn compactions_and_the_end_of_a_thread_have_hooks() {
    let answers = [Answer::message("one"), Answer::message("the summary")];
    let all = [
        ("PreCompact", "manual", ""),
        ("PostCompact", "manual", ""),
        ("PreCompact", "auto", ""),
        ("SessionEnd", "", ""),
    ];
    let hooked = Hooked::new(answers, &all);
    let mut server = hooked.server();
    let thread = hooked.scene.start_thread(&mut server);
    server.run_turn(&thread, "go");
    server.request("thread/compact/start", json!({"threadId": thread}));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(runs(&messages), ["preCompact completed: ", "postCompact completed: "]);
    assert_eq!(hooked.told("PreCompact")[0]["trigger"], "manual");
    assert_eq!(runs(&server.close()), ["sessionEnd completed: "]);
    let ended = hooked.told("SessionEnd");
    assert_eq!(
        (ended.len(), &ended[0]["reason"], &ended[0]["session_id"]),
        (1, &json!("other"), &json!(thread))
    );
}

#[test]
fn agents_have_hooks_of_their_own() {
    let next = AtomicUsize::new(0);
    let model = BlockingMockModel::start_with(move |request| {
        if request.header("x-openai-subagent").is_some() {
            return Answer::message("found it");
        }
        match next.fetch_add(1, Ordering::Relaxed) {
            0 => call("spawn_agent", &json!({"message": "look"})),
            1 => {
                let output = tool_output(&request.body, "call_1").as_str().unwrap();
                let agent = serde_json::from_str::<Value>(output).unwrap()["agent_id"].clone();
                let wait = events::function_call("call_2", "wait_agent", &json!({"targets": [agent]}));
                Answer::response([wait])
            }
            _ => Answer::message("done"),
        }
    });
    let hooks: Vec<Definition<'_>> =
        ["SubagentStart", "SubagentStop", "SessionStart", "Stop"].map(|event| (event, "*", "")).to_vec();
    let hooked = Hooked::of(Scene::with_model(model), &hooks, "");
    let mut server = hooked.server();
    let thread = hooked.scene.start_thread(&mut server);
    assert_eq!(turn_status(&server.run_turn(&thread, "delegate")), "completed");
    server.take_rest();
    let (began, ended) = (hooked.told("SubagentStart"), hooked.told("SubagentStop"));
    assert_eq!((began.len(), ended.len(), &began[0]["agent_type"]), (1, 1, &json!("default")));
    assert_ne!(began[0]["agent_id"], json!(thread));
    assert_eq!(ended[0]["last_assistant_message"], "found it");
    for event in ["SessionStart", "Stop"] {
        let told = hooked.told(event);
        assert_eq!((told.len(), &told[0]["session_id"]), (1, &json!(thread)), "{event}");
    }
}
