//! Skills: what clients are shown of them, what the model is told of them and given of them; and files of instructions
//! that lead out of the project.

use std::fs;
use std::os::unix::fs::symlink;

use app_server_test_support::model::usage;
use app_server_test_support::{Answer, Gate, TestServer, events};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::Scene;

impl Scene {
    /// Writes a file below the folder that holds `home` and `work`; `home` of the user is that folder.
    fn file(&self, name: &str, text: &str) {
        let path = self.home.base().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn skill(&self, folder: &str, name: &str) {
        let text = format!("---\nname: {name}\ndescription: {name} skill\n---\nDo {name}.\n");
        self.file(&format!("{folder}/SKILL.md"), &text);
    }

    /// What stands in the place of paths of this scene.
    fn plain(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.home.base().display()), "")
    }

    /// The texts of the messages the model was sent with a request, each behind its role.
    fn sent(&self, request: usize) -> Vec<String> {
        let requests = self.model.requests_seen(request + 1);
        let items = requests[request].body["input"].as_array().unwrap().clone();
        let text = |item: &Value| {
            let part = item["content"][0]["text"].as_str().unwrap_or_default();
            self.plain(&format!("{}: {part}", item["role"].as_str().unwrap_or_default()))
        };
        items.iter().map(text).collect()
    }

    /// The same without the messages about the surroundings.
    fn words_sent(&self, request: usize) -> Vec<String> {
        let words = self.sent(request).into_iter().filter(|text| {
            !["developer: ", "user: <environment_context>", "user: # AGENTS.md"]
                .iter()
                .any(|b| text.starts_with(b))
        });
        words.collect()
    }

    /// The skills of one folder as lines, then what is wrong.
    fn listed(&self, server: &mut TestServer, params: Value) -> Vec<String> {
        let result = server.request("skills/list", params);
        let mut lines = Vec::new();
        for entry in result["data"].as_array().unwrap() {
            lines.push(self.plain(entry["cwd"].as_str().unwrap()));
            for skill in entry["skills"].as_array().unwrap() {
                let off = if skill["enabled"] == true { "" } else { " (off)" };
                let text = |key: &str| skill[key].as_str().unwrap().to_owned();
                lines.push(self.plain(&format!(
                    "  {} {}{off} {}",
                    text("scope"),
                    text("name"),
                    text("path")
                )));
            }
            for error in entry["errors"].as_array().unwrap() {
                let text = |key: &str| error[key].as_str().unwrap().to_owned();
                lines.push(self.plain(&format!("  ! {}: {}", text("path"), text("message"))));
            }
        }
        lines
    }
}

const DEMO: &str = "user: <skill>\n<name>demo</name>\n<path>work/.codex/skills/demo/SKILL.md</path>\n---\nname: demo\ndescription: demo skill\n---\nDo demo.\n\n</skill>";

#[test]
fn skills_are_listed_for_each_folder() {
    let scene = Scene::talkative();
    scene.file("work/.git/HEAD", "");
    scene.skill("work/.codex/skills/demo", "demo");
    scene.skill("work/sub/.agents/skills/sub", "sub");
    scene.skill("home/skills/mine", "mine");
    scene.skill("home/skills/.system/ours", "ours");
    scene.skill(".agents/skills/agents", "agents");
    scene.file("work/.codex/skills/bad/SKILL.md", "no front matter");
    let mut server = scene.server();
    let of_user = ["  user agents .agents/skills/agents/SKILL.md", "  user mine home/skills/mine/SKILL.md"];
    let system = "  system ours home/skills/.system/ours/SKILL.md";
    let bad = "  ! work/.codex/skills/bad/SKILL.md: missing YAML frontmatter delimited by ---";
    let demo = "  repo demo work/.codex/skills/demo/SKILL.md";
    let own = ["work", demo, of_user[0], of_user[1], system, bad];
    assert_eq!(scene.listed(&mut server, json!({})), own);
    assert_eq!(scene.listed(&mut server, json!({"cwds": [], "forceReload": true})), own);
    let sub = "  repo sub work/sub/.agents/skills/sub/SKILL.md";
    let elsewhere = scene.home.base().join("elsewhere");
    assert_eq!(
        scene.listed(&mut server, json!({"cwds": ["sub", elsewhere]})),
        ["sub", demo, sub, of_user[0], of_user[1], system, bad, "elsewhere", of_user[0], of_user[1], system]
    );
    scene.skill("home/skills/later", "later");
    let later = "  user later home/skills/later/SKILL.md".to_owned();
    assert!(scene.listed(&mut server, json!({"forceReload": true})).contains(&later));
}

