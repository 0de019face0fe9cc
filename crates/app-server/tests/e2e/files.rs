//! `fs/*`: files for clients that edit remotely, and watches.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use app_server_test_support::TestServer;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::Scene;

/// "alpha" and "beta".
const ALPHA: &str = "YWxwaGE=";
const BETA: &str = "YmV0YQ==";

fn watch(server: &mut TestServer, id: &str, path: &Path) -> Value {
    server.request("fs/watch", json!({"watchId": id, "path": path}))
}

/// Takes the next changes that are told of a watch.
fn changed(server: &mut TestServer, id: &str) -> Vec<PathBuf> {
    let told = server.take_where(&format!("changes of {id}"), |message| {
        message["method"] == "fs/changed" && message["params"]["watchId"] == id
    });
    serde_json::from_value(told["params"]["changedPaths"].clone()).unwrap()
}

/// Takes changes of a watch until a path is among them.
fn until_changed(server: &mut TestServer, id: &str, path: &Path) {
    while !changed(server, id).iter().any(|changed| changed == path) {}
}

fn refusal(error: &Value) -> (i64, &str) {
    (error["code"].as_i64().unwrap(), error["message"].as_str().unwrap())
}

#[test]
fn files_and_folders_are_made_read_copied_and_removed() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let work = scene.home.work();
    let path = |name: &str| work.join(name);
    // Not one of these is waited for before the next is sent.
    let changes = [
        ("fs/createDirectory", json!({"path": path("d/sub")})),
        ("fs/writeFile", json!({"path": path("d/sub/a"), "dataBase64": ALPHA})),
        ("fs/writeFile", json!({"path": path("d/sub/a"), "dataBase64": BETA})),
        ("fs/copy", json!({"sourcePath": path("d"), "destinationPath": path("e"), "recursive": true})),
        ("fs/copy", json!({"sourcePath": path("d/sub/a"), "destinationPath": path("single")})),
        ("fs/remove", json!({"path": path("d")})),
        ("fs/remove", json!({"path": path("d")})),
    ];
    let sent = changes.map(|(method, params)| server.start_request(method, params));
    for id in sent {
        assert_eq!(server.answer(&id)["result"], json!({}));
    }
    assert!(!path("d").exists());
    for name in ["e/sub/a", "single"] {
        let read = server.request("fs/readFile", json!({"path": path(name)}));
        assert_eq!(read, json!({"dataBase64": BETA}));
    }
    symlink("e", path("link")).unwrap();
    let listed = server.request("fs/readDirectory", json!({"path": &work}));
    let mut entries = listed["entries"].as_array().unwrap().clone();
    entries.sort_by_key(|entry| entry["fileName"].as_str().unwrap().to_owned());
    let entry = |name, is_file: bool| json!({"fileName": name, "isDirectory": !is_file, "isFile": is_file});
    assert_eq!(entries, [entry("e", false), entry("link", false), entry("single", true)]);
    let mut metadata = server.request("fs/getMetadata", json!({"path": path("link")}));
    assert!(metadata["modifiedAtMs"].take().as_i64().unwrap() > 1_700_000_000_000);
    assert!(metadata["createdAtMs"].take().is_i64());
    assert_eq!(
        metadata,
        json!({"createdAtMs": null, "isDirectory": true, "isFile": false, "isSymlink": true, "modifiedAtMs": null})
    );
    server.close();
}

