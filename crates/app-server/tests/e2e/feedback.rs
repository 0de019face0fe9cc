//! `feedback/upload`: the bundle and what is not in it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, sync_channel};

use app_server_test_support::TestServer;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::{BINARY, Scene};

const SECRET: &str = "tok-Abcdef0123456789";

/// Unpacks a bundle with somebody else's program; returns its folder.
fn unpacked(scene: &Scene, bundle: &Path) -> PathBuf {
    let to = scene.home.base().join("unpacked").join(bundle.file_stem().unwrap());
    let script = "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1]) as z:\n    assert z.testzip() is None\n    z.extractall(sys.argv[2])\n";
    let status = Command::new("python3").args(["-c", script]).arg(bundle).arg(&to).status().unwrap();
    assert!(status.success());
    to
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn bundle(scene: &Scene, name: &str) -> PathBuf {
    scene.home.home().join("feedback").join(name)
}

/// Adds keys before the first table of the configuration.
fn configure(scene: &Scene, text: &str) {
    let path = scene.home.home().join("config.toml");
    let config = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("{text}\n{config}")).unwrap();
}

#[test]
fn feedback_stays_on_this_machine() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let result = server.request(
        "feedback/upload",
        json!({"classification": "bug", "reason": "It hung.", "includeLogs": false}),
    );
    let id = result["threadId"].as_str().unwrap().to_owned();
    let path = bundle(&scene, &format!("{id}.zip"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let folder = unpacked(&scene, &path);
    assert_eq!(names(&folder), ["feedback.json"]);
    let said: Value = serde_json::from_slice(&fs::read(folder.join("feedback.json")).unwrap()).unwrap();
    assert_eq!(
        (&said["classification"], &said["reason"], &said["threadId"], &said["includeLogs"]),
        (&json!("bug"), &json!("It hung."), &json!(id), &json!(false))
    );
    assert_eq!((&said["os"], &said["client"]), (&json!(std::env::consts::OS), &json!("probe")));
    assert!(said["version"].is_string() && said["at"].is_string(), "{said}");
    // Nothing half done is left beside it.
    assert_eq!(names(path.parent().unwrap()), [format!("{id}.zip")]);
}

#[test]
fn a_bundle_with_logs_has_the_thread_and_the_log_without_secrets() {
    let scene = Scene::talkative();
    let mut server = TestServer::start_in(BINARY, &scene.home, &[("MY_API_TOKEN", SECRET)]);
    server.initialize(json!({"experimentalApi": true}));
    let thread = scene.start_thread(&mut server);
    server.run_turn(&thread, "remember me");
    // Somebody else's record holds a key in clear.
    let rollout = scene.home.rollouts().unwrap().remove(0);
    let line = json!({"timestamp": "2026-01-01T00:00:00Z", "type": "event_msg",
        "payload": {"type": "agent_message", "message": format!("the key is {SECRET}")}});
    fs::OpenOptions::new()
        .append(true)
        .open(&rollout)
        .unwrap()
        .write_all(format!("{line}\n").as_bytes())
        .unwrap();
    // What the server has to say of a notification it does not know.
    server.notify(&format!("odd/{SECRET}"), json!({}));
    let params = json!({"classification": "bad_result", "reason": format!("see {SECRET}"),
        "threadId": thread, "includeLogs": true});
    assert_eq!(server.request("feedback/upload", params.clone()), json!({"threadId": thread}));
    let folder = unpacked(&scene, &bundle(&scene, &format!("{thread}.zip")));
    assert_eq!(names(&folder), ["feedback.json", "log.txt", "rollout.jsonl"]);
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    assert!(read("rollout.jsonl").contains("remember me"));
    assert!(read("rollout.jsonl").contains("the key is [secret]"));
    assert!(read("log.txt").contains("odd/[secret]"), "{}", read("log.txt"));
    assert!(read("feedback.json").contains("see [secret]"));
    for name in names(&folder) {
        assert!(!read(&name).contains(SECRET), "{name}");
    }
    // Another one of the same thread takes another name.
    server.request("feedback/upload", params);
    assert!(bundle(&scene, &format!("{thread}-2.zip")).exists());
}

#[test]
fn feedback_of_a_thread_nobody_knows_has_no_thread() {
    let scene = Scene::talkative();
    let mut server = scene.server();
    let id = "01890000-0000-7000-8000-000000000000";
    let params = json!({"classification": "other", "threadId": id, "includeLogs": true});
    assert_eq!(server.request("feedback/upload", params), json!({"threadId": id}));
    let folder = unpacked(&scene, &bundle(&scene, &format!("{id}.zip")));
    assert_eq!(names(&folder), ["feedback.json", "log.txt"]);
    let error =
        server.request_error("feedback/upload", json!({"classification": "bug", "threadId": "../../x"}));
    assert_eq!(error["code"], -32600);
}

#[test]
fn feedback_can_be_forbidden() {
    let scene = Scene::talkative();
    configure(&scene, "feedback.enabled = false");
    let mut server = scene.server();
    let error = server.request_error("feedback/upload", json!({"classification": "bug"}));
    assert_eq!(
        (&error["code"], &error["message"]),
        (&json!(-32600), &json!("sending feedback is disabled by configuration"))
    );
    assert!(!scene.home.home().join("feedback").exists());
}

/// A home in which nothing can be made.
#[test]
fn feedback_that_cannot_be_kept_is_an_error() {
    let scene = Scene::talkative();
    fs::write(scene.home.home().join("feedback"), "in the way").unwrap();
    let mut server = scene.server();
    assert_eq!(server.request_error("feedback/upload", json!({"classification": "bug"}))["code"], -32603);
}

/// Takes one request and answers it with this head.
fn listener(answer: &'static str) -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/take", listener.local_addr().unwrap());
    let (sender, received) = sync_channel(1);
    std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let request = read_request(&mut stream);
        stream.write_all(answer.as_bytes()).unwrap();
        // The test may be over.
        let _ = sender.send(request);
    });
    (url, received)
}