#[test]
fn a_skill_says_how_it_is_shown() {
    let scene = Scene::talkative();
    scene.file(
        "home/skills/nice/SKILL.md",
        "---\nname: nice\ndescription: long\nmetadata:\n  short-description: short\n---\n",
    );
    scene.file(
        "home/skills/nice/agents/openai.yaml",
        "interface:\n  display_name: Nice\n  icon_small: a.svg\n",
    );
    scene.skill("home/skills/plain", "plain");
    let mut server = scene.server();
    let result = server.request("skills/list", json!({}));
    let folder = scene.home.home().join("skills");
    assert_eq!(
        result["data"][0]["skills"],
        json!([
            {"name": "nice", "description": "long", "shortDescription": "short", "interface": {
                "displayName": "Nice", "iconSmall": folder.join("nice/a.svg"), "iconLarge": null, "iconSmallUrl": null,
                "iconLargeUrl": null, "brandColor": null, "defaultPrompt": null, "shortDescription": null,
            }, "path": folder.join("nice/SKILL.md"), "scope": "user", "enabled": true, "pluginId": null},
            {"name": "plain", "description": "plain skill", "path": folder.join("plain/SKILL.md"), "scope": "user",
             "enabled": true, "pluginId": null},
        ])
    );
}

#[test]
fn a_configuration_that_does_not_load_is_the_error_of_its_folder() {
    let scene = Scene::talkative();
    scene.skill("home/skills/mine", "mine");
    let mut server = scene.server();
    // Once this is answered, the configuration was read for the session.
    scene.listed(&mut server, json!({}));
    fs::write(scene.home.home().join("config.toml"), "model = ").unwrap();
    let listed = scene.listed(&mut server, json!({}));
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert!(listed[1].starts_with("  ! home/config.toml: "), "{listed:?}");
}

