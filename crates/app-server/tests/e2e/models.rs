//! Models and their providers: lists without a network and from a server, what a turn makes of them, keys that a program
//! prints.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use app_server_test_support::{Answer, BlockingMockModel, Gate, TestServer};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::{Scene, answer_text, turn_status};

const MODELS: &str = "/v1/models";

fn slugs(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect()
}

/// A list as the servers of this kind of models tell it.
fn told(models: &Value) -> Answer {
    Answer::json(200, &json!({"models": models})).header("etag", "\"one\"")
}

/// The requests for the list so far: the version each named as known.
fn asked(scene: &Scene) -> Vec<Option<String>> {
    let requests = scene.model.model().requests();
    let lists = requests.iter().filter(|request| request.method == "GET");
    lists.map(|request| request.header("if-none-match").map(str::to_owned)).collect()
}

#[test]
fn a_list_without_a_server_that_has_one() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let list = server.request("model/list", json!({}));
    assert_eq!(slugs(&list)[..2], ["gpt-6.1-sol", "gpt-6-astra"]);
    assert_eq!(list["nextCursor"], Value::Null);
    let models = list["data"].as_array().unwrap();
    let defaults: Vec<&Value> = models.iter().filter(|model| model["isDefault"] == true).collect();
    assert_eq!(defaults, [&models[0]]);
    let first = &models[0];
    assert_eq!((&first["model"], &first["displayName"]), (&json!("gpt-6.1-sol"), &json!("GPT-6.1-Sol")));
    assert_eq!((&first["hidden"], &first["inputModalities"]), (&json!(false), &json!(["text", "image"])));
    assert_eq!((&first["defaultReasoningEffort"], &first["upgrade"]), (&json!("low"), &Value::Null));
    let efforts = first["supportedReasoningEfforts"].as_array().unwrap();
    let names: Vec<&Value> = efforts.iter().map(|effort| &effort["reasoningEffort"]).collect();
    assert_eq!(names, ["low", "medium", "high", "xhigh", "max", "ultra"]);
    assert!(efforts.iter().all(|effort| effort["description"].as_str().unwrap().len() > 5));
    let old = models.iter().find(|model| model["id"] == "gpt-5.5").unwrap();
    assert_eq!((&old["upgrade"], &old["upgradeInfo"]["model"]), (&json!("gpt-6-sol"), &json!("gpt-6-sol")));

    let all = server.request("model/list", json!({"includeHidden": true}));
    assert!(slugs(&all).contains(&"gpt-5.2-codex") && !slugs(&list).contains(&"gpt-5.2-codex"));
    let hidden = all["data"].as_array().unwrap().iter().find(|model| model["id"] == "gpt-5.2-codex").unwrap();
    assert_eq!((&hidden["hidden"], &hidden["isDefault"]), (&json!(true), &json!(false)));
}

#[test]
fn a_list_in_pages() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let whole = server.request("model/list", json!({}));
    let mut seen = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let page = server.request("model/list", json!({"limit": 4, "cursor": cursor}));
        seen.extend(page["data"].as_array().unwrap().clone());
        cursor = page["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
        assert_eq!(cursor, seen.len().to_string());
    }
    assert_eq!(&json!(seen), &whole["data"]);
    let error = server.request_error("model/list", json!({"cursor": "garbage"}));
    assert_eq!((&error["code"], &error["message"]), (&json!(-32600), &json!("invalid cursor: garbage")));
    let error = server.request_error("model/list", json!({"modelProvider": "nobody"}));
    assert_eq!(error["message"], "unknown model provider `nobody`");
    let other = server.request("model/list", json!({"modelProvider": "offline"}));
    assert_eq!(other["data"], whole["data"]);
}

#[test]
fn a_silent_server_does_not_hold_up_the_list() {
    let scene = Scene::talkative();
    scene.model.model().route(MODELS, Answer::stall());
    let mut server = scene.server();
    let begun = Instant::now();
    let list = server.request("model/list", json!({}));
    // A second is waited for, and the server is given five.
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(slugs(&list)[0], "gpt-6.1-sol");
    // The session ends although the server is still being asked.
    server.close();
}

