//! Renewing the tokens of an account (auth specification 9 and 10): when, how, what is done when the model or the issuer
//! refuses, and that many threads and processes renew once.

use std::fs;
use std::os::unix::fs::symlink;
use std::thread;

use app_server_test_support::issuer::{Endpoint, days_ago, unix_in};
use app_server_test_support::{Gate, Person, Reply, TestServer};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{AccountScene, CLIENT_ID, account, eventually, log_in_by_key, refused, usual_account};
use crate::calls::LIMIT;
use crate::turn_status;

impl AccountScene {
    fn refreshes(&self) -> usize {
        self.issuer.requests_to(Endpoint::Refresh).len()
    }

    fn stored_token(&self, name: &str) -> String {
        self.auth()["tokens"][name].as_str().unwrap().to_owned()
    }
}

/// Starts a turn whose request waits for the issuer. Returns the gate that holds the answer back.
fn turn_up_to_renewal(scene: &AccountScene) -> (TestServer, String, String, Gate) {
    let gate = Gate::new();
    scene.issuer.script(Endpoint::Refresh, Reply::usual().gate(&gate));
    let mut server = scene.server();
    let thread = server.start_thread(&scene.home.work());
    let turn = server.start_turn(&thread, "hi");
    scene.issuer.gate_reached(&gate);
    (server, thread, turn, gate)
}

#[test]
fn tokens_near_their_end_are_renewed_before_a_request() {
    const HOUR: i64 = 60 * 60;
    // Days since the last renewal, seconds to the token's end, renewals.
    for (days, seconds, refreshes) in [
        (9, None, 1),
        (7, None, 0),
        (0, None, 0),
        (9, Some(HOUR), 0),
        (0, Some(600), 0),
        (0, Some(240), 1),
        (0, Some(60), 1),
        (0, Some(-60), 1),
    ] {
        let scene = AccountScene::new();
        let old = scene.sign_in_as(&Person::default(), days, seconds);
        let mut server = scene.server();
        scene.good_turn(&mut server);
        scene.good_turn(&mut server);
        assert_eq!(scene.refreshes(), refreshes, "{days} days, {seconds:?}");
        let expected =
            if refreshes == 0 { old.access_token.clone() } else { scene.stored_token("access_token") };
        assert_eq!(scene.bearers(), [Some(expected.clone()), Some(expected)], "{days} days, {seconds:?}");
        assert_eq!(scene.stored_token("access_token") != old.access_token, refreshes == 1);
    }
}

#[test]
fn how_the_issuer_is_asked_and_what_is_stored() {
    let scene = AccountScene::new();
    let old = scene.sign_in_as(&Person::default(), 1, Some(-60));
    let mut file = scene.auth();
    file["agent_identity"] = json!({"kept": [1, 2]});
    file["OPENAI_API_KEY"] = json!("sk-kept");
    file["tokens"]["kept"] = json!("as well");
    scene.write_auth(file.to_string());
    let before = file["last_refresh"].as_str().unwrap().to_owned();
    let mut server = scene.server();
    scene.good_turn(&mut server);

    let request = scene.issuer.requests_to(Endpoint::Refresh).remove(0);
    assert_eq!(
        request.body,
        json!({
            "client_id": CLIENT_ID,
            "grant_type": "refresh_token",
            "refresh_token": old.refresh_token,
            "scope": "openid profile email",
        })
    );
    assert_eq!(request.header("originator"), Some("probe"));
    assert!(request.header("user-agent").unwrap().starts_with("probe/"));
    assert_eq!(request.header("authorization"), None);

    let stored = scene.auth();
    for name in ["id_token", "access_token", "refresh_token"] {
        assert_ne!(stored["tokens"][name], file["tokens"][name], "{name}");
        assert!(scene.issuer.secrets().contains(&scene.stored_token(name)), "{name}");
    }
    assert!(stored["last_refresh"].as_str().unwrap() > before.as_str());
    assert!(stored["last_refresh"].as_str().unwrap().ends_with('Z'));
    let mut rest = stored;
    for (name, value) in file["tokens"].as_object().unwrap() {
        rest["tokens"][name] = value.clone();
    }
    rest["last_refresh"] = json!(before);
    assert_eq!(rest, file, "everything else is kept");
    assert_eq!(super::mode_of(&scene.auth_path()), 0o600);
}

