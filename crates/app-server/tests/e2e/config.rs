//! The configuration over the wire: what a client reads, and what its writes leave in the user's file.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use app_server_test_support::{TempHome, TestServer};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::BINARY;

const CONFIG: &str = "# mine\nmodel = 'first' # the model\napproval_policy = \"never\"\n\n\
                      [projects.\"/somewhere/else\"]\ntrust_level = \"trusted\"\n";

fn home(config: &str) -> TempHome {
    let home = TempHome::new().unwrap();
    home.write_config(config).unwrap();
    home
}

fn file(home: &TempHome) -> PathBuf {
    home.home().join("config.toml")
}

fn text(home: &TempHome) -> String {
    fs::read_to_string(file(home)).unwrap()
}

fn server(home: &TempHome) -> TestServer {
    TestServer::initialized(BINARY, home)
}

fn read(server: &mut TestServer) -> Value {
    server.request("config/read", json!({"includeLayers": true}))
}

fn user_version(read: &Value) -> Value {
    let layers = read["layers"].as_array().unwrap();
    layers.iter().find(|layer| layer["name"]["type"] == "user").unwrap()["version"].clone()
}

fn write(server: &mut TestServer, key_path: &str, value: &Value) -> Value {
    let params = json!({"keyPath": key_path, "value": value, "mergeStrategy": "replace"});
    server.request("config/value/write", params)
}

#[test]
fn to_say_again_that_a_project_is_trusted_confirms_it_as_it_is_now() {
    let home = home("");
    let work = home.work();
    fs::create_dir(work.join(".codex")).unwrap();
    let project_file = work.join(".codex/config.toml");
    fs::write(&project_file, "model = 'agreed'\n").unwrap();
    let mut server = server(&home);
    server.take("configWarning");
    let trust = format!("projects.\"{}\".trust_level", work.display());
    write(&mut server, &trust, &json!("trusted"));
    let before = text(&home);
    let model = |server: &mut TestServer| {
        let read = server.request("config/read", json!({"cwd": work, "includeLayers": true}));
        (read["config"]["model"].clone(), read["layers"][0].get("disabledReason").is_some())
    };
    assert_eq!(model(&mut server), (json!("agreed"), false));
    fs::write(&project_file, "model = 'changed'\n").unwrap();
    assert_eq!(model(&mut server), (Value::Null, true));
    write(&mut server, &trust, &json!("trusted"));
    assert_eq!(model(&mut server), (json!("changed"), false));
    assert_eq!(text(&home), before, "nothing had to be written for that");
}

