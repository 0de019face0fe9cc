//! Where credentials are kept (auth specification 3 and 4), and that many processes share one place.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use app_server_test_support::Connection;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{AccountScene, account, log_in_by_key, mode_of, usual_account};
use crate::BINARY;
use crate::calls::LIMIT;

/// No keyring answers there, whatever the machine has.
#[cfg(target_os = "linux")]
const WITHOUT_KEYRING: [(&str, &str); 1] = [("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")];

#[test]
fn in_memory_nothing_is_written() {
    let scene = AccountScene::with_config("cli_auth_credentials_store = \"ephemeral\"");
    let mut server = scene.server();
    log_in_by_key(&mut server, "sk-not-to-be-written");
    assert_eq!(account(&mut server), json!({"type": "apiKey"}));
    scene.good_turn(&mut server);
    assert_eq!(scene.bearers(), [Some("sk-not-to-be-written".to_owned())]);
    assert_eq!(account(&mut scene.server()), Value::Null, "nobody else is signed in by that");
    server.close();
    assert!(!scene.auth_path().exists());
    super::assert_nowhere(scene.home.base(), "sk-not-to-be-written");

    // A file that is there is none of this store's business.
    scene.sign_in();
    let mut server = scene.server();
    assert_eq!(account(&mut server), Value::Null);
    log_in_by_key(&mut server, "sk-1");
    server.request("account/logout", Value::Null);
    server.take("account/updated");
    assert_eq!(account(&mut server), Value::Null);
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_keyring_nobody_is_signed_in_by_it() {
    let scene = AccountScene::with_config("cli_auth_credentials_store = \"keyring\"");
    let mut server = scene.server_in(&WITHOUT_KEYRING);
    let params = json!({"type": "apiKey", "apiKey": "sk-1"});
    let error = server.request_error("account/login/start", params);
    assert_eq!(error["code"], -32603, "{error}");
    assert!(!error["message"].as_str().unwrap().contains("sk-1"));
    assert!(!scene.auth_path().exists());
    assert_eq!(account(&mut server), Value::Null);

    // The file is not looked at, and logging out removes it all the same.
    scene.sign_in();
    assert_eq!(account(&mut server), Value::Null);
    server.request("account/logout", Value::Null);
    server.take("account/updated");
    assert!(!scene.auth_path().exists());
}

#[cfg(target_os = "linux")]
#[test]
fn the_file_stands_in_for_a_keyring_that_is_not_there() {
    let scene = AccountScene::with_config("cli_auth_credentials_store = \"auto\"");
    let mut server = scene.server_in(&WITHOUT_KEYRING);
    log_in_by_key(&mut server, "sk-1");
    assert_eq!(scene.auth()["OPENAI_API_KEY"], "sk-1");
    assert_eq!(account(&mut server), json!({"type": "apiKey"}));
    assert_eq!(account(&mut scene.server_in(&WITHOUT_KEYRING)), json!({"type": "apiKey"}));
    scene.good_turn(&mut server);
    assert_eq!(scene.bearers(), [Some("sk-1".to_owned())]);
    server.request("account/logout", Value::Null);
    server.take("account/updated");
    assert!(!scene.auth_path().exists());
}

#[test]
fn a_store_that_is_none_is_told_and_the_file_used() {
    let scene = AccountScene::with_config("cli_auth_credentials_store = \"somewhere\"");
    scene.sign_in();
    let mut server = scene.server();
    server.take("configWarning");
    log_in_by_key(&mut server, "sk-1");
    assert_eq!(scene.auth()["OPENAI_API_KEY"], "sk-1");
    server.take_rest();
}

#[test]
fn a_file_others_could_read_is_closed_to_them() {
    let scene = AccountScene::new();
    scene.sign_in();
    fs::set_permissions(scene.auth_path(), fs::Permissions::from_mode(0o666)).unwrap();
    let mut server = scene.server();
    log_in_by_key(&mut server, "sk-1");
    assert_eq!(mode_of(&scene.auth_path()), 0o600);
}

#[test]
fn a_link_is_followed_and_stays_a_link() {
    let scene = AccountScene::new();
    let elsewhere = scene.home.base().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let target = elsewhere.join("credentials.json");
    symlink(&target, scene.auth_path()).unwrap();
    let mut server = scene.server();
    log_in_by_key(&mut server, "sk-1");
    assert!(fs::symlink_metadata(scene.auth_path()).unwrap().is_symlink());
    assert_eq!(mode_of(&target), 0o600);
    assert_eq!(scene.auth()["OPENAI_API_KEY"], "sk-1");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1);
    server.request("account/logout", Value::Null);
    server.take("account/updated");
    assert!(!target.exists());
    assert_eq!(account(&mut server), Value::Null);
}