#[test]
fn tokens_the_issuer_does_not_send_keep_their_values() {
    let scene = AccountScene::new();
    let old = scene.sign_in_as(&Person::default(), 0, Some(-60));
    let new = scene.issuer.issue(&Person::default(), Some(unix_in(3600)));
    let reply = Reply::json(200, &json!({"access_token": new.access_token}));
    scene.issuer.script(Endpoint::Refresh, reply);
    let mut server = scene.server();
    scene.good_turn(&mut server);
    assert_eq!(scene.bearers(), [Some(new.access_token.clone())]);
    let mut expected = old.stored("");
    expected["tokens"]["access_token"] = json!(new.access_token);
    expected["last_refresh"] = scene.auth()["last_refresh"].clone();
    assert_eq!(scene.auth(), expected);
}

#[test]
fn a_token_near_its_end_is_used_when_the_issuer_fails() {
    for reply in [Reply::text(500, "broken"), Reply::text(200, "<html>"), Reply::hang_up()] {
        let scene = AccountScene::new();
        let old = scene.sign_in_as(&Person::default(), 0, Some(60));
        scene.issuer.script(Endpoint::Refresh, reply);
        let mut server = scene.server();
        scene.good_turn(&mut server);
        assert_eq!(scene.bearers(), [Some(old.access_token)]);
        // It is tried again before the next request.
        scene.good_turn(&mut server);
        assert_eq!(scene.bearers()[1], Some(scene.stored_token("access_token")));
        assert_eq!(scene.refreshes(), 2);
    }
}

#[test]
fn a_refused_token_is_renewed_once_and_the_request_sent_again() {
    let scene = AccountScene::new();
    let old = scene.sign_in();
    scene.refuse(&old.access_token);
    let mut server = scene.server();
    scene.good_turn(&mut server);
    let (old, new) = (Some(old.access_token), Some(scene.stored_token("access_token")));
    assert_eq!(scene.bearers(), [old.clone(), old, new.clone()]);
    assert_eq!(scene.refreshes(), 1);
    scene.good_turn(&mut server);
    assert_eq!(scene.bearers()[3..], [new]);
    assert_eq!(scene.refreshes(), 1);
}

#[test]
fn a_model_that_refuses_every_token_fails_the_turn() {
    let scene = AccountScene::new();
    let old = scene.sign_in();
    scene.refuse_all(true);
    let mut server = scene.server();
    assert_eq!(scene.failed_turn(&mut server), refused());
    let (old, new) = (Some(old.access_token), Some(scene.stored_token("access_token")));
    assert_eq!(scene.bearers(), [old.clone(), old, new]);
    assert_eq!(scene.refreshes(), 1);
    scene.refuse_all(false);
    scene.good_turn(&mut server);
    assert_eq!(account(&mut server), usual_account());
}

#[test]
fn a_refused_token_that_another_process_has_replaced_is_not_renewed() {
    let scene = AccountScene::new();
    let old = scene.sign_in();
    scene.refuse(&old.access_token);
    let newer = scene.issuer.refresh_elsewhere(&old.refresh_token).unwrap();
    let (path, file) = (scene.auth_path(), newer.stored(&days_ago(0)).to_string());
    scene.before_next_refusal(move || fs::write(path, file).unwrap());
    let mut server = scene.server();
    scene.good_turn(&mut server);
    assert_eq!(scene.bearers(), [Some(old.access_token), Some(newer.access_token)]);
    assert_eq!(scene.refreshes(), 0);
}

#[test]
fn workspaces_are_told_apart_where_files_do_not_name_them() {
    let scene = AccountScene::new();
    let nameless = |workspace: &str| {
        let tokens = scene.issuer.issue(&Person::default().of_workspace(workspace), Some(unix_in(3600)));
        let mut file = tokens.stored(&days_ago(0));
        file["tokens"]["account_id"] = Value::Null;
        (tokens.access_token, file.to_string())
    };
    let ((ours, file), (_, other)) = (nameless("acct-1"), nameless("acct-2"));
    scene.write_auth(file);
    scene.refuse(&ours);
    let path = scene.auth_path();
    scene.before_next_refusal(move || fs::write(path, other).unwrap());
    let mut server = scene.server();
    assert_eq!(scene.failed_turn(&mut server), "unauthorized");
    assert_eq!(scene.bearers(), [Some(ours)]);
    assert_eq!(scene.refreshes(), 0);
}