#[test]
fn what_cannot_be_done_is_told_in_the_words_of_the_system() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let work = scene.home.work();
    fs::create_dir(work.join("d")).unwrap();
    fs::write(work.join("d/f"), "x").unwrap();
    let missing = (-32603, "No such file or directory (os error 2)");
    let (file, nowhere) = (json!(work.join("d/f")), json!(work.join("no/where")));
    for (method, params, expected) in [
        ("fs/readFile", json!({"path": nowhere}), missing),
        ("fs/getMetadata", json!({"path": nowhere}), missing),
        ("fs/readDirectory", json!({"path": nowhere}), missing),
        ("fs/readDirectory", json!({"path": file}), (-32603, "Not a directory (os error 20)")),
        ("fs/createDirectory", json!({"path": nowhere, "recursive": false}), missing),
        ("fs/createDirectory", json!({"path": file}), (-32603, "File exists (os error 17)")),
        ("fs/writeFile", json!({"path": nowhere, "dataBase64": ALPHA}), missing),
        ("fs/remove", json!({"path": nowhere, "force": false}), missing),
        (
            "fs/remove",
            json!({"path": work.join("d"), "recursive": false}),
            (-32603, "Directory not empty (os error 39)"),
        ),
        ("fs/copy", json!({"sourcePath": nowhere, "destinationPath": work.join("x")}), missing),
        ("fs/watch", json!({"watchId": "w", "path": work.join("no/where/else")}), missing),
        (
            "fs/copy",
            json!({"sourcePath": work.join("d"), "destinationPath": work.join("e")}),
            (-32600, "fs/copy requires recursive: true when sourcePath is a directory"),
        ),
        (
            "fs/writeFile",
            json!({"path": file, "dataBase64": "YQ"}),
            (-32600, "fs/writeFile requires valid base64 dataBase64: Invalid padding"),
        ),
    ] {
        let error = server.request_error(method, params);
        assert_eq!(refusal(&error), expected, "{method}");
    }
    // Where nothing can be made and nothing removed, whoever one is.
    let system = json!("/proc/self/limits");
    for (method, params) in [
        ("fs/writeFile", json!({"path": "/proc/new", "dataBase64": ALPHA})),
        ("fs/createDirectory", json!({"path": "/proc/new"})),
        ("fs/remove", json!({"path": system})),
        ("fs/copy", json!({"sourcePath": file, "destinationPath": "/proc/new"})),
        ("fs/readFile", json!({"path": "/proc/self/mem"})),
    ] {
        assert_eq!(server.request_error(method, params)["code"], -32603, "{method}");
    }
    let relative = server.request_error("fs/readFile", json!({"path": "d/f"}));
    assert_eq!(relative["code"], -32600);
    assert_eq!(fs::read_to_string(work.join("d/f")).unwrap(), "x");
    server.close();
}

#[test]
fn many_large_files_are_read_by_a_client_that_is_slow() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let path = scene.home.work().join("large");
    fs::File::create(&path).unwrap().set_len(24 << 20).unwrap();
    server.connection().pause_reading();
    let sent: Vec<_> = (0..6).map(|_| server.start_request("fs/readFile", json!({"path": path}))).collect();
    let pings: Vec<_> =
        (0..20).map(|_| server.start_request("fs/getMetadata", json!({"path": path}))).collect();
    server.connection().resume_reading();
    for id in sent {
        let answer = server.answer(&id);
        assert_eq!(answer["result"]["dataBase64"].as_str().unwrap().len(), 8 << 22);
    }
    for id in pings {
        assert_eq!(server.answer(&id)["result"]["isFile"], true);
    }
    server.close();
}

