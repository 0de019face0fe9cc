//! initialize, ids, opting out.

use serde_json::{Value, json};

use crate::{BINARY, Scene, TestServer};

fn client_info() -> Value {
    json!({"clientInfo": {"name": "probe", "version": "1"}})
}

#[test]
fn nothing_but_initialize_comes_first_and_only_once() {
    let scene = Scene::new([]);
    let mut server = TestServer::start(BINARY, &scene.home);
    assert_eq!(server.request_error("thread/loaded/list", json!({}))["message"], "Not initialized");
    assert_eq!(server.request_error("initialize", json!({}))["code"], -32600);
    let result = server.request("initialize", client_info());
    assert_eq!(result["codexHome"], json!(scene.home.home()));
    assert_eq!(server.request_error("initialize", client_info())["message"], "Already initialized");
    // `initialized` never comes from some clients.
    assert_eq!(server.request("thread/loaded/list", json!({}))["data"], json!([]));
}

#[test]
fn ids_come_back_as_they_were() {
    let scene = Scene::new([]);
    let mut server = TestServer::start(BINARY, &scene.home);
    server.start_request_as(json!("first"), "initialize", client_info());
    server.answer(&json!("first"));
    let ids = [
        json!(7),
        json!("7"),
        json!(-3),
        json!(0),
        json!(""),
        json!(i64::MAX),
        json!(i64::MIN),
        json!("é\n"),
    ];
    for id in &ids {
        server.start_request_as(id.clone(), "thread/loaded/list", json!({}));
        server.start_request_as(id.clone(), "no/such", json!({}));
    }
    for id in &ids {
        let (first, second) = (server.answer(id), server.answer(id));
        assert_eq!((&first["id"], &second["id"]), (id, id));
        assert!(first.get("error").is_some() != second.get("error").is_some(), "{first} {second}");
    }
}

#[test]
fn notifications_opted_out_of_do_not_come() {
    let scene = Scene::talkative();
    let opted_out = ["item/agentMessage/delta", "thread/started", "no/such", "turn/start"];
    let capabilities = json!({"experimentalApi": true, "optOutNotificationMethods": opted_out});
    let mut server = TestServer::initialized_with(BINARY, &scene.home, capabilities);
    let thread = server.request("thread/start", json!({"cwd": scene.home.work()}));
    let messages = server.run_turn(thread["thread"]["id"].as_str().unwrap(), "hi");
    let methods: Vec<&str> = messages.iter().filter_map(|message| message["method"].as_str()).collect();
    assert!(methods.contains(&"item/completed"), "{methods:?}");
    assert!(!methods.iter().any(|method| opted_out.contains(method)), "{methods:?}");
}

#[test]
fn settings_that_are_out_of_date_are_told_of_with_the_thread() {
    let scene = Scene::talkative();
    let path = scene.home.home().join("config.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, format!("tools.web_search = true\n{config}")).unwrap();
    let mut server = scene.server();
    scene.start_thread(&mut server);
    let notice = server.take("deprecationNotice");
    assert!(notice["params"]["summary"].as_str().unwrap().contains("tools.web_search"), "{notice}");
}
