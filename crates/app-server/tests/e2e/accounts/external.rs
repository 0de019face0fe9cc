//! Tokens the client brings and renews itself (auth specification 7.4, 10 and 11).

use app_server_test_support::issuer::{IssuedTokens, unix_in};
use app_server_test_support::{Person, TestServer};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::browser::Login;
use super::{
    AccountScene, LoginPorts, account, assert_nowhere, log_in, log_in_by_key, read_account, refused,
    take_failure, usual_account,
};
use crate::{outline, turn_status};

const REFRESH: &str = "account/chatgptAuthTokens/refresh";

/// How clients write tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// With the account's id.
    Today,
    /// With an id token that says it.
    Older,
}

const FORMS: [Form; 2] = [Form::Today, Form::Older];

impl Form {
    /// The tokens as the client sends them.
    fn write(self, tokens: &IssuedTokens) -> Value {
        match self {
            Self::Today => {
                json!({"accessToken": tokens.access_token, "chatgptAccountId": tokens.account_id})
            }
            Self::Older => json!({"idToken": tokens.id_token, "accessToken": tokens.access_token}),
        }
    }

    /// The params of a login with them.
    fn login(self, tokens: &IssuedTokens) -> Value {
        let mut params = self.write(tokens);
        params["type"] = json!("chatgptAuthTokens");
        params
    }
}

impl AccountScene {
    /// Tokens of the usual person, as the client has them.
    fn client_tokens(&self) -> IssuedTokens {
        self.issuer.issue(&Person::default(), Some(unix_in(3600)))
    }

    /// Signs in with tokens the model refuses.
    fn log_in_refused(&self, server: &mut TestServer) -> IssuedTokens {
        let tokens = self.client_tokens();
        self.refuse(&tokens.access_token);
        log_in(server, Form::Today.login(&tokens));
        tokens
    }

    /// Starts a turn in a thread of its own, up to the question for new tokens.
    fn turn_up_to_question(&self, server: &mut TestServer) -> (String, Value) {
        let thread = server.start_thread(&self.home.work());
        server.start_turn(&thread, "hi");
        let question = server.until(REFRESH, |message| message["method"] == REFRESH).pop().unwrap();
        (thread, question)
    }
}

/// Takes the rest of a turn, which must fail with `other`.
fn take_failed(server: &mut TestServer, thread: &str) {
    let messages = server.until_turn_completed(thread);
    let turn = &messages.last().unwrap()["params"]["turn"];
    assert_eq!(
        (&turn["status"], &turn["error"]["codexErrorInfo"]),
        (&json!("failed"), &json!("other")),
        "{turn}"
    );
}

#[test]
fn a_client_brings_tokens_of_its_own() {
    for form in FORMS {
        let scene = AccountScene::new();
        // None of the client's capabilities is needed for that.
        let mut server = scene.uninitialized(&[]);
        server.initialize(json!({}));
        let tokens = scene.client_tokens();
        let messages = log_in(&mut server, form.login(&tokens));
        assert_eq!(outline(&messages), ["answer", "account/login/completed", "account/updated"]);
        assert_eq!(messages[0]["result"], json!({"type": "chatgptAuthTokens"}));
        let completed = &messages[1]["params"];
        assert_eq!((&completed["loginId"], &completed["success"]), (&Value::Null, &json!(true)));
        assert_eq!(messages[2]["params"], json!({"authMode": "chatgptAuthTokens", "planType": "pro"}));

        let read = read_account(&mut server);
        assert_eq!((&read["account"], &read["userId"]), (&usual_account(), &json!("user-1")), "{form:?}");
        assert_eq!(server.request("account/read", json!({"refreshToken": true})), read);
        scene.good_turn(&mut server);
        let bearer = format!("Bearer {}", tokens.access_token);
        assert_eq!(scene.last_signature(), (Some(bearer), Some("acct-1".to_owned())));
        server.close();
        assert!(!scene.auth_path().exists());
        for secret in [&tokens.access_token, &tokens.id_token] {
            assert_nowhere(scene.home.base(), secret);
        }
        assert!(scene.issuer.requests().is_empty());

        let mut server = scene.server();
        assert_eq!(account(&mut server), Value::Null, "they end with the process");
    }
}