#[test]
fn the_list_of_a_server_is_asked_for_once() {
    let scene = Scene::talkative();
    let models = json!([
        {"slug": "second", "visibility": "list", "priority": 2},
        {"slug": "first", "display_name": "The First", "visibility": "list", "priority": 1},
        {"slug": "secret", "visibility": "hide", "priority": 0},
    ]);
    scene.model.model().route(MODELS, told(&models));
    let mut server = scene.server();
    let ids = [(); 3].map(|()| server.start_request("model/list", json!({})));
    for id in ids {
        let answer = server.answer(&id);
        assert_eq!(slugs(&answer["result"]), ["first", "second"]);
        assert_eq!(answer["result"]["data"][0]["displayName"], "The First");
        assert_eq!(answer["result"]["data"][0]["isDefault"], true);
    }
    assert_eq!(asked(&scene), [None]);
    let request = scene.model.model().requests().remove(0);
    assert_eq!(request.path, "/v1/models?client_version=0.169.0");
    server.close();

    // Kept for the next session, which asks when it is old, and only for what is new.
    let mut server = scene.server();
    assert_eq!(slugs(&server.request("model/list", json!({}))), ["first", "second"]);
    assert_eq!(asked(&scene), [None]);
    server.close();
    let folder = scene.home.home().join("app-server/models");
    let file: PathBuf = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let mut kept: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    kept["fetched_at"] = json!("2026-01-01T00:00:00Z");
    fs::write(&file, kept.to_string()).unwrap();
    scene.model.model().route(MODELS, Answer::text(304, ""));
    let mut server = scene.server();
    for _ in 0..2 {
        assert_eq!(slugs(&server.request("model/list", json!({}))), ["first", "second"]);
    }
    assert_eq!(asked(&scene), [None, Some("\"one\"".to_owned())]);
}

#[test]
fn servers_that_tell_only_ids() {
    let scene = Scene::talkative();
    let ids = json!({"object": "list", "data": [{"id": "llama"}, {"id": "gpt-oss-20b"}]});
    scene.model.model().route(MODELS, Answer::json(200, &ids));
    let mut server = scene.server();
    let list = server.request("model/list", json!({}));
    assert_eq!(slugs(&list), ["llama", "gpt-oss-20b"]);
    assert_eq!(list["data"][0]["isDefault"], true);
    assert_eq!(list["data"][0]["defaultReasoningEffort"], "none");
}

#[test]
fn a_turn_knows_what_the_server_has_told_of_its_model() {
    let scene = Scene::talkative();
    let model = |window: u64| json!([{"slug": "mock-model", "context_window": window, "supports_parallel_tool_calls": true}]);
    scene.model.model().route(MODELS, told(&model(1000)));
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let window = |messages: &[Value]| {
        let usage = messages.iter().find(|message| message["method"] == "thread/tokenUsage/updated").unwrap();
        usage["params"]["tokenUsage"]["modelContextWindow"].clone()
    };
    assert_eq!(window(&server.run_turn(&thread, "before")), 258_400);
    server.request("model/list", json!({}));
    assert_eq!(window(&server.run_turn(&thread, "after")), 950);
    let requests = scene.model.model().requests();
    let parallel: Vec<&Value> = requests
        .iter()
        .filter(|request| request.method == "POST")
        .map(|request| &request.body["parallel_tool_calls"])
        .collect();
    assert_eq!(parallel, [false, true]);
    server.close();

    // The next session has it from the disk.
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    assert_eq!(window(&server.run_turn(&thread, "again")), 950);
}

#[test]
fn an_answer_that_names_another_version_of_the_list() {
    let model = BlockingMockModel::start_with(|_| Answer::message("hi").header("x-models-etag", "\"one\""));
    let scene = Scene::with_model(model);
    scene.model.model().route(MODELS, told(&json!([{"slug": "new", "visibility": "list"}])));
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    assert_eq!(turn_status(&server.run_turn(&thread, "hi")), "completed");
    scene.model.requests_seen(2);
    // It is asked for aside; the list waits for that.
    assert_eq!(slugs(&server.request("model/list", json!({}))), ["new"]);
    assert_eq!(turn_status(&server.run_turn(&thread, "again")), "completed");
    assert_eq!(asked(&scene).len(), 1, "the same version is no news");
}