/// The code and the message of a write that is refused.
fn refusal(server: &mut TestServer, params: Value) -> (String, String) {
    let error = server.request_error("config/value/write", params);
    assert_eq!(error["code"], json!(-32600), "{error}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&error["data"]["config_write_error_code"]), text(&error["message"]))
}

#[test]
fn what_is_read_is_merged_and_says_where_it_comes_from() {
    let home = home(&format!("{CONFIG}\n[made_up]\nlist = [1, 'two']\n"));
    let mut server = server(&home);
    server.take("configWarning");
    let read = read(&mut server);
    let config = &read["config"];
    assert_eq!(config["model"], json!("first"));
    assert_eq!(config["approval_policy"], json!("never"));
    assert_eq!(config["review_model"], Value::Null, "known keys are there, set or not");
    assert!(config.as_object().unwrap().contains_key("review_model"));
    assert_eq!(config["made_up"], json!({"list": [1, "two"]}), "unknown keys are passed through");
    assert_eq!(config["projects"]["/somewhere/else"]["trust_level"], json!("trusted"));
    let origins = read["origins"].as_object().unwrap();
    assert_eq!(
        origins.keys().collect::<Vec<_>>(),
        [
            "approval_policy",
            "made_up.list.0",
            "made_up.list.1",
            "model",
            "projects./somewhere/else.trust_level"
        ]
    );
    let user = json!({"type": "user", "file": file(&home), "profile": null});
    assert_eq!(origins["model"], json!({"name": user, "version": user_version(&read)}));
    let layers = read["layers"].as_array().unwrap();
    let kinds: Vec<&Value> = layers.iter().map(|layer| &layer["name"]["type"]).collect();
    assert_eq!(kinds, ["user", "system"]);
    assert_eq!(layers[0]["config"]["model"], json!("first"));
    assert_eq!(layers[0].get("disabledReason"), None);

    let without = server.request("config/read", json!({}));
    assert_eq!(without["layers"], Value::Null);
}

#[test]
fn layers_of_a_project_count_when_it_is_trusted_and_say_why_when_not() {
    let home = home("");
    let work = home.work();
    fs::create_dir(work.join(".codex")).unwrap();
    fs::write(work.join(".codex/config.toml"), "model = 'of-the-project'\n").unwrap();
    let mut server = server(&home);
    server.take("configWarning");
    let params = json!({"includeLayers": true, "cwd": work});
    let untrusted = server.request("config/read", params.clone());
    assert_eq!(untrusted["config"]["model"], Value::Null);
    assert_eq!(untrusted["layers"][0]["name"]["type"], json!("project"));
    assert!(untrusted["layers"][0]["disabledReason"].as_str().unwrap().contains("not trusted"));

    write(&mut server, &format!("projects.\"{}\".trust_level", work.display()), &json!("trusted"));
    let trusted = server.request("config/read", params);
    assert_eq!(trusted["config"]["model"], json!("of-the-project"));
    // A relative folder counts from the server's own.
    let relative = server.request("config/read", json!({"cwd": "."}));
    assert_eq!(relative["config"]["model"], json!("of-the-project"));
    assert_eq!(server.request("config/read", json!({}))["config"]["model"], Value::Null);
}

#[test]
fn a_write_changes_the_bytes_of_its_key_only() {
    let home = home(CONFIG);
    let mut server = server(&home);
    let answer = write(&mut server, "model", &json!("second"));
    assert_eq!(answer["status"], json!("ok"));
    assert_eq!(answer["filePath"], json!(file(&home)));
    assert_eq!(answer["overriddenMetadata"], Value::Null);
    assert_eq!(text(&home), CONFIG.replace("'first'", "\"second\""));
    assert_eq!(answer["version"], user_version(&read(&mut server)));

    write(&mut server, "model", &json!("first"));
    write(&mut server, "model_reasoning_effort", &json!("low"));
    write(&mut server, "sandbox_workspace_write.network_access", &json!(true));
    let expected = CONFIG.replace("'first'", "\"first\"").replace(
        "approval_policy = \"never\"\n",
        "approval_policy = \"never\"\nmodel_reasoning_effort = \"low\"\n",
    ) + "\n[sandbox_workspace_write]\nnetwork_access = true\n";
    assert_eq!(text(&home), expected);
    write(&mut server, "model_reasoning_effort", &Value::Null);
    write(&mut server, "not.there", &Value::Null);
    assert_eq!(text(&home), expected.replace("model_reasoning_effort = \"low\"\n", ""));
}

#[test]
fn edits_of_a_batch_are_made_all_or_none() {
    let home = home(CONFIG);
    let mut server = server(&home);
    let edit = |key: &str, value: Value| json!({"keyPath": key, "value": value, "mergeStrategy": "upsert"});
    let edits = [edit("model", json!("x")), edit("approval_policy", json!("bogus"))];
    let error = server.request_error("config/batchWrite", json!({"edits": edits}));
    assert_eq!(error["data"]["config_write_error_code"], json!("configValidationError"));
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("Invalid configuration: unknown variant `bogus`, expected one of"),
        "{message}"
    );
    assert!(message.contains("in `approval_policy`"), "{message}");
    assert_eq!(text(&home), CONFIG);

    let edits = [edit("model", json!("x")), edit("tools", json!({"view_image": false}))];
    let written = server.request("config/batchWrite", json!({"edits": edits, "reloadUserConfig": true}));
    assert_eq!(written["status"], json!("ok"));
    assert_eq!(text(&home), format!("{}\n[tools]\nview_image = false\n", CONFIG.replace("'first'", "\"x\"")));
    let before = text(&home);
    let nothing = server.request("config/batchWrite", json!({"edits": []}));
    assert_eq!((&nothing["status"], &nothing["version"]), (&json!("ok"), &written["version"]));
    assert_eq!(text(&home), before);
}