#[test]
fn roots_of_the_client_replace_each_other() {
    let scene = Scene::talkative();
    scene.skill("extra/third", "third");
    scene.skill("more/fourth", "fourth");
    let mut server = scene.server();
    let set = |server: &mut TestServer, roots: &[&str]| {
        let roots: Vec<_> = roots.iter().map(|root| scene.home.base().join(root)).collect();
        let id = server.start_request("skills/extraRoots/set", json!({"extraRoots": roots}));
        let messages =
            server.until("the answer", |message| message["id"] == id && message.get("method").is_none());
        assert_eq!(messages.last().unwrap()["result"], json!({}));
        messages
            .iter()
            .map(|message| message["method"].as_str().unwrap_or("answer").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(set(&mut server, &["extra"]), ["skills/changed", "answer"]);
    assert_eq!(set(&mut server, &["extra"]), ["answer"]);
    assert_eq!(scene.listed(&mut server, json!({}))[1..], ["  user third extra/third/SKILL.md"]);
    assert_eq!(set(&mut server, &["more", "nothing"]), ["skills/changed", "answer"]);
    assert_eq!(scene.listed(&mut server, json!({}))[1..], ["  user fourth more/fourth/SKILL.md"]);
    assert_eq!(set(&mut server, &[]), ["skills/changed", "answer"]);
    assert_eq!(scene.listed(&mut server, json!({})).len(), 1);
    let error = server.request_error("skills/extraRoots/set", json!({"extraRoots": ["relative"]}));
    assert_eq!(error["code"], -32600);
}

#[test]
fn the_model_is_told_of_skills_and_given_those_that_are_asked_for() {
    let scene = Scene::talkative();
    scene.file("work/.git/HEAD", "");
    scene.file("work/AGENTS.md", "Be kind.");
    scene.skill("work/.codex/skills/demo", "demo");
    scene.skill("home/skills/mine", "mine");
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let demo = scene.home.work().join(".codex/skills/demo/SKILL.md");
    let nowhere = scene.home.base().join("nowhere/SKILL.md");
    let input = json!([
        {"type": "text", "text": "$demo go, $PATH"},
        {"type": "skill", "name": "demo", "path": demo},
        {"type": "skill", "name": "other", "path": nowhere},
        {"type": "mention", "name": "app", "path": "app://app"},
    ]);
    server.request("turn/start", json!({"threadId": thread, "input": input}));
    let messages = server.until_turn_completed(&thread);
    let items: Vec<&str> =
        messages.iter().filter_map(|message| message["params"]["item"]["type"].as_str()).collect();
    assert_eq!(items, ["userMessage", "userMessage", "agentMessage", "agentMessage"]);
    let docs = scene.sent(0).into_iter().find(|text| text.starts_with("user: # AGENTS.md")).unwrap();
    assert!(docs.contains("\nBe kind.\n\n## Skills\n"), "{docs}");
    assert!(
        docs.contains("\n- demo: demo skill (file: work/.codex/skills/demo/SKILL.md)\n- mine: mine skill ("),
        "{docs}"
    );
    assert_eq!(scene.words_sent(0), ["user: $demo go, $PATH", DEMO]);
    // The next turn gives it anew, but only once.
    server.run_turn(&thread, "[$x](skill:///nowhere) and $demo, $demo");
    assert_eq!(scene.words_sent(1)[3..], ["user: [$x](skill:///nowhere) and $demo, $demo", DEMO]);
}

#[test]
fn the_text_of_a_skill_is_not_the_users() {
    let scene = Scene::talkative();
    scene.file("work/.git/HEAD", "");
    scene.skill("work/.codex/skills/demo", "demo");
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    server.run_turn(&thread, "$demo two");
    let read = server.request("thread/read", json!({"threadId": thread, "includeTurns": true}));
    let turns = read["thread"]["turns"].as_array().unwrap();
    assert_eq!(turns.iter().map(|turn| turn["items"].as_array().unwrap().len()).collect::<Vec<_>>(), [2, 2]);
    server.close();
    let mut server = scene.server();
    server.request("thread/resume", json!({"threadId": thread}));
    server.take_rest();
    server.run_turn(&thread, "three");
    assert_eq!(
        scene.words_sent(2),
        ["user: one", "assistant: answer", "user: $demo two", DEMO, "assistant: answer", "user: three"]
    );
    // The skill goes with the message that asked for it.
    server.request("thread/rollback", json!({"threadId": thread, "numTurns": 2}));
    server.take_rest();
    server.run_turn(&thread, "four");
    assert_eq!(scene.words_sent(3), ["user: one", "assistant: answer", "user: four"]);
}

#[test]
fn steering_may_ask_for_a_skill() {
    let gate = Gate::new();
    let call = events::function_call("c1", "update_plan", &json!({"plan": []}));
    let first = Answer::events([events::created("resp_1")])
        .gate(&gate)
        .and(call)
        .and([events::completed("resp_1", &usage(10, 5))]);
    let scene = Scene::new([first, Answer::message("done")]);
    scene.file("work/.git/HEAD", "");
    scene.skill("work/.codex/skills/demo", "demo");
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "go");
    scene.model.gate_reached(&gate);
    let input = json!([{"type": "text", "text": "use $demo"}]);
    server.request("turn/steer", json!({"threadId": thread, "expectedTurnId": turn, "input": input}));
    gate.open();
    server.until_turn_completed(&thread);
    let words = scene.words_sent(1);
    assert_eq!(words[words.len() - 2..], ["user: use $demo", DEMO]);
}

#[test]
fn what_has_changed_is_told_with_the_next_turn() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    assert!(!scene.sent(0).iter().any(|text| text.contains("## Skills")));
    scene.skill("home/skills/late", "late");
    server.run_turn(&thread, "two");
    let news = |request| {
        let sent = scene.sent(request).into_iter();
        sent.filter(|text| text.starts_with("developer: <skills_instructions>")).collect::<Vec<_>>()
    };
    assert_eq!(news(1).len(), 1);
    assert!(news(1)[0].contains("- late: late skill"));
    server.run_turn(&thread, "three");
    assert_eq!(news(2).len(), 1);
    fs::remove_dir_all(scene.home.home().join("skills/late")).unwrap();
    server.run_turn(&thread, "four $late");
    assert!(news(3)[1].contains("no skills any more"));
    assert_eq!(scene.words_sent(3).last().unwrap(), "user: four $late");
}

