//! `fuzzyFileSearch` and its sessions.

use std::fs;
use std::path::Path;

use app_server_test_support::{TempHome, TestServer};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::{BINARY, Scene};

fn search(server: &mut TestServer, root: &Path, query: &str) -> Vec<String> {
    let found = server.request("fuzzyFileSearch", json!({"query": query, "roots": [root]}));
    paths(&found["files"])
}

fn paths(files: &Value) -> Vec<String> {
    let path = |file: &Value| file["path"].as_str().unwrap().to_owned();
    files.as_array().unwrap().iter().map(path).collect()
}

fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Makes 50,000 files below a folder.
fn fill(root: &Path) {
    for folder in 0..500 {
        let path = root.join(format!("d{}/e{folder}", folder % 20));
        fs::create_dir_all(&path).unwrap();
        for file in 0..100 {
            fs::File::create(path.join(format!("file_{folder:03}_{file:02}.rs"))).unwrap();
        }
    }
}

#[test]
fn a_large_tree_is_searched_as_one_types() {
    let tree = TempHome::new().unwrap();
    fill(&tree.work());
    searches_are_answered_at_the_end_of_input(&tree.work());
    a_newer_search_of_the_same_token_ends_the_one_before(&tree.work());
    a_session_completes_what_was_typed_last(&tree.work());
}

fn start(server: &mut TestServer, id: &str, root: &Path) {
    let params = json!({"sessionId": id, "roots": [root]});
    assert_eq!(server.request("fuzzyFileSearch/sessionStart", params), json!({}));
}

fn update(server: &mut TestServer, id: &str, query: &str) {
    let params = json!({"sessionId": id, "query": query});
    assert_eq!(server.request("fuzzyFileSearch/sessionUpdate", params), json!({}));
}

/// Takes everything up to the completion of a session; returns the last of what was told and its query.
fn completed(server: &mut TestServer, id: &str) -> (String, Vec<String>) {
    let is_last = |message: &Value| {
        message["method"] == "fuzzyFileSearch/sessionCompleted" && message["params"]["sessionId"] == id
    };
    let told = server.until("the completion", is_last);
    let updated = &told[told.len() - 2];
    assert_eq!(updated["method"], "fuzzyFileSearch/sessionUpdated");
    (updated["params"]["query"].as_str().unwrap().to_owned(), paths(&updated["params"]["files"]))
}

#[test]
fn files_are_found_as_they_are_now() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let work = scene.home.work();
    for file in ["src/app_server.rs", "docs/app-server.md", "README.md"] {
        write(&work, file, "");
    }
    let found = server.request("fuzzyFileSearch", json!({"query": "app", "roots": [work]}));
    let hit = |path: &str, name: &str, start: u32| {
        json!({
            "root": work, "path": path, "match_type": "file", "file_name": name, "score": 65620,
            "indices": [start, start + 1, start + 2],
        })
    };
    let expected =
        [hit("docs/app-server.md", "app-server.md", 5), hit("src/app_server.rs", "app_server.rs", 4)];
    assert_eq!(found, json!({"files": expected}));

    write(&work, "src/new/app.rs", "");
    fs::remove_file(work.join("docs/app-server.md")).unwrap();
    fs::rename(work.join("src/app_server.rs"), work.join("src/app.txt")).unwrap();
    assert_eq!(search(&mut server, &work, "app"), ["src/app.txt", "src/new/app.rs"]);
    fs::create_dir(work.join(".git")).unwrap();
    write(&work, ".gitignore", "*.txt\n");
    assert_eq!(search(&mut server, &work, "app"), ["src/new/app.rs"]);
    write(&work, ".gitignore", "*.none\n");
    assert_eq!(search(&mut server, &work, "app"), ["src/app.txt", "src/new/app.rs"]);

    assert_eq!(search(&mut server, &work, " "), [""; 0]);
    assert_eq!(search(&mut server, &work.join("missing"), "app"), [""; 0]);
    let nowhere = server.request("fuzzyFileSearch", json!({"query": "app", "roots": []}));
    assert_eq!(nowhere, json!({"files": []}));
    // Relative to where the server was started.
    assert_eq!(search(&mut server, Path::new("src"), "app"), ["app.txt", "new/app.rs"]);
    server.close();
}

fn a_newer_search_of_the_same_token_ends_the_one_before(tree: &Path) {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let params = |query: &str| json!({"query": query, "roots": [tree], "cancellationToken": "t"});
    let sent: Vec<_> = ["f", "fi", "fil", "file_499_99.rs"]
        .map(|query| server.start_request("fuzzyFileSearch", params(query)))
        .to_vec();
    for id in &sent[..3] {
        assert!(server.answer(id)["result"]["files"].is_array(), "what it had");
    }
    let last = server.answer(&sent[3]);
    assert_eq!(paths(&last["result"]["files"])[0], "d19/e499/file_499_99.rs");
    let again = server.request("fuzzyFileSearch", params("file_000_00.rs"));
    assert_eq!(paths(&again["files"])[0], "d0/e0/file_000_00.rs");
    server.close();
}