#[test]
fn a_write_is_refused_with_its_reason_and_leaves_the_file() {
    let home = home(CONFIG);
    let mut server = server(&home);
    let value = |key: &str, value: Value| json!({"keyPath": key, "value": value, "mergeStrategy": "replace"});
    let validation = "configValidationError";
    for (key, written, expected) in [
        ("", json!(1), "keyPath must not be empty"),
        ("a..b", json!(1), "keyPath has an empty segment: a..b"),
        ("model", json!(["a", null]), "the value of `model` has a null in an array"),
        ("model_provider", json!("nobody"), "Invalid configuration: "),
    ] {
        let (code, message) = refusal(&mut server, value(key, written));
        assert_eq!(code, validation);
        assert!(message.starts_with(expected), "{message}");
    }
    let mut elsewhere = value("model", json!("x"));
    elsewhere["filePath"] = json!(home.work().join("other.toml"));
    let readonly =
        ("configLayerReadonly".to_owned(), "Only writes to the user config are allowed".to_owned());
    assert_eq!(refusal(&mut server, elsewhere.clone()), readonly);
    elsewhere["filePath"] = json!("config.toml");
    assert_eq!(refusal(&mut server, elsewhere.clone()), readonly, "a relative path names no file");
    assert_eq!(text(&home), CONFIG);

    elsewhere["filePath"] = json!(home.home().join("../home/./config.toml"));
    elsewhere["expectedVersion"] = user_version(&read(&mut server));
    server.request("config/value/write", elsewhere.clone());
    let (code, message) = refusal(&mut server, elsewhere);
    assert_eq!(code, "configVersionConflict");
    assert_eq!(message, "Configuration was modified since last read. Fetch latest version and retry.");

    fs::write(file(&home), "model = \n").unwrap();
    let (code, message) = refusal(&mut server, value("model", json!("x")));
    assert_eq!(code, validation);
    assert!(message.contains("config.toml:1:"), "{message}");
    let error = server.request_error("config/read", json!({}));
    assert_eq!(error["code"], json!(-32603));
    assert!(
        error["message"].as_str().unwrap().starts_with("failed to read configuration layers: /"),
        "{error}"
    );
    assert_eq!(text(&home), "model = \n");
}

#[test]
fn what_was_wrong_before_keeps_nobody_from_changing_something_else() {
    let home = home("model_provider = \"nobody\"\n");
    let mut server = server(&home);
    server.take("configWarning");
    write(&mut server, "model", &json!("x"));
    assert_eq!(text(&home), "model_provider = \"nobody\"\nmodel = \"x\"\n");
    write(&mut server, "model_provider", &Value::Null);
    assert_eq!(text(&home), "model = \"x\"\n");
}

#[test]
fn a_write_that_changes_nothing_leaves_the_file_alone() {
    let home = home(CONFIG);
    let mut server = server(&home);
    let before = fs::metadata(file(&home)).unwrap();
    assert_eq!(write(&mut server, "model", &json!("first"))["status"], json!("ok"));
    let after = fs::metadata(file(&home)).unwrap();
    assert_eq!((before.ino(), before.modified().unwrap()), (after.ino(), after.modified().unwrap()));
    assert_eq!(text(&home), CONFIG);
}