#[test]
fn what_cannot_be_written_signs_nobody_in() {
    let scene = AccountScene::new();
    // Nothing can be put in the place of a folder that is in use.
    fs::create_dir_all(scene.auth_path().join("in use")).unwrap();
    let mut server = scene.server();
    let params = json!({"type": "apiKey", "apiKey": "sk-1"});
    assert_eq!(server.request_error("account/login/start", params)["code"], -32603);
    assert_eq!(account(&mut server), Value::Null);
    scene.good_turn(&mut server);
    assert_eq!(scene.bearers(), [None]);
    server.close();
    super::assert_nowhere(&scene.home.home(), "sk-1");
}

#[test]
fn what_another_process_does_is_seen_by_the_next_request() {
    let scene = AccountScene::new();
    let (mut here, mut elsewhere) = (scene.server(), scene.server());
    let thread = here.start_thread(&scene.home.work());
    assert_eq!(account(&mut here), Value::Null);
    here.run_turn(&thread, "hi");
    log_in_by_key(&mut elsewhere, "sk-1");
    here.run_turn(&thread, "hi");
    assert_eq!(account(&mut here), json!({"type": "apiKey"}));
    let tokens = scene.sign_in();
    here.run_turn(&thread, "hi");
    assert_eq!(account(&mut here), usual_account());
    assert_eq!(account(&mut elsewhere), usual_account());
    elsewhere.request("account/logout", Value::Null);
    elsewhere.take("account/updated");
    here.run_turn(&thread, "hi");
    assert_eq!(account(&mut here), Value::Null);
    assert_eq!(scene.bearers(), [None, Some("sk-1".to_owned()), Some(tokens.access_token), None]);
}

/// What every key ends with: a file that was cut would not.
const END: &str = "-the-end-of-the-key";

/// Reads the file again and again until the flag is set; returns how often it was there.
fn watch(scene: &AccountScene, is_over: &AtomicBool) -> usize {
    let mut seen = 0;
    while !is_over.load(Ordering::Relaxed) {
        match fs::read(scene.auth_path()) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                let file: Value = serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("torn: {text:?}"));
                assert!(file["OPENAI_API_KEY"].as_str().unwrap().ends_with(END), "{text}");
                seen += 1;
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
        }
        if let Ok(file) = fs::metadata(scene.auth_path()) {
            assert_eq!(file.permissions().mode() & 0o777, 0o600);
        }
        thread::yield_now();
    }
    seen
}

/// Signs in and out in a server of its own, which is killed while it does so, after that many answers.
fn write_until_killed(scene: &AccountScene, name: &str, answers: usize) {
    let mut server = Connection::spawn(&[BINARY.to_owned()], &scene.home, &[]).unwrap();
    let client = json!({"name": "probe", "version": "1"});
    let mut lines = vec![json!({"method": "initialize", "id": 0, "params": {"clientInfo": client}})];
    for id in 1..=3 * answers {
        let key = format!("sk-{name}-{}{END}", "x".repeat(id * 100));
        let login = json!({"type": "apiKey", "apiKey": key});
        lines.push(match id % 3 {
            0 => json!({"method": "account/logout", "id": id}),
            _ => json!({"method": "account/login/start", "id": id, "params": login}),
        });
    }
    for line in lines {
        server.send_line(line.to_string().as_bytes()).unwrap();
    }
    server
        .wait_within(LIMIT, |messages| {
            let answered = messages.iter().filter(|message| message.get("result").is_some()).count();
            (answered > answers).then_some(())
        })
        .unwrap();
    server.kill().unwrap();
    assert_eq!(server.garbage(), Vec::<String>::new());
}

#[test]
fn nobody_ever_sees_a_file_that_is_not_whole() {
    const WRITERS: usize = 4;
    const ROUNDS: usize = 6;
    let scene = AccountScene::new();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watching = scope.spawn(|| watch(&scene, &is_over));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let scene = &scene;
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        write_until_killed(scene, &format!("{writer}-{round}"), 4 + 3 * round + writer);
                    }
                })
            })
            .collect();
        let ends: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Relaxed);
        assert!(watching.join().unwrap() > 0);
        assert!(ends.iter().all(Result::is_ok));
    });
    // What the killed ones left is nobody else's to read, and holds nobody up.
    for entry in fs::read_dir(scene.home.home()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().contains("auth.json") {
            assert_eq!(mode_of(&path), 0o600, "{}", path.display());
        }
    }
    let mut server = scene.server();
    log_in_by_key(&mut server, "sk-1");
    assert_eq!(account(&mut server), json!({"type": "apiKey"}));
}