#[test]
fn changes_are_told_however_a_file_is_saved() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let (folder, aside) = (scene.home.work().join("d"), scene.home.work().join("aside"));
    fs::create_dir(&folder).unwrap();
    let file = folder.join("f");
    assert_eq!(watch(&mut server, "folder", &folder), json!({"path": &folder}));
    assert_eq!(watch(&mut server, "file", &file), json!({"path": &file}), "it need not be there");
    let error = server.request_error("fs/watch", json!({"watchId": "file", "path": "/"}));
    assert_eq!(refusal(&error), (-32600, "watchId already exists: file"));

    server.request("fs/writeFile", json!({"path": file, "dataBase64": ALPHA}));
    assert_eq!(changed(&mut server, "file"), [file.as_path()]);
    assert_eq!(changed(&mut server, "folder"), [file.as_path()], "and nothing of what is in between");
    let saves: [fn(&Path, &Path); 3] = [
        |file, _| fs::write(file, "in place").unwrap(),
        |file, aside| {
            fs::write(aside, "beside and renamed").unwrap();
            fs::rename(aside, file).unwrap();
        },
        |file, _| {
            fs::remove_file(file).unwrap();
            fs::write(file, "removed and made again").unwrap();
        },
    ];
    for save in saves {
        save(&file, &aside);
        assert_eq!(changed(&mut server, "file"), [file.as_path()]);
        assert_eq!(changed(&mut server, "folder"), [file.as_path()]);
    }

    assert_eq!(server.request("fs/unwatch", json!({"watchId": "file"})), json!({}));
    assert_eq!(server.request("fs/unwatch", json!({"watchId": "file"})), json!({}));
    fs::remove_dir_all(&folder).unwrap();
    until_changed(&mut server, "folder", &folder);
    fs::create_dir(&folder).unwrap();
    assert_eq!(watch(&mut server, "file", &file), json!({"path": &file}));
    fs::write(&file, "once more").unwrap();
    assert_eq!(changed(&mut server, "file"), [file]);
    let rest = server.close();
    assert!(rest.is_empty(), "of a removed folder nothing more is told: {rest:?}");
}

#[test]
fn a_burst_of_changes_is_told_whole_and_in_few_messages() {
    const FILES: usize = 5000;
    let scene = Scene::talkative();
    let mut server = scene.server();
    let folder = scene.home.work();
    watch(&mut server, "w", &folder);
    for number in 0..FILES {
        fs::write(folder.join(format!("f{number}")), "x").unwrap();
    }
    let (mut told, mut messages) = (BTreeSet::new(), 0);
    // Where the system lost some, the folder stands for them.
    while told.len() < FILES && !told.contains(&folder) {
        told.extend(changed(&mut server, "w"));
        messages += 1;
    }
    assert!(messages < 100, "{messages}");
    fs::write(folder.join("last"), "x").unwrap();
    until_changed(&mut server, "w", &folder.join("last"));
    server.request("fs/unwatch", json!({"watchId": "w"}));
    fs::write(folder.join("later"), "x").unwrap();
    server.take_rest();
    let rest = server.close();
    assert!(rest.is_empty(), "nothing is told after unwatch is answered: {rest:?}");
}

#[test]
fn a_slow_client_holds_up_changes_and_nothing_else() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let folder = scene.home.work();
    watch(&mut server, "w", &folder);
    let large = scene.home.home().join("large");
    fs::File::create(&large).unwrap().set_len(30 << 20).unwrap();
    server.connection().pause_reading();
    let read = server.start_request("fs/readFile", json!({"path": large}));
    for number in 0..2000 {
        fs::write(folder.join(format!("f{}", number % 10)), "x").unwrap();
    }
    server.connection().resume_reading();
    server.answer(&read);
    fs::write(folder.join("last"), "x").unwrap();
    until_changed(&mut server, "w", &folder.join("last"));
    server.take_rest();
    server.close();
}

#[test]
fn there_are_as_many_watches_as_one_can_need() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let work = scene.home.work();
    let sent: Vec<_> = (0..1024)
        .map(|number| server.start_request("fs/watch", json!({"watchId": number.to_string(), "path": work})))
        .collect();
    for id in sent {
        assert_eq!(server.answer(&id)["result"], json!({"path": work}));
    }
    let error = server.request_error("fs/watch", json!({"watchId": "one more", "path": work}));
    assert_eq!(refusal(&error), (-32600, "there are already 1024 watches"));
    fs::write(work.join("f"), "x").unwrap();
    for number in 0..1024 {
        assert_eq!(changed(&mut server, &number.to_string()), [work.join("f")]);
        server.request("fs/unwatch", json!({"watchId": number.to_string()}));
    }
    watch(&mut server, "one more", &work);
    server.close();
}

#[test]
fn a_watch_does_not_hold_up_the_end() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    watch(&mut server, "w", &scene.home.work());
    fs::write(scene.home.work().join("f"), "x").unwrap();
    server.connection().terminate().unwrap();
    server.connection().wait_exit(Duration::from_secs(5)).unwrap();
    server.take_rest();
}