#[test]
fn a_catalog_of_the_users_own() {
    let scene = Scene::talkative();
    let file = scene.home.home().join("models.json");
    fs::write(&file, r#"{"models":[{"slug":"mine","supported_reasoning_levels":[{"effort":"deep"}]}]}"#)
        .unwrap();
    scene.home.write_mock_config(&scene.model.base_url(), "model_catalog_json = \"models.json\"").unwrap();
    let mut server = scene.server();
    let list = server.request("model/list", json!({}));
    assert_eq!(slugs(&list), ["mine"]);
    assert_eq!(list["data"][0]["supportedReasoningEfforts"][0]["reasoningEffort"], "deep");
    server.close();
    fs::write(&file, "nonsense").unwrap();
    let mut server = TestServer::initialized(crate::BINARY, &scene.home);
    let warning = server.take("configWarning");
    assert!(warning.to_string().contains("model_catalog_json"), "{warning}");
}

#[test]
fn providers_are_listed() {
    let scene = Scene::talkative();
    let extra = "[model_providers.keyed]\nname = \"Keyed\"\nenv_key = \"KEYED\"\n\
                 [model_providers.ollama]\nauth = { command = \"token\" }\n";
    let text = fs::read_to_string(scene.home.home().join("config.toml")).unwrap();
    scene.home.write_config(&format!("{text}\n{extra}")).unwrap();
    let mut server = scene.server();
    let list = server.request("modelProvider/list", json!({}));
    assert_eq!((&list["defaultProviderId"], &list["canChangeDefault"]), (&json!("mock"), &json!(true)));
    let gateway = |auth: Value| json!({"type": "customGateway", "auth": auth});
    let keyed = gateway(json!({"mode": "environmentVariable", "envKey": "KEYED"}));
    let printed = gateway(json!({"mode": "externallyConfigured", "envKey": null}));
    assert_eq!(
        list["data"],
        json!([
            {"id": "keyed", "name": "Keyed", "canEdit": true, "baseUrl": null, "settings": keyed},
            {
                "id": "mock", "name": "mock", "canEdit": true, "baseUrl": scene.model.base_url(),
                "settings": gateway(json!({"mode": "none"})),
            },
            {
                "id": "ollama", "name": "Ollama", "canEdit": true, "baseUrl": "http://localhost:11434/v1",
                "settings": printed,
            },
            {"id": "openai", "name": "OpenAI", "canEdit": false, "baseUrl": null, "settings": {"type": "openai"}},
        ])
    );
    let capabilities = server.request("modelProvider/capabilities/read", json!({}));
    assert_eq!(capabilities, json!({"imageGeneration": false, "webSearch": true}));
    server.close();
    scene.home.write_mock_config(&scene.model.base_url(), "web_search = \"disabled\"").unwrap();
    let mut server = scene.server();
    assert_eq!(server.request("modelProvider/capabilities/read", json!({}))["webSearch"], false);
}

/// A scene whose provider has its key from a shell script in the home folder.
fn with_program(model: BlockingMockModel, script: &str, more: &str) -> Scene {
    let scene = Scene::with_model(model);
    let path = scene.home.home().join("config.toml");
    let auth = format!("auth = {{ command = \"sh\", args = [\"-c\", '''{script}'''], cwd = \".\"{more} }}");
    let text = fs::read_to_string(&path).unwrap();
    scene.home.write_config(&format!("{text}{auth}\n")).unwrap();
    scene
}

/// Prints `key-1`, then `key-2`, and so on.
const COUNTING: &str = "echo x >> runs; echo key-$(wc -l < runs)";

fn keys(scene: &Scene) -> Vec<String> {
    let header = |name: &str| {
        let requests = scene.model.model().requests();
        requests.iter().map(|request| request.header(name).unwrap_or_default().to_owned()).collect()
    };
    header("authorization")
}

#[test]
fn a_key_that_a_program_prints() {
    let scene = with_program(BlockingMockModel::start_with(|_| Answer::message("hi")), COUNTING, "");
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    for _ in 0..2 {
        assert_eq!(turn_status(&server.run_turn(&thread, "hi")), "completed");
    }
    assert_eq!(keys(&scene), ["Bearer key-1", "Bearer key-1"]);
    // What only the provider may see is seen by nobody else.
    let rollout = fs::read_to_string(scene.home.rollouts().unwrap().remove(0)).unwrap();
    assert!(!rollout.contains("key-1"));
}

#[test]
fn a_key_that_is_refused_is_printed_anew() {
    let model = BlockingMockModel::start_with(|request| match request.header("authorization") {
        Some("Bearer key-1") => Answer::json(401, &json!({"error": {"message": "too old"}})),
        _ => Answer::message("hi"),
    });
    let scene = with_program(model, COUNTING, "");
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    assert_eq!(answer_text(&server.run_turn(&thread, "hi")), "hi");
    assert_eq!(answer_text(&server.run_turn(&thread, "again")), "hi");
    assert_eq!(keys(&scene), ["Bearer key-1", "Bearer key-2", "Bearer key-2"]);
}

#[test]
fn a_key_that_is_refused_again_fails_the_turn() {
    let model =
        BlockingMockModel::start_with(|_| Answer::json(401, &json!({"error": {"message": "no such key"}})));
    let scene = with_program(model, COUNTING, "");
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let messages = server.run_turn(&thread, "hi");
    assert_eq!(turn_status(&messages), "failed");
    assert_eq!(keys(&scene), ["Bearer key-1", "Bearer key-2"]);
}

#[test]
fn a_program_that_prints_no_key_fails_the_turn() {
    for (script, more, reason) in [
        ("echo no vault >&2; exit 3", "", "ended with exit code 3: no vault"),
        ("true", "", "printed nothing"),
        ("echo a; echo b", "", "printed more than one line"),
        ("sleep 60", ", timeout_ms = 200", "took longer than 200 ms"),
    ] {
        let scene = with_program(BlockingMockModel::start([]), script, more);
        let mut server = scene.server();
        let thread = scene.start_thread(&mut server);
        let messages = server.run_turn(&thread, "hi");
        assert_eq!(turn_status(&messages), "failed");
        let error = messages.last().unwrap()["params"]["turn"]["error"]["message"].as_str().unwrap();
        assert!(
            error.contains("no key for model provider \"mock\": `sh`") && error.contains(reason),
            "{error}"
        );
        assert!(scene.model.model().requests().is_empty());
    }
}

#[test]
fn an_interrupt_does_not_wait_for_the_program() {
    let scene = with_program(
        BlockingMockModel::start([]),
        "echo x > begun; sleep 60; echo key",
        ", timeout_ms = 60000",
    );
    let mut server = scene.server();
    let thread = scene.start_thread(&mut server);
    let turn = server.start_turn(&thread, "hi");
    server.until("the turn's beginning", |message| message["method"] == "item/completed");
    server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "interrupted");
}