#[test]
fn a_switched_off_skill_is_neither_told_nor_given() {
    let scene = Scene::talkative();
    scene.file("work/.git/HEAD", "");
    scene.skill("work/.codex/skills/demo", "demo");
    scene.skill("home/skills/mine", "mine");
    let config = fs::read_to_string(scene.home.home().join("config.toml")).unwrap();
    let off = "\n[[skills.config]]\nname = \"demo\"\nenabled = false\n[[skills.config]]\npath = \"skills/mine/SKILL.md\"\nenabled = false\n";
    scene.home.write_config(&format!("{config}{off}")).unwrap();
    // A project has no say in it.
    scene.file("work/.codex/config.toml", "[[skills.config]]\nname = \"demo\"\nenabled = true\n");
    let mut server = scene.server();
    server.take_where("the warning of the project", |message| message["method"] == "configWarning");
    let listed = scene.listed(&mut server, json!({}));
    assert_eq!(
        listed[1..],
        ["  repo demo (off) work/.codex/skills/demo/SKILL.md", "  user mine (off) home/skills/mine/SKILL.md"]
    );
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "$demo $mine");
    assert!(!scene.sent(0).iter().any(|text| text.contains("## Skills")));
    assert_eq!(scene.words_sent(0), ["user: $demo $mine"]);
    // Switched on again, it is there in the next turn.
    scene.home.write_config(&config).unwrap();
    server.run_turn(&thread, "$mine");
    assert!(scene.words_sent(1).last().unwrap().starts_with("user: <skill>\n<name>mine</name>"));
}

#[test]
fn links_out_of_the_repository_are_not_followed() {
    let scene = Scene::talkative();
    scene.file("work/.git/HEAD", "");
    scene.file("secret.md", "---\nname: secret\ndescription: a key\n---\nthe key\n");
    fs::create_dir_all(scene.home.work().join(".codex/skills/key")).unwrap();
    symlink(scene.home.base().join("secret.md"), scene.home.work().join(".codex/skills/key/SKILL.md"))
        .unwrap();
    symlink(scene.home.base().join("secret.md"), scene.home.work().join("AGENTS.md")).unwrap();
    let mut server = scene.server();
    let result = server.request("thread/start", json!({"cwd": scene.home.work()}));
    assert_eq!(result["instructionSources"], json!([]));
    let thread = result["thread"]["id"].as_str().unwrap().to_owned();
    server.take("thread/started");
    let warning = server.take("configWarning");
    assert_eq!(warning["params"]["path"], json!(scene.home.work().join("AGENTS.md")));
    let messages = server.run_turn(&thread, "$secret");
    let warnings: Vec<&Value> =
        messages.iter().filter(|message| message["method"] == "configWarning").collect();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0]["params"]["summary"], "Some skills cannot be used.");
    assert_eq!(
        scene.plain(warnings[0]["params"]["details"].as_str().unwrap()),
        format!(
            "work/.codex/skills/key/SKILL.md: is not read: it leads out of {}",
            scene.home.work().display()
        )
        .replace(&format!("{}/", scene.home.base().display()), "")
    );
    assert!(!scene.sent(0).iter().any(|text| text.contains("key")), "{:?}", scene.sent(0));
    // Once is enough.
    let messages = server.run_turn(&thread, "again");
    assert!(!messages.iter().any(|message| message["method"] == "configWarning"));
}

#[test]
fn more_skills_than_can_be_told_are_warned_of_once() {
    let scene = Scene::talkative();
    for number in 0..40 {
        let text = format!("---\nname: skill-{number}\ndescription: {}\n---\n", "x".repeat(900));
        scene.file(&format!("home/skills/{number}/SKILL.md"), &text);
    }
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let warnings = |messages: &[Value]| {
        messages.iter().filter(|message| message["method"] == "warning").cloned().collect::<Vec<_>>()
    };
    let told = warnings(&server.run_turn(&thread, "one"));
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["params"]["threadId"], thread.as_str());
    assert_eq!(warnings(&server.run_turn(&thread, "two $skill-39")).len(), 0);
    assert!(scene.words_sent(1).last().unwrap().contains("<name>skill-39</name>"));
}

