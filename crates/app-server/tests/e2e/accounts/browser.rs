//! Signing in with a browser on this machine (auth specification 7.2 and 7.5). The product has two fixed ports for the
//! browser to come back to, so these tests take turns ([`LoginPorts`]).

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use app_server_test_support::issuer::{Authorization, Endpoint, browser, form};
use app_server_test_support::{Gate, Person, Reply, TestServer};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{
    AccountScene, CLIENT_ID, LoginPorts, account, eventually, is_free, log_in, take_completed, take_failure,
    take_signed_in, usual_account,
};
use crate::calls::LIMIT;
use crate::outline;

/// The ports a browser may come back to, in the order they are tried.
const PORTS: [u16; 2] = [1455, 1457];
/// No login has this id.
const UNKNOWN_ID: &str = "7f8b9a3e-5f0c-4f39-9d0a-3a3c1f0f5f11";

/// A login that waits for its browser.
pub(super) struct Login {
    pub(super) id: String,
    pub(super) url: String,
}

impl Login {
    pub(super) fn start(server: &mut TestServer) -> Self {
        let answer = server.request("account/login/start", json!({"type": "chatgpt"}));
        Self::answered(&answer)
    }

    fn answered(answer: &Value) -> Self {
        assert_eq!(answer["type"], "chatgpt");
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        Self { id: text("loginId"), url: text("authUrl") }
    }

    /// The user agrees at the issuer; the browser has not come back yet.
    pub(super) fn authorize(&self, scene: &AccountScene) -> Authorization {
        scene.issuer.authorize(&self.url).unwrap()
    }
}

/// Takes a failure of a browser login and returns the reason behind what they all begin with.
fn take_reason(server: &mut TestServer, login: &Login) -> String {
    let error = take_failure(server, &login.id);
    error.strip_prefix("Login server error: ").unwrap_or_else(|| panic!("{error}")).to_owned()
}

/// Nobody is signed in, and nothing was written.
fn assert_nobody(scene: &AccountScene, server: &mut TestServer) {
    assert_eq!(account(server), Value::Null);
    assert!(!scene.auth_path().exists());
}

#[test]
fn a_browser_signs_in() {
    let _ports = LoginPorts::take();
    let scene = AccountScene::new();
    let mut server = scene.server();
    let login = Login::start(&mut server);
    // A random one: the version is the fifteenth digit.
    assert_eq!((login.id.len(), &login.id[14..15]), (36, "4"), "{}", login.id);
    assert_nobody(&scene, &mut server);

    let granted = login.authorize(&scene);
    let names: Vec<&str> = granted.parameters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "response_type",
            "client_id",
            "redirect_uri",
            "scope",
            "code_challenge",
            "code_challenge_method",
            "id_token_add_organizations",
            "codex_cli_simplified_flow",
            "state",
            "originator",
        ]
    );
    let redirect_uri = format!("http://localhost:{}/auth/callback", granted.port().unwrap());
    for (name, value) in [
        ("client_id", CLIENT_ID),
        ("redirect_uri", redirect_uri.as_str()),
        ("scope", "openid profile email offline_access"),
        ("id_token_add_organizations", "true"),
        ("codex_cli_simplified_flow", "true"),
        ("originator", "probe"),
    ] {
        assert_eq!(granted.parameter(name), Some(value), "{name}");
    }
    assert_eq!(granted.state.len(), 43);
    assert!(PORTS.contains(&granted.port().unwrap()));

    let pages = browser::browse(&granted.callback()).unwrap();
    assert_eq!(pages.iter().map(|page| page.status).collect::<Vec<_>>(), [302, 200]);
    let location = pages[0].header("location").unwrap();
    assert!(
        location.starts_with(&format!("http://localhost:{}/success", granted.port().unwrap())),
        "{location}"
    );
    assert!(pages[1].header("content-type").unwrap().starts_with("text/html"));
    take_signed_in(&mut server, &login.id);
    assert_eq!(account(&mut server), usual_account());

    let stored = scene.auth();
    let tokens = &stored["tokens"];
    assert_eq!((&stored["auth_mode"], &tokens["account_id"]), (&json!("chatgpt"), &json!("acct-1")));
    assert!(stored["OPENAI_API_KEY"].as_str().unwrap().starts_with("sk-issued-"));
    assert!(stored["last_refresh"].as_str().unwrap().ends_with('Z'));
    for secret in scene.issuer.secrets() {
        assert!(
            !pages.iter().any(|page| format!("{page:?}").contains(&secret)),
            "a secret is shown to the browser"
        );
    }
    scene.good_turn(&mut server);
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    assert_eq!(scene.last_signature(), (Some(bearer), Some("acct-1".to_owned())));
    let error = server.request("account/login/cancel", json!({"loginId": login.id}));
    assert_eq!(error, json!({"status": "notFound"}));
}