fn a_session_completes_what_was_typed_last(tree: &Path) {
    let scene = Scene::talkative();
    let mut server = scene.server();
    start(&mut server, "s", tree);
    let typed = "file_123_45.rs";
    let sent: Vec<_> = (1..=typed.len())
        .map(|end| {
            let params = json!({"sessionId": "s", "query": typed[..end]});
            server.start_request("fuzzyFileSearch/sessionUpdate", params)
        })
        .collect();
    for id in sent {
        assert_eq!(server.answer(&id)["result"], json!({}));
    }
    let mut last = completed(&mut server, "s");
    while last.0 != typed {
        last = completed(&mut server, "s");
    }
    assert_eq!(last.1[0], "d3/e123/file_123_45.rs");

    update(&mut server, "s", "zzzz");
    assert_eq!(completed(&mut server, "s"), ("zzzz".to_owned(), Vec::new()));
    update(&mut server, "s", "zzzz");
    assert_eq!(completed(&mut server, "s"), ("zzzz".to_owned(), Vec::new()));
    update(&mut server, "s", "");
    assert_eq!(completed(&mut server, "s"), (String::new(), Vec::new()));
    server.close();
}

#[test]
fn sessions_end_are_replaced_and_do_not_mix() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let work = scene.home.work();
    write(&work, "a/one.rs", "");
    write(&work, "b/two.rs", "");
    start(&mut server, "a", &work.join("a"));
    start(&mut server, "b", &work.join("b"));
    update(&mut server, "a", "rs");
    assert_eq!(completed(&mut server, "a"), ("rs".to_owned(), vec!["one.rs".to_owned()]));
    update(&mut server, "b", "rs");
    assert_eq!(completed(&mut server, "b"), ("rs".to_owned(), vec!["two.rs".to_owned()]));
    start(&mut server, "a", &work);
    update(&mut server, "a", "rs");
    let both = vec!["a/one.rs".to_owned(), "b/two.rs".to_owned()];
    assert_eq!(completed(&mut server, "a"), ("rs".to_owned(), both));
    let stop = json!({"sessionId": "a"});
    assert_eq!(server.request("fuzzyFileSearch/sessionStop", stop.clone()), json!({}));
    assert_eq!(server.request("fuzzyFileSearch/sessionStop", stop), json!({}));

    let error =
        server.request_error("fuzzyFileSearch/sessionUpdate", json!({"sessionId": "a", "query": "x"}));
    assert_eq!(error, json!({"code": -32600, "message": "fuzzy file search session not found: a"}));
    for params in [json!({"sessionId": "", "roots": [work]}), json!({"sessionId": "c", "roots": []})] {
        assert_eq!(server.request_error("fuzzyFileSearch/sessionStart", params)["code"], -32600);
    }
    update(&mut server, "b", "two");
    server.request("fuzzyFileSearch/sessionStop", json!({"sessionId": "b"}));
    let untaken = server.take_rest();
    server.start_request("fuzzyFileSearch", json!({"query": "rs", "roots": [work]}));
    let rest = server.close();
    assert!(
        rest.iter().all(|message| message.get("method").is_none()),
        "after its end: {untaken:?} {rest:?}"
    );
}

fn searches_are_answered_at_the_end_of_input(tree: &Path) {
    let scene = Scene::talkative();
    let mut server = scene.server();
    start(&mut server, "s", tree);
    server.start_request("fuzzyFileSearch/sessionUpdate", json!({"sessionId": "s", "query": "file"}));
    let id = server.start_request("fuzzyFileSearch", json!({"query": "499_99", "roots": [tree]}));
    let rest = server.close();
    let answer = rest.iter().find(|message| message["id"] == id).unwrap();
    assert_eq!(paths(&answer["result"]["files"])[0], "d19/e499/file_499_99.rs");
}

#[test]
fn sessions_need_the_capability() {
    let home = TempHome::new().unwrap();
    let mut server = TestServer::initialized_with(BINARY, &home, json!({}));
    let error =
        server.request_error("fuzzyFileSearch/sessionStart", json!({"sessionId": "s", "roots": ["/"]}));
    assert!(error["message"].as_str().unwrap().contains("experimentalApi"), "{error}");
    write(&home.work(), "found.rs", "");
    assert_eq!(search(&mut server, &home.work(), "found"), ["found.rs"]);
    server.close();
}