#[test]
fn what_the_client_says_of_the_account_wins_over_the_token() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    let tokens = scene.client_tokens();
    let params = json!({
        "type": "chatgptAuthTokens",
        "accessToken": tokens.access_token,
        "chatgptAccountId": "acct-9",
        "chatgptPlanType": "team",
    });
    let messages = log_in(&mut server, params);
    assert_eq!(messages[2]["params"]["planType"], "team");
    assert_eq!(account(&mut server)["planType"], "team");
    scene.good_turn(&mut server);
    assert_eq!(scene.last_signature().1, Some("acct-9".to_owned()));

    // Nothing but the account is known of these.
    let bare = scene.issuer.issue(&Person { email: None, plan: None, account_id: None, user_id: None }, None);
    let params =
        json!({"type": "chatgptAuthTokens", "accessToken": bare.access_token, "chatgptAccountId": "acct-8"});
    log_in(&mut server, params);
    let expected = json!({"type": "chatgpt", "email": null, "planType": "unknown", "workspaceName": null});
    assert_eq!(account(&mut server), expected);
    scene.good_turn(&mut server);
    assert_eq!(scene.last_signature().1, Some("acct-8".to_owned()));
}

#[test]
fn tokens_that_are_none_are_refused() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    log_in_by_key(&mut server, "sk-1");
    for params in [
        json!({"accessToken": "opaque", "chatgptAccountId": "acct-1"}),
        json!({"accessToken": "e30.e30", "chatgptAccountId": "acct-1"}),
        json!({"accessToken": "", "chatgptAccountId": "acct-1"}),
        json!({"idToken": "opaque", "accessToken": "opaque"}),
        json!({"idToken": "..", "accessToken": "opaque"}),
    ] {
        let mut params = params;
        params["type"] = json!("chatgptAuthTokens");
        assert_eq!(server.request_error("account/login/start", params)["code"], -32600);
    }
    assert_eq!(account(&mut server), json!({"type": "apiKey"}));
}

#[test]
fn the_clients_tokens_win_until_it_logs_out() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    log_in_by_key(&mut server, "sk-1");
    let stored = scene.auth();
    let first = scene.client_tokens();
    log_in(&mut server, Form::Today.login(&first));
    assert_eq!(scene.auth(), stored, "the login leaves what is stored");
    for params in [
        json!({"type": "apiKey", "apiKey": "sk-2"}),
        json!({"type": "chatgpt"}),
        json!({"type": "chatgptDeviceCode"}),
    ] {
        assert_eq!(server.request_error("account/login/start", params)["code"], -32600);
    }
    scene.good_turn(&mut server);
    let second = scene.client_tokens();
    log_in(&mut server, Form::Older.login(&second));
    scene.good_turn(&mut server);
    assert_eq!(scene.bearers(), [Some(first.access_token), Some(second.access_token)]);
    assert!(scene.issuer.requests().is_empty());

    server.request("account/logout", Value::Null);
    assert_eq!(server.take("account/updated")["params"], json!({"authMode": null, "planType": null}));
    assert!(!scene.auth_path().exists(), "logging out ends both");
    assert_eq!(account(&mut server), Value::Null);
    log_in_by_key(&mut server, "sk-2");
    assert_eq!(account(&mut server), json!({"type": "apiKey"}));
}

#[test]
fn the_clients_tokens_end_the_wait_for_a_browser() {
    let _ports = LoginPorts::take();
    let scene = AccountScene::new();
    let mut server = scene.server();
    let login = Login::start(&mut server);
    server.start_request("account/login/start", Form::Today.login(&scene.client_tokens()));
    take_failure(&mut server, &login.id);
    server.until("account/updated", |message| message["method"] == "account/updated");
    assert_eq!(account(&mut server), usual_account());
}