#[test]
fn nothing_is_sent_in_the_name_of_somebody_else() {
    let other = |scene: &AccountScene| {
        let person = Person::default().of_workspace("acct-2");
        Some(scene.issuer.issue(&person, Some(unix_in(3600))).stored(&days_ago(0)).to_string())
    };
    let key = |_: &AccountScene| Some(json!({"auth_mode": "apikey", "OPENAI_API_KEY": "sk-1"}).to_string());
    let signed_out = |_: &AccountScene| None;
    let ways: [fn(&AccountScene) -> Option<String>; 3] = [other, key, signed_out];
    for (index, way) in ways.into_iter().enumerate() {
        let scene = AccountScene::new();
        let old = scene.sign_in();
        scene.refuse(&old.access_token);
        let (path, file) = (scene.auth_path(), way(&scene));
        scene.before_next_refusal(move || match file {
            Some(file) => fs::write(path, file).unwrap(),
            None => fs::remove_file(path).unwrap(),
        });
        let mut server = scene.server();
        assert_eq!(scene.failed_turn(&mut server), "unauthorized", "way {index}");
        assert_eq!(scene.bearers(), [Some(old.access_token)], "way {index}");
        assert_eq!(scene.refreshes(), 0, "way {index}");
        // The next turn is theirs.
        scene.good_turn(&mut server);
    }
}

#[test]
fn a_refresh_token_that_is_worth_nothing_is_not_tried_again() {
    let code = |code: &str| json!({"error": {"code": code, "message": "refused"}});
    for (status, body) in [
        (401, code("refresh_token_expired")),
        (401, code("refresh_token_reused")),
        (401, code("refresh_token_invalidated")),
        (401, code("something_else")),
        (401, json!({})),
        (400, code("refresh_token_expired")),
        (403, code("REFRESH_TOKEN_REUSED")),
        (400, json!({"error": "refresh_token_invalidated"})),
        (500, json!({"code": "refresh_token_expired"})),
    ] {
        let scene = AccountScene::new();
        let old = scene.sign_in();
        scene.refuse(&old.access_token);
        scene.issuer.script(Endpoint::Refresh, Reply::json(status, &body));
        let mut server = scene.server();
        let turn = scene.turn(&mut server);
        let error = &turn["error"];
        assert_eq!(
            (&turn["status"], &error["codexErrorInfo"]),
            (&json!("failed"), &json!("unauthorized")),
            "{body}"
        );
        assert!(error["message"].as_str().unwrap().contains("sign in again"), "{error}");
        assert_eq!(scene.failed_turn(&mut server), "unauthorized", "{status} {body}");
        let read = server.request("account/read", json!({"refreshToken": true}));
        assert_eq!(read["account"], usual_account());
        assert_eq!(scene.refreshes(), 1, "{status} {body}");

        // Whoever signs in again is not the one before.
        scene.sign_in();
        scene.good_turn(&mut server);
        log_in_by_key(&mut server, "sk-1");
        scene.good_turn(&mut server);
    }
}

#[test]
fn an_issuer_that_fails_is_asked_again() {
    for reply in [
        Reply::text(500, "broken"),
        Reply::json(400, &json!({"error": {"code": "something_else"}})),
        Reply::json(429, &json!({})),
        Reply::text(200, "<html>"),
        Reply::hang_up(),
    ] {
        let scene = AccountScene::new();
        let old = scene.sign_in();
        scene.refuse(&old.access_token);
        scene.issuer.script(Endpoint::Refresh, reply);
        let mut server = scene.server();
        assert_eq!(scene.failed_turn(&mut server), "other");
        assert_eq!(account(&mut server), usual_account());
        assert_eq!(scene.stored_token("refresh_token"), old.refresh_token);
        scene.good_turn(&mut server);
        assert_eq!(scene.refreshes(), 2);
    }
}

#[test]
fn tokens_of_a_process_that_was_faster_are_used() {
    let scene = AccountScene::new();
    let old = scene.sign_in();
    scene.refuse(&old.access_token);
    let newer = scene.issuer.refresh_elsewhere(&old.refresh_token).unwrap();
    let gate = Gate::new();
    scene.issuer.script(Endpoint::Refresh, Reply::usual().gate(&gate));
    let mut server = scene.server();
    let thread = server.start_thread(&scene.home.work());
    server.start_turn(&thread, "hi");
    // The issuer has refused the token by now; that another process has stored new ones is found out afterwards.
    scene.issuer.gate_reached(&gate);
    scene.write_auth(newer.stored(&days_ago(0)).to_string());
    gate.open();
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "completed");
    assert_eq!(scene.bearers().last().unwrap(), &Some(newer.access_token));
    assert_eq!(scene.refreshes(), 1);
    assert_eq!(scene.stored_token("refresh_token"), newer.refresh_token);
}