fn read_request(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let count = stream.read(&mut piece).unwrap();
        bytes.extend_from_slice(&piece[..count]);
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if bytes.len() >= end + 4 + length {
                return (head, bytes[end + 4..].to_vec());
            }
        }
        assert!(count > 0, "the request ended early");
    }
}

#[test]
fn feedback_is_posted_where_the_configuration_says() {
    let scene = Scene::talkative();
    fs::write(scene.home.home().join("auth.json"), r#"{"OPENAI_API_KEY": "sk-0123456789abcdef"}"#).unwrap();
    let (url, received) = listener("HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n");
    configure(&scene, &format!("feedback.upload_url = \"{url}\""));
    let mut server = scene.server();
    let result = server.request("feedback/upload", json!({"classification": "bug"}));
    let (head, body) = received.recv().unwrap();
    assert!(head.starts_with("post /take http/1.1"), "{head}");
    assert!(head.contains("content-type: application/zip"), "{head}");
    assert!(!head.contains("authorization"), "{head}");
    let name = format!("{}.zip", result["threadId"].as_str().unwrap());
    assert_eq!(body, fs::read(bundle(&scene, &name)).unwrap());
}

#[test]
fn feedback_that_cannot_be_posted_is_kept_and_told_of() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (elsewhere, _nobody) = listener("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let redirect: &'static str = Box::leak(
        format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n")
            .into_boxed_str(),
    );
    let (redirecting, _received) = listener(redirect);
    for url in [format!("http://{free}/"), redirecting] {
        let scene = Scene::talkative();
        configure(&scene, &format!("feedback.upload_url = \"{url}\""));
        let mut server = scene.server();
        let id = server.start_request("feedback/upload", json!({"classification": "bug"}));
        let warning = server.take("warning");
        let answer = server.answer(&id);
        let name = format!("{}.zip", answer["result"]["threadId"].as_str().unwrap());
        let text = warning["params"]["message"].as_str().unwrap();
        assert!(text.contains(&name), "{text}");
        assert!(bundle(&scene, &name).exists());
    }
}