#[test]
fn a_refused_token_is_asked_for_and_the_request_sent_again() {
    for form in FORMS {
        let scene = AccountScene::new();
        let mut server = scene.server();
        let old = scene.log_in_refused(&mut server);
        let new = scene.client_tokens();
        let (thread, question) = scene.turn_up_to_question(&mut server);
        assert_eq!(question["params"], json!({"reason": "unauthorized", "previousAccountId": "acct-1"}));
        server.reply(&question, form.write(&new));
        assert_eq!(turn_status(&server.until_turn_completed(&thread)), "completed");
        assert_eq!(scene.bearers(), [Some(old.access_token), Some(new.access_token.clone())]);
        assert_eq!(account(&mut server), usual_account());

        scene.good_turn(&mut server);
        assert_eq!(scene.bearers()[2..], [Some(new.access_token.clone())]);
        server.close();
        assert_nowhere(scene.home.base(), &new.access_token);
    }
}

#[test]
fn a_request_is_sent_again_once() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    scene.refuse_all(true);
    log_in(&mut server, Form::Today.login(&scene.client_tokens()));
    // What one request has used up is there for the next.
    for requests in [2, 4] {
        let (thread, question) = scene.turn_up_to_question(&mut server);
        server.reply(&question, Form::Today.write(&scene.client_tokens()));
        let messages = server.until_turn_completed(&thread);
        assert_eq!(messages.last().unwrap()["params"]["turn"]["error"]["codexErrorInfo"], refused());
        assert_eq!(scene.bearers().len(), requests);
    }
}

#[test]
fn answers_without_tokens_fail_the_turn_and_the_next_one_asks_again() {
    let scene = AccountScene::with_config("forced_chatgpt_workspace_id = \"acct-1\"");
    let mut server = scene.server();
    scene.log_in_refused(&mut server);
    let elsewhere = scene.issuer.issue(&Person::default().of_workspace("acct-2"), None);
    let malformed = [
        json!({}),
        json!({"accessToken": 7, "chatgptAccountId": "acct-1"}),
        json!("a text"),
        Value::Null,
        json!({"accessToken": "opaque", "chatgptAccountId": "acct-1"}),
        Form::Today.write(&elsewhere),
        Form::Older.write(&elsewhere),
    ];
    let mut requests = 0;
    for answer in malformed {
        let (thread, question) = scene.turn_up_to_question(&mut server);
        server.reply(&question, answer);
        take_failed(&mut server, &thread);
        requests += 1;
    }
    for (code, message) in [(-32000, "cannot refresh"), (-32601, "method not found")] {
        let (thread, question) = scene.turn_up_to_question(&mut server);
        server.reply_error(&question, code, message);
        take_failed(&mut server, &thread);
        requests += 1;
    }
    assert_eq!(scene.bearers().len(), requests, "none was sent again");
    assert_eq!(account(&mut server), usual_account());

    let (thread, question) = scene.turn_up_to_question(&mut server);
    let new = scene.client_tokens();
    server.reply(&question, Form::Today.write(&new));
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "completed");
    assert_eq!(scene.bearers().last().unwrap(), &Some(new.access_token));
}

/// Slow: it lasts the ten seconds that a client has.
#[test]
fn a_client_that_does_not_answer_fails_the_turn_and_answers_too_late() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    let old = scene.log_in_refused(&mut server);
    let (thread, question) = scene.turn_up_to_question(&mut server);
    take_failed(&mut server, &thread);
    server.reply(&question, Form::Today.write(&scene.client_tokens()));
    assert_eq!(account(&mut server), usual_account());
    assert_eq!(scene.bearers(), [Some(old.access_token.clone())]);

    let (thread, question) = scene.turn_up_to_question(&mut server);
    assert_eq!(scene.bearers()[1..], [Some(old.access_token)], "what came too late is not used");
    server.reply(&question, Form::Today.write(&scene.client_tokens()));
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "completed");
}