#[test]
fn skills_are_switched_off_and_on() {
    let scene = Scene::talkative();
    scene.skill("home/skills/mine", "mine");
    scene.skill("home/skills/other", "other");
    let file = scene.home.home().join("config.toml");
    let before = format!("# my own words\n{}", fs::read_to_string(&file).unwrap());
    scene.home.write_config(&before).unwrap();
    let mut server = scene.server();
    let mine = scene.home.home().join("skills/mine/SKILL.md");
    let write = |server: &mut TestServer, params: Value| {
        server.request("skills/config/write", params)["effectiveEnabled"].as_bool().unwrap()
    };
    let added = || fs::read_to_string(&file).unwrap().strip_prefix(&before).map(|text| scene.plain(text));
    // What is on already needs no entry.
    assert!(write(&mut server, json!({"path": mine, "enabled": true})));
    assert_eq!(added().as_deref(), Some(""));
    assert!(!write(&mut server, json!({"path": mine, "enabled": false})));
    let entry = |what: &str, is_on: bool| format!("\n[[skills.config]]\n{what}\nenabled = {is_on}\n");
    let by_path = "path = \"home/skills/mine/SKILL.md\"";
    assert_eq!(added(), Some(format!("\n[skills]\n{}", entry(by_path, false))));
    assert!(!write(&mut server, json!({"name": "other", "enabled": false})));
    let off = "  user mine (off) home/skills/mine/SKILL.md";
    assert_eq!(
        scene.listed(&mut server, json!({}))[1..],
        [off, "  user other (off) home/skills/other/SKILL.md"]
    );
    assert!(write(&mut server, json!({"path": mine, "enabled": true})));
    assert!(write(&mut server, json!({"name": "other", "enabled": true})));
    let both = entry(by_path, true) + &entry("name = \"other\"", true);
    assert_eq!(added(), Some(format!("\n[skills]\n{both}")));
    assert!(!scene.listed(&mut server, json!({})).iter().any(|line| line.contains("(off)")));
    // The path counts more than the name, also where the name comes later.
    assert!(!write(&mut server, json!({"name": "mine", "enabled": false})));
    assert!(!scene.listed(&mut server, json!({})).contains(&off.to_owned()));
    server.take_rest();
}

#[test]
fn a_switch_is_about_a_path_or_a_name() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let path = scene.home.home().join("skills/mine/SKILL.md");
    for params in [
        json!({"enabled": false}),
        json!({"name": "mine", "path": path, "enabled": false}),
        json!({"path": "relative/SKILL.md", "enabled": false}),
    ] {
        assert_eq!(server.request_error("skills/config/write", params)["code"], -32600);
    }
    scene.home.write_config("model = ").unwrap();
    let error = server.request_error("skills/config/write", json!({"path": path, "enabled": false}));
    assert_eq!(error["data"]["config_write_error_code"], "configValidationError");
    assert_eq!(fs::read_to_string(scene.home.home().join("config.toml")).unwrap(), "model = ");
}

#[test]
fn a_switch_holds_from_the_next_turn_on() {
    let scene = Scene::talkative();
    scene.skill("home/skills/mine", "mine");
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    server.request("skills/config/write", json!({"name": "mine", "enabled": false}));
    server.run_turn(&thread, "$mine two");
    assert_eq!(scene.words_sent(1)[2..], ["user: $mine two"]);
    server.request("skills/config/write", json!({"name": "mine", "enabled": true}));
    server.run_turn(&thread, "$mine three");
    assert!(scene.words_sent(2).last().unwrap().contains("<name>mine</name>"));
}

#[test]
fn changes_after_a_list_are_told_once() {
    let scene = Scene::talkative();
    scene.skill("home/skills/mine", "mine");
    let mut server = scene.server();
    let changes: [(&str, &dyn Fn()); 5] = [
        ("a new skill", &|| scene.skill("home/skills/new", "new")),
        ("another text", &|| scene.skill("home/skills/mine", "renamed")),
        ("a skill less", &|| fs::remove_dir_all(scene.home.home().join("skills/new")).unwrap()),
        ("a root of the project", &|| scene.skill("work/.codex/skills/demo", "demo")),
        ("a root of the user, folder by folder", &|| {
            fs::create_dir(scene.home.base().join(".agents")).unwrap();
        }),
    ];
    let (last, others) = changes.split_last().unwrap();
    for (what, change) in others {
        scene.listed(&mut server, json!({}));
        change();
        server.take_where(what, |message| message["method"] == "skills/changed");
    }
    scene.listed(&mut server, json!({"cwds": [scene.home.work()]}));
    (last.1)();
    scene.skill(".agents/skills/agents", "agents");
    server.take_where(last.0, |message| message["method"] == "skills/changed");
    assert!(scene.listed(&mut server, json!({})).iter().any(|line| line.contains("agents")));
}

#[test]
fn without_a_list_nothing_is_told() {
    let scene = Scene::talkative();
    scene.skill("home/skills/mine", "mine");
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "one");
    scene.skill("home/skills/new", "new");
    let messages = server.run_turn(&thread, "$new");
    assert!(!messages.iter().any(|message| message["method"] == "skills/changed"));
    server.close();
}