#[test]
fn what_is_asked_of_the_issuer() {
    let _ports = LoginPorts::take();
    let scene = AccountScene::new();
    let mut server = scene.server();
    let login = Login::start(&mut server);
    let granted = login.authorize(&scene);
    browser::browse(&granted.callback()).unwrap();
    take_signed_in(&mut server, &login.id);

    let requests = scene.issuer.requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    let forms: Vec<_> = requests.iter().map(|request| form::pairs(request.body.as_str().unwrap())).collect();
    let names = |index: usize| forms[index].iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    assert_eq!(names(0), ["grant_type", "code", "redirect_uri", "client_id", "code_verifier"]);
    assert_eq!(form::value(&forms[0], "code_verifier").unwrap().len(), 86);
    let stored = scene.auth();
    let expected = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("client_id", CLIENT_ID),
        ("requested_token", "openai-api-key"),
        ("subject_token", stored["tokens"]["id_token"].as_str().unwrap()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
    ];
    assert_eq!(forms[1], expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    for request in &requests {
        assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!((request.header("originator"), request.header("authorization")), (None, None));
    }
}

#[test]
fn a_login_is_done_when_the_tokens_are_stored_and_not_when_a_page_is_seen() {
    let _ports = LoginPorts::take();
    let scene = AccountScene::new();
    // The key is a gift: without it the login is as good.
    scene.issuer.refuse(Endpoint::KeyExchange, 403, "not_for_this_plan");
    let mut server = scene.server();
    let login = Login::start(&mut server);
    let granted = login.authorize(&scene);
    // The browser closes before it has any answer.
    let mut socket = TcpStream::connect(("127.0.0.1", granted.port().unwrap())).unwrap();
    let path = granted.callback().split_once("/auth").unwrap().1.to_owned();
    let host = format!("localhost:{}", granted.port().unwrap());
    socket.write_all(format!("GET /auth{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).unwrap();
    scene.issuer.wait_requests(Endpoint::CodeExchange, 1);
    socket.shutdown(Shutdown::Both).unwrap();
    drop(socket);
    take_signed_in(&mut server, &login.id);
    assert_eq!(scene.auth()["OPENAI_API_KEY"], Value::Null);
}

#[test]
fn a_login_is_cancelled_by_the_client() {
    let _ports = LoginPorts::take();
    let scene = AccountScene::new();
    let mut server = scene.server();
    let login = Login::start(&mut server);
    let port = login.authorize(&scene).port().unwrap();
    let cancel = json!({"loginId": login.id});
    server.start_request("account/login/cancel", cancel.clone());
    let messages = server.until("the end", |message| message["method"] == "account/login/completed");
    assert_eq!(outline(&messages), ["answer", "account/login/completed"]);
    assert_eq!(messages[0]["result"], json!({"status": "canceled"}));
    let completed = &messages[1]["params"];
    assert_eq!((&completed["loginId"], &completed["success"]), (&json!(login.id), &json!(false)));
    assert_eq!(completed["error"], "Login server error: Login was not completed");
    assert_eq!(server.request("account/login/cancel", cancel), json!({"status": "notFound"}));
    eventually("the port is free", || is_free(port));
    assert_nobody(&scene, &mut server);

    let unknown = server.request("account/login/cancel", json!({"loginId": UNKNOWN_ID}));
    assert_eq!(unknown, json!({"status": "notFound"}));
    let error = server.request_error("account/login/cancel", json!({"loginId": "the last one"}));
    assert_eq!(error["code"], -32600);

    let login = Login::start(&mut server);
    let unknown = server.request("account/login/cancel", json!({"loginId": UNKNOWN_ID}));
    assert_eq!(unknown, json!({"status": "notFound"}));
    browser::browse(&login.authorize(&scene).callback()).unwrap();
    take_signed_in(&mut server, &login.id);
}

#[test]
fn a_login_is_cancelled_by_another_program() {
    let _ports = LoginPorts::take();
    let scene = AccountScene::new();
    let mut server = scene.server();
    let login = Login::start(&mut server);
    let granted = login.authorize(&scene);
    let page = browser::get(&granted.address("/cancel").unwrap()).unwrap();
    assert_eq!((page.status, page.body.as_str()), (200, "Login cancelled"));
    assert_eq!(take_reason(&mut server, &login), "Login cancelled");
    eventually("the port is free", || is_free(granted.port().unwrap()));
    assert_nobody(&scene, &mut server);
}

#[test]
fn a_second_login_takes_the_place_of_the_first() {
    let _ports = LoginPorts::take();
    let scene = AccountScene::new();
    let mut server = scene.server();
    let first = Login::start(&mut server);
    let stale = first.authorize(&scene);
    server.start_request("account/login/start", json!({"type": "chatgpt"}));
    let messages = server.until("the answer", |message| message.get("method").is_none());
    assert_eq!(outline(&messages), ["account/login/completed", "answer"]);
    let completed = &messages[0]["params"];
    assert_eq!((&completed["loginId"], &completed["success"]), (&json!(first.id), &json!(false)));
    assert!(completed["error"].as_str().unwrap().starts_with("Login server error: "));
    let second = Login::answered(&messages[1]["result"]);
    assert_ne!(second.id, first.id);

    let granted = second.authorize(&scene);
    assert_ne!(granted.state, stale.state);
    assert_ne!(granted.parameter("code_challenge"), stale.parameter("code_challenge"));
    if stale.port().unwrap() == granted.port().unwrap() {
        // What was begun for the first one does not end the second one.
        let page = browser::get(&stale.callback()).unwrap();
        assert_eq!((page.status, page.body.as_str()), (400, "State mismatch"));
    }
    browser::browse(&granted.callback()).unwrap();
    take_signed_in(&mut server, &second.id);
}

#[test]
fn another_way_of_signing_in_ends_the_wait_for_the_browser() {
    let _ports = LoginPorts::take();
    let scene = AccountScene::new();
    let mut server = scene.server();
    let login = Login::start(&mut server);
    let messages = log_in(&mut server, json!({"type": "apiKey", "apiKey": "sk-1"}));
    let ends: Vec<&Value> =
        messages.iter().filter(|message| message["method"] == "account/login/completed").collect();
    assert_eq!(ends.len(), 2, "{messages:?}");
    assert_eq!(
        (&ends[0]["params"]["loginId"], &ends[0]["params"]["success"]),
        (&json!(login.id), &json!(false))
    );
    assert_eq!((&ends[1]["params"]["loginId"], &ends[1]["params"]["success"]), (&Value::Null, &json!(true)));
    assert_eq!(scene.auth()["OPENAI_API_KEY"], "sk-1");

    let login = Login::start(&mut server);
    let messages = {
        server.start_request("account/logout", Value::Null);
        server.until("account/updated", |message| message["method"] == "account/updated")
    };
    assert_eq!(messages[0]["params"]["loginId"], login.id.as_str());
    assert_nobody(&scene, &mut server);
}

#[test]
fn a_code_that_cannot_be_exchanged_ends_the_login() {
    let _ports = LoginPorts::take();
    for reply in [
        Reply::json(400, &json!({"error": "invalid_grant", "error_description": "the code has ended"})),
        Reply::text(500, "broken"),
        Reply::text(200, "<html>"),
        Reply::json(200, &json!({"id_token": "a.b.c", "access_token": "x"})),
        Reply::json(200, &json!({"id_token": "opaque", "access_token": "x", "refresh_token": "y"})),
        Reply::hang_up(),
    ] {
        let scene = AccountScene::new();
        let mut server = scene.server();
        scene.issuer.script(Endpoint::CodeExchange, reply);
        let login = Login::start(&mut server);
        let pages = browser::browse(&login.authorize(&scene).callback()).unwrap();
        assert_eq!((pages.len(), pages[0].status), (1, 200));
        assert!(pages[0].header("content-type").unwrap().starts_with("text/html"));
        assert!(!take_reason(&mut server, &login).is_empty());
        assert_nobody(&scene, &mut server);
    }
}

#[test]
fn a_login_that_fails_leaves_whoever_is_signed_in() {
    let _ports = LoginPorts::take();
    let scene = AccountScene::new();
    scene.sign_in();
    let before = scene.auth();
    let mut server = scene.server();
    scene.issuer.refuse(Endpoint::CodeExchange, 400, "invalid_grant");
    let login = Login::start(&mut server);
    browser::browse(&login.authorize(&scene).callback()).unwrap();
    take_reason(&mut server, &login);
    assert_eq!(account(&mut server), usual_account());
    assert_eq!(scene.auth(), before);
}

#[test]
fn a_login_that_is_cancelled_while_the_code_is_exchanged_signs_nobody_in() {
    let _ports = LoginPorts::take();
    let scene = AccountScene::new();
    let gate = Gate::new();
    scene.issuer.script(Endpoint::CodeExchange, Reply::usual().gate(&gate));
    let mut server = scene.server();
    let login = Login::start(&mut server);
    let callback = login.authorize(&scene).callback();
    thread::scope(|scope| {
        // What the browser sees of it is not promised.
        let browsing = scope.spawn(|| browser::get(&callback));
        scene.issuer.gate_reached(&gate);
        let cancelled = server.request("account/login/cancel", json!({"loginId": login.id}));
        assert_eq!(cancelled, json!({"status": "canceled"}));
        assert_eq!(take_reason(&mut server, &login), "Login was not completed");
        gate.open();
        let _ = browsing.join().unwrap();
    });
    assert_nobody(&scene, &mut server);
}

#[test]
fn only_the_forced_workspace_is_signed_in() {
    let _ports = LoginPorts::take();
    let scene = AccountScene::with_config("forced_chatgpt_workspace_id = \"acct-1\"");
    let mut server = scene.server();
    scene.issuer.sign_in_as(Person::default().of_workspace("acct-2"));
    let login = Login::start(&mut server);
    let granted = login.authorize(&scene);
    assert_eq!(granted.parameter("allowed_workspace_id"), Some("acct-1"));
    let pages = browser::browse(&granted.callback()).unwrap();
    assert_eq!((pages.len(), pages[0].status), (1, 200));
    take_reason(&mut server, &login);
    assert_nobody(&scene, &mut server);
    // A key must not be asked for on behalf of somebody who is turned away.
    assert!(scene.issuer.requests_to(Endpoint::KeyExchange).is_empty());

    scene.issuer.sign_in_as(Person::default());
    let login = Login::start(&mut server);
    browser::browse(&login.authorize(&scene).callback()).unwrap();
    take_signed_in(&mut server, &login.id);

    scene.configure("forced_chatgpt_workspace_id = [\"acct-1\", \"acct-3\"]");
    let login = Login::start(&mut server);
    assert_eq!(login.authorize(&scene).parameter("allowed_workspace_id"), Some("acct-1,acct-3"));
    server.request("account/login/cancel", json!({"loginId": login.id}));
    take_reason(&mut server, &login);
}

#[test]
fn what_the_issuer_says_in_the_address_ends_the_login_and_is_shown_harmlessly() {
    let _ports = LoginPorts::take();
    let scene = AccountScene::new();
    let mut server = scene.server();
    for query in [
        "error=access_denied&error_description=%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "error=%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
        "error=access_denied&code=stolen",
        "",
        "code=",
    ] {
        let login = Login::start(&mut server);
        let granted = login.authorize(&scene);
        let path = format!("/auth/callback?state={}&{query}", form::encode(&granted.state));
        let page = browser::get(&granted.address(&path).unwrap()).unwrap();
        assert_eq!(page.status, 200, "{query}");
        assert!(page.header("content-type").unwrap().starts_with("text/html"));
        assert!(!page.body.contains("<script") && !page.body.contains("<img"), "{}", page.body);
        assert!(!take_reason(&mut server, &login).is_empty());
    }
    assert_nobody(&scene, &mut server);
    assert!(scene.issuer.requests().is_empty());
}

/// Holds a port and swallows what is asked of it; returns the first lines.
struct Occupant {
    port: u16,
    thread: Option<thread::JoinHandle<Vec<String>>>,
}

impl Occupant {
    fn of(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let thread = thread::spawn(move || {
            let mut asked = Vec::new();
            for socket in listener.incoming() {
                let mut socket = socket.unwrap();
                socket.set_read_timeout(Some(LIMIT)).unwrap();
                let mut bytes = [0; 1024];
                let read = socket.read(&mut bytes).unwrap_or(0);
                let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
                let first = text.lines().next().unwrap_or_default().to_owned();
                if first == "leave" {
                    break;
                }
                asked.push(first);
            }
            asked
        });
        Self { port, thread: Some(thread) }
    }

    /// Frees the port and returns what was asked.
    fn leave(mut self) -> Vec<String> {
        self.end()
    }

    fn end(&mut self) -> Vec<String> {
        let Some(thread) = self.thread.take() else { return Vec::new() };
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        socket.write_all(b"leave\n").unwrap();
        thread.join().unwrap()
    }
}

impl Drop for Occupant {
    fn drop(&mut self) {
        self.end();
    }
}

/// Takes as long as the specification says that a busy port is tried.
#[test]
fn a_port_that_stays_busy_is_passed_over() {
    let _ports = LoginPorts::take();
    let occupant = Occupant::of(PORTS[0]);
    let scene = AccountScene::new();
    let mut server = scene.server();
    let login = Login::start(&mut server);
    let granted = login.authorize(&scene);
    assert_eq!(granted.port().unwrap(), PORTS[1]);
    browser::browse(&granted.callback()).unwrap();
    take_signed_in(&mut server, &login.id);
    assert_eq!(occupant.leave(), ["GET /cancel HTTP/1.1"]);
}

/// Takes as long as the specification says that busy ports are tried.
#[test]
fn without_a_port_the_login_fails_and_holds_nobody_up() {
    let _ports = LoginPorts::take();
    let _occupants = PORTS.map(Occupant::of);
    let scene = AccountScene::new();
    let mut server = scene.server();
    // All of them at once: those behind the login are answered while it tries.
    let login = server.start_request("account/login/start", json!({"type": "chatgpt"}));
    let list = server.start_request("thread/loaded/list", json!({}));
    let read = server.start_request("account/read", json!({}));
    let messages = server.until("the end of the login", |message| message["id"] == login);
    let ids: Vec<&Value> = messages.iter().map(|message| &message["id"]).collect();
    assert!(ids.contains(&&list) && ids.contains(&&read), "{messages:?}");
    let answer = messages.last().unwrap();
    assert_eq!(answer["error"]["code"], -32603);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(PORTS.iter().all(|port| message.contains(&port.to_string())), "{message}");
}

#[test]
fn a_login_of_another_server_gives_way() {
    let _ports = LoginPorts::take();
    let (first, second) = (AccountScene::new(), AccountScene::new());
    let mut first_server = first.server();
    let mut second_server = second.server();
    let left = Login::start(&mut first_server);
    let login = Login::start(&mut second_server);
    assert_eq!(take_reason(&mut first_server, &left), "Login cancelled");
    browser::browse(&login.authorize(&second).callback()).unwrap();
    take_signed_in(&mut second_server, &login.id);
    assert_nobody(&first, &mut first_server);
}

/// A login waits for ten minutes.
#[test]
fn a_login_that_waits_does_not_hold_up_the_end() {
    const PROMPTLY: Duration = Duration::from_secs(15);
    let _ports = LoginPorts::take();
    for is_signal in [false, true] {
        let scene = AccountScene::new();
        let mut server = scene.server();
        let port = Login::start(&mut server).authorize(&scene).port().unwrap();
        if is_signal {
            server.connection().terminate().unwrap();
        } else {
            server.connection().close_input();
        }
        assert!(server.connection().wait_exit(PROMPTLY).unwrap().success());
        for message in server.take_rest() {
            assert_eq!(message["method"], "account/login/completed");
            assert_eq!(message["params"]["success"], false);
        }
        assert!(is_free(port));
    }
}

#[test]
fn what_newer_clients_add_is_accepted() {
    let _ports = LoginPorts::take();
    let scene = AccountScene::new();
    let mut server = scene.server();
    let params = json!({
        "type": "chatgpt",
        "appBrand": "codex",
        "codexStreamlinedLogin": true,
        "useHostedLoginSuccessPage": false,
    });
    let login = Login::answered(&server.request("account/login/start", params));
    browser::browse(&login.authorize(&scene).callback()).unwrap();
    let completed = take_completed(&mut server);
    assert_eq!((&completed["success"], &completed["loginId"]), (&json!(true), &json!(login.id)));
    server.take("account/updated");
}