#[test]
fn links_modes_and_line_endings_stay() {
    let home = home("");
    let kept = home.base().join("dotfiles.toml");
    fs::write(&kept, "\u{feff}# kept\r\nmodel = 'x'\r\n").unwrap();
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o640)).unwrap();
    fs::remove_file(file(&home)).unwrap();
    symlink("../dotfiles.toml", file(&home)).unwrap();
    let mut server = server(&home);
    write(&mut server, "review_model", &json!("y"));
    assert_eq!(fs::read_link(file(&home)).unwrap(), Path::new("../dotfiles.toml"));
    assert_eq!(
        fs::read_to_string(&kept).unwrap(),
        "\u{feff}# kept\r\nmodel = 'x'\r\nreview_model = \"y\"\r\n"
    );
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(read(&mut server)["config"]["review_model"], json!("y"));

    fs::remove_file(file(&home)).unwrap();
    write(&mut server, "model", &json!("new"));
    assert_eq!(text(&home), "model = \"new\"\n");
    assert_eq!(fs::metadata(file(&home)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_flag_that_overrides_what_was_written_is_named() {
    let home = home(CONFIG);
    let program = home.base().join("server");
    fs::write(&program, format!("#!/bin/sh\nexec '{BINARY}' -c 'model=\"from-flag\"'\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut server = TestServer::initialized(&program, &home);
    let answer = write(&mut server, "model", &json!("second"));
    assert_eq!(answer["status"], json!("okOverridden"));
    let overridden = &answer["overriddenMetadata"];
    assert_eq!(overridden["message"], json!("Overridden by session flags"));
    assert_eq!(overridden["overridingLayer"]["name"], json!({"type": "sessionFlags"}));
    assert_eq!(overridden["effectiveValue"], json!("from-flag"));
    assert!(text(&home).contains("model = \"second\" # the model"), "it is written all the same");
    assert_eq!(write(&mut server, "model", &json!("from-flag"))["status"], json!("ok"));
    assert_eq!(write(&mut server, "review_model", &json!("x"))["status"], json!("ok"));
}

#[test]
fn keys_are_masked_and_survive_being_written_back() {
    let config =
        "[mcp_servers.a]\ncommand = \"true\"\nenv = { A_TOKEN = \"Hunter2-Hunter2\", LANG = \"C\" }\n";
    let home = home(config);
    let mut server = server(&home);
    let shown = read(&mut server);
    assert!(!shown.to_string().contains("Hunter2"), "{shown}");
    let mut entry = shown["config"]["mcp_servers"]["a"].clone();
    assert_eq!(entry["env"]["LANG"], json!("C"));
    entry["command"] = json!("false");
    write(&mut server, "mcp_servers.a", &entry);
    assert_eq!(text(&home), config.replace("\"true\"", "\"false\""));
}

#[test]
fn a_home_that_cannot_be_written_is_an_error() {
    let home = home(CONFIG);
    // The lock's folder cannot be made, whoever runs the test.
    fs::write(home.home().join("app-server"), "in the way").unwrap();
    let mut server = server(&home);
    let params = json!({"keyPath": "model", "value": "x", "mergeStrategy": "replace"});
    let error = server.request_error("config/value/write", params);
    assert_eq!(error["code"], json!(-32603), "{error}");
    assert_eq!(text(&home), CONFIG);
}

#[test]
fn two_servers_write_and_nothing_is_lost() {
    let home = home("# shared\n");
    let mut servers = [server(&home), server(&home)];
    let mut due: [Vec<Value>; 2] = [Vec::new(), Vec::new()];
    for number in 0..25 {
        for (which, server) in servers.iter_mut().enumerate() {
            let key = format!("notice.of_{which}.key_{number}");
            let params = json!({"keyPath": key, "value": number, "mergeStrategy": "replace"});
            due[which].push(server.start_request("config/value/write", params));
            // Whoever reads meanwhile sees a whole file.
            assert!(text(&home).parse::<toml::Table>().is_ok());
        }
    }
    for (server, ids) in servers.iter_mut().zip(&due) {
        for id in ids {
            assert_eq!(server.answer(id)["result"]["status"], json!("ok"));
        }
    }
    let table: toml::Table = text(&home).parse().unwrap();
    for which in 0..2 {
        assert_eq!(table["notice"][format!("of_{which}")].as_table().unwrap().len(), 25);
    }
    assert!(text(&home).starts_with("# shared\n"));
}

#[test]
fn a_server_that_is_killed_while_it_writes_leaves_a_whole_file() {
    let home = home(CONFIG);
    for round in 0..6 {
        let mut server = server(&home);
        for number in 0..20 {
            let params =
                json!({"keyPath": "model", "value": format!("{round}-{number}"), "mergeStrategy": "replace"});
            server.start_request("config/value/write", params);
        }
        server.take_where("an answer", |message| message["result"]["status"] == "ok");
        server.without_checks();
        server.connection().kill().unwrap();
        server.connection().wait_exit(Duration::from_secs(30)).unwrap();
        let table: toml::Table = text(&home).parse().unwrap();
        assert!(table["model"].as_str().unwrap().starts_with(&format!("{round}-")), "{table:?}");
        assert!(text(&home).contains("# the model"), "{}", text(&home));
    }
}

#[test]
fn rules_that_do_not_parse_are_told_with_their_place() {
    let home = home("");
    let rules = home.home().join("rules");
    fs::create_dir(&rules).unwrap();
    fs::write(rules.join("mine.rules"), "# fine\nprefix_rule(pattern = [\n").unwrap();
    let mut server = server(&home);
    server.start_thread(&home.work());
    let warning = server.take("configWarning");
    assert_eq!(warning["params"]["path"], json!(rules.join("mine.rules")), "{warning}");
    assert_eq!(warning["params"]["range"]["start"]["column"], json!(1));
    assert_eq!(warning["params"]["range"]["start"], warning["params"]["range"]["end"]);
}