#[test]
fn threads_of_one_server_renew_together() {
    const THREADS: usize = 4;
    let scene = AccountScene::new();
    scene.sign_in_as(&Person::default(), 0, Some(-60));
    let gate = Gate::new();
    scene.issuer.script(Endpoint::Refresh, Reply::usual().gate(&gate));
    let mut server = scene.server();
    let threads: Vec<String> = (0..THREADS).map(|_| server.start_thread(&scene.home.work())).collect();
    for thread in &threads {
        server.start_turn(thread, "hi");
    }
    scene.issuer.gate_reached(&gate);
    gate.open();
    let mut left = THREADS;
    let messages = server.until("the end of every turn", |message| {
        left -= usize::from(message["method"] == "turn/completed");
        left == 0
    });
    let ends = messages.iter().filter(|message| message["method"] == "turn/completed");
    assert!(ends.clone().all(|end| end["params"]["turn"]["status"] == "completed"));
    let new = Some(scene.stored_token("access_token"));
    assert_eq!(scene.bearers(), vec![new; THREADS]);
    assert_eq!(scene.refreshes(), 1);
}

/// Every client starts a server of its own, for one home, and the token has ended: a refresh token counts once, so only
/// one of them may ask.
#[test]
fn sixteen_processes_renew_once() {
    const PROCESSES: usize = 16;
    let scene = AccountScene::new();
    let old = scene.sign_in_as(&Person::default(), 0, Some(-60));
    scene.refuse(&old.access_token);
    let mut servers: Vec<_> = (0..PROCESSES).map(|_| scene.server()).collect();
    let turns: Vec<Value> = thread::scope(|scope| {
        let running: Vec<_> = servers.iter_mut().map(|server| scope.spawn(|| scene.turn(server))).collect();
        running.into_iter().map(|turn| turn.join().unwrap()).collect()
    });
    assert!(turns.iter().all(|turn| turn["status"] == "completed"), "{turns:?}");
    assert_eq!(scene.refreshes(), 1);
    let new = scene.stored_token("access_token");
    assert_eq!(scene.bearers(), vec![Some(new); PROCESSES]);
}

#[test]
fn an_interrupted_turn_does_not_lose_the_tokens_that_are_on_their_way() {
    let scene = AccountScene::new();
    let old = scene.sign_in_as(&Person::default(), 0, Some(-60));
    let (mut server, thread, turn, gate) = turn_up_to_renewal(&scene);
    server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "interrupted");
    gate.open();
    eventually("the new tokens are stored", || scene.stored_token("refresh_token") != old.refresh_token);
    scene.good_turn(&mut server);
    assert_eq!(scene.refreshes(), 1);
}

#[test]
fn a_client_that_leaves_does_not_lose_the_tokens_that_are_on_their_way() {
    let scene = AccountScene::new();
    let old = scene.sign_in_as(&Person::default(), 0, Some(-60));
    let (mut server, _, _, gate) = turn_up_to_renewal(&scene);
    server.connection().close_input();
    gate.open();
    assert!(server.connection().wait_exit(LIMIT).unwrap().success());
    assert_ne!(scene.stored_token("refresh_token"), old.refresh_token);
    server.take_rest();
}

#[test]
fn tokens_that_cannot_be_stored_are_used_and_stored_later() {
    let scene = AccountScene::new();
    scene.sign_in_as(&Person::default(), 0, Some(-60));
    let (mut server, thread, _, gate) = turn_up_to_renewal(&scene);
    let aside = scene.home.base().join("auth.json.aside");
    fs::rename(scene.auth_path(), &aside).unwrap();
    // A link to itself can neither be read nor written.
    symlink(scene.auth_path(), scene.auth_path()).unwrap();
    gate.open();
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "completed");
    scene.good_turn(&mut server);
    let new = scene.bearers()[0].clone().unwrap();
    assert_eq!(scene.bearers(), [Some(new.clone()), Some(new.clone())]);

    fs::remove_file(scene.auth_path()).unwrap();
    fs::rename(&aside, scene.auth_path()).unwrap();
    scene.good_turn(&mut server);
    assert_eq!(scene.bearers()[2], Some(new.clone()));
    assert_eq!(scene.stored_token("access_token"), new);
    assert_eq!(scene.refreshes(), 1);
}

#[test]
fn what_another_program_adds_meanwhile_does_not_cost_the_new_tokens() {
    let scene = AccountScene::new();
    let old = scene.sign_in_as(&Person::default(), 0, Some(-60));
    let (mut server, thread, _, gate) = turn_up_to_renewal(&scene);
    let mut file = scene.auth();
    file["agent_identity"] = json!({"added": true});
    scene.write_auth(file.to_string());
    gate.open();
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "completed");
    assert!(scene.stored_token("refresh_token") != old.refresh_token);
    assert_eq!(scene.auth()["agent_identity"], json!({"added": true}));
    assert_eq!(scene.bearers(), [Some(scene.stored_token("access_token"))]);
}