#[test]
fn threads_that_are_refused_together_share_one_question() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    scene.log_in_refused(&mut server);
    let threads = [(); 3].map(|()| server.start_thread(&scene.home.work()));
    for thread in &threads {
        server.start_turn(thread, "hi");
    }
    let mut messages = server.until(REFRESH, |message| message["method"] == REFRESH);
    let question = messages.last().unwrap().clone();
    scene.model.requests_seen(threads.len());
    server.reply(&question, Form::Today.write(&scene.client_tokens()));
    let mut left = threads.len();
    messages.extend(server.until("the end of every turn", |message| {
        left -= usize::from(message["method"] == "turn/completed");
        left == 0
    }));
    let of_method =
        |method: &str| messages.iter().filter(|message| message["method"] == method).collect::<Vec<_>>();
    assert_eq!(of_method(REFRESH).len(), 1);
    assert!(of_method("turn/completed").iter().all(|end| end["params"]["turn"]["status"] == "completed"));
    assert_eq!(scene.bearers().len(), 2 * threads.len());
}

#[test]
fn a_turn_that_waits_for_tokens_is_interrupted() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    scene.log_in_refused(&mut server);
    let thread = server.start_thread(&scene.home.work());
    let turn = server.start_turn(&thread, "hi");
    let question = server.until(REFRESH, |message| message["method"] == REFRESH).pop().unwrap();
    server.request("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "interrupted");
    // The answer is no less good for that.
    server.reply(&question, Form::Today.write(&scene.client_tokens()));
    assert_eq!(account(&mut server), usual_account());
    server.take_rest();
}

#[test]
fn tokens_that_come_after_the_client_has_logged_out_sign_nobody_in() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    let old = scene.log_in_refused(&mut server);
    let (thread, question) = scene.turn_up_to_question(&mut server);
    server.request("account/logout", Value::Null);
    server.take("account/updated");
    server.reply(&question, Form::Today.write(&scene.client_tokens()));
    let messages = server.until_turn_completed(&thread);
    assert_eq!(turn_status(&messages), "failed");
    assert_eq!(scene.bearers(), [Some(old.access_token)]);
    assert_eq!(account(&mut server), Value::Null);
}

#[test]
fn answers_that_nobody_asked_for_do_no_harm() {
    let scene = AccountScene::new();
    let mut server = scene.server();
    scene.log_in_refused(&mut server);
    let stray = scene.client_tokens();
    for id in [json!(0), json!(1), json!("refresh"), json!(i64::MAX)] {
        server.send_raw(json!({"id": id, "result": Form::Today.write(&stray)}).to_string());
    }
    let (thread, question) = scene.turn_up_to_question(&mut server);
    let new = scene.client_tokens();
    server.reply(&question, Form::Today.write(&new));
    server.reply(&question, Form::Today.write(&stray));
    assert_eq!(turn_status(&server.until_turn_completed(&thread)), "completed");
    scene.good_turn(&mut server);
    assert_eq!(scene.bearers()[1..], [Some(new.access_token.clone()), Some(new.access_token)]);
}

#[test]
fn tokens_of_another_workspace_than_the_forced_one_are_refused() {
    let scene = AccountScene::with_config("forced_chatgpt_workspace_id = \"acct-1\"");
    let mut server = scene.server();
    let allowed = scene.client_tokens();
    let elsewhere = scene.issuer.issue(&Person::default().of_workspace("acct-2"), None);
    for form in FORMS {
        assert_eq!(server.request_error("account/login/start", form.login(&elsewhere))["code"], -32600);
        assert_eq!(account(&mut server), Value::Null);
    }
    log_in(&mut server, Form::Today.login(&allowed));
    for form in FORMS {
        assert_eq!(server.request_error("account/login/start", form.login(&elsewhere))["code"], -32600);
        assert_eq!(account(&mut server), usual_account());
    }
    scene.good_turn(&mut server);
    assert_eq!(scene.bearers(), [Some(allowed.access_token)]);
}