#[test]
fn a_list_waits_for_a_server_that_is_a_little_slow() {
    let scene = Scene::talkative();
    let gate = Gate::new();
    let body = json!({"models": [{"slug": "slow", "visibility": "list"}]}).to_string();
    scene.model.model().route(MODELS, Answer::events([]).gate(&gate).and([json!(body)]));
    let mut server = scene.server();
    let first = server.start_request("model/list", json!({}));
    scene.model.gate_reached(&gate);
    let second = server.start_request("model/list", json!({}));
    gate.open();
    for id in [first, second] {
        server.answer(&id);
    }
    // Whoever gave up waiting finds it the next time.
    while slugs(&server.request("model/list", json!({}))) != ["slow"] {}
    assert_eq!(asked(&scene).len(), 1);
}

/// The built-in provider's server is the scripted one; a key is signed in.
fn with_key(scene: &Scene) {
    let config = format!("openai_base_url = \"{}\"\n", scene.model.base_url());
    scene.home.write_config(&config).unwrap();
    let auth = json!({"auth_mode": "apikey", "OPENAI_API_KEY": "sk-1"});
    fs::write(scene.home.home().join("auth.json"), auth.to_string()).unwrap();
}

#[test]
fn a_key_has_no_use_for_models_of_accounts() {
    let scene = Scene::talkative();
    with_key(&scene);
    let models = json!([
        {"slug": "account-only", "visibility": "list", "priority": 1, "supported_in_api": false},
        {"slug": "both", "visibility": "list", "priority": 2},
    ]);
    scene.model.model().route(MODELS, told(&models));
    let mut server = scene.server();
    let list = server.request("model/list", json!({}));
    // What the built-in provider's server does not name is offered all the same.
    assert_eq!(slugs(&list)[..2], ["both", "gpt-6.1-sol"]);
    assert_eq!(list["data"][0]["isDefault"], true);
    assert!(!slugs(&list).contains(&"account-only"));
    assert_eq!(keys(&scene), ["Bearer sk-1"]);
    let kept = fs::read_to_string(scene.home.home().join("models_cache.json")).unwrap();
    assert!(kept.contains("account-only") && kept.contains("\\\"one\\\""), "{kept}");
}

#[test]
fn a_list_that_the_reference_has_kept() {
    let scene = Scene::talkative();
    scene.home.write_config("").unwrap();
    let kept = json!({
        "fetched_at": "2026-01-01T00:00:00.123456Z", "etag": "\"old\"", "client_version": "0.169.0",
        "models": [{"slug": "kept", "visibility": "list", "priority": 1, "base_instructions": "none of ours"}],
    });
    let path = scene.home.home().join("models_cache.json");
    fs::write(&path, kept.to_string()).unwrap();
    let mut server = scene.server();
    // Nobody is signed in, so nobody is asked.
    assert_eq!(slugs(&server.request("model/list", json!({})))[..2], ["kept", "gpt-6.1-sol"]);
    server.close();
    assert_eq!(fs::read_to_string(&path).unwrap(), kept.to_string());
}
