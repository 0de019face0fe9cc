//! What others on the machine, in the browser or at the far end of a connection try while somebody signs in (security
//! cases F1, F2 and F5), and that no token gets where it does not belong. What is looked at is files, bytes and requests,
//! never the word of the server alone.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use app_server_test_support::issuer::{Authorization, Endpoint, browser, form};
use app_server_test_support::{Answer, Gate, Person, Reply, TestServer, events};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::browser::Login;
use super::{
    AccountScene, LoginPorts, account, assert_nowhere, log_in_by_key, take_completed, take_failure,
    take_signed_in, usual_account,
};

/// A login that waits, and what the attacker knows of it.
struct Target {
    /// Before what it needs, so that it ends first.
    server: TestServer,
    scene: AccountScene,
    login: Login,
    granted: Authorization,
    port: u16,
}

impl Target {
    fn new() -> Self {
        let scene = AccountScene::new();
        let mut server = scene.server();
        let login = Login::start(&mut server);
        let granted = login.authorize(&scene);
        let port = granted.port().unwrap();
        Self { scene, server, login, granted, port }
    }

    /// A request with this first line and these headers beside what every request has.
    fn request(&self, line: &str, headers: &str) -> String {
        format!("{line} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n{headers}\r\n", self.port)
    }

    /// The query of the real callback.
    fn query(&self) -> String {
        format!("code={}&state={}", form::encode(&self.granted.code), form::encode(&self.granted.state))
    }

    /// Sends an attack, which must be refused or not be answered at all; the login must go on as if nothing had been.
    fn attack(&mut self, request: &str) {
        if let Ok(page) = browser::send(self.port, request) {
            assert!((400..500).contains(&page.status), "{request:?}: {page:?}");
            for secret in self.scene.issuer.secrets() {
                assert!(!page.body.contains(&secret), "{request:?}: {page:?}");
            }
            assert!(!page.body.contains("<script"), "{request:?}: {page:?}");
        }
        assert!(self.scene.issuer.requests().is_empty(), "{request:?}");
        // Whatever is told is told before this is answered.
        assert_eq!(account(&mut self.server), Value::Null, "{request:?}");
        let messages = self.server.connection().messages();
        let is_over = messages.iter().any(|message| message["method"] == "account/login/completed");
        assert!(!is_over, "{request:?}");
    }

    /// The real browser comes back.
    fn succeed(mut self) {
        let pages = browser::browse(&self.granted.callback()).unwrap();
        assert_eq!(pages.iter().map(|page| page.status).collect::<Vec<_>>(), [302, 200]);
        take_signed_in(&mut self.server, &self.login.id);
        assert_eq!(account(&mut self.server), usual_account());
        assert_eq!(self.scene.issuer.requests_to(Endpoint::CodeExchange).len(), 1);
    }
}

#[test]
fn only_the_state_that_was_given_counts() {
    let _ports = LoginPorts::take();
    let mut target = Target::new();
    let state = target.granted.state.clone();
    let code = form::encode(&target.granted.code);
    let wrong = "x".repeat(state.len());
    let states = [
        String::new(),
        "&state=".to_owned(),
        format!("&state={wrong}"),
        format!("&state={state}x"),
        format!("&state={}", &state[1..]),
        format!("&state={}", state.to_ascii_uppercase()),
        format!("&state={state}%00"),
        format!("&state=%20{state}"),
        format!("&state={state}&state={wrong}"),
        format!("&state={wrong}&state={state}"),
        format!("&state={state}&state={state}"),
        format!("&State={state}"),
        format!("&state[]={state}"),
        format!("#&state={state}"),
    ];
    for state in states {
        let request = target.request(&format!("GET /auth/callback?code={code}{state}"), "");
        target.attack(&request);
        let request = target.request(&format!("GET /auth/callback?error=access_denied{state}"), "");
        target.attack(&request);
    }
    let request = target.request(&format!("GET /auth/callback?code={code}&code=other&state={state}"), "");
    target.attack(&request);
    let page = browser::get(&target.granted.address("/auth/callback?code=x&state=wrong").unwrap()).unwrap();
    assert_eq!((page.status, page.body.as_str()), (400, "State mismatch"));
    target.succeed();
}

#[test]
fn pages_of_other_sites_reach_nothing() {
    let _ports = LoginPorts::take();
    let mut target = Target::new();
    let (query, port) = (target.query(), target.port);
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("localhost.evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        format!("localhost@evil.example:{port}"),
        "localhost:1".to_owned(),
        "0.0.0.0".to_owned(),
        String::new(),
    ] {
        for path in [format!("/auth/callback?{query}"), "/success".to_owned(), "/cancel".to_owned()] {
            target.attack(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
        }
    }
    target.attack(&format!(
        "GET http://evil.example/auth/callback?{query} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    ));
    let two_hosts = format!("Host: evil.example:{port}\r\n");
    let request = target.request(&format!("GET /auth/callback?{query}"), &two_hosts);
    target.attack(&request);
    for header in ["Origin: https://evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        let request = target.request("GET /cancel", header);
        target.attack(&request);
    }
    // Not even from the machine's other addresses.
    assert!(TcpStream::connect(("127.0.0.2", port)).is_err());
    assert!(TcpStream::connect(("::1", port)).is_err());
    target.succeed();
}

#[test]
fn there_is_one_way_to_the_callback() {
    let _ports = LoginPorts::take();
    let mut target = Target::new();
    let query = target.query();
    for path in [
        "//auth/callback",
        "/auth//callback",
        "/auth/callback/",
        "/auth/callback/..",
        "/auth/../auth/callback",
        "/./auth/callback",
        "/auth/%63allback",
        "/auth%2Fcallback",
        "/AUTH/CALLBACK",
        "/auth/callback%00",
        "/auth/callback;x",
        "/",
        "/auth",
        "/auth/callback.html",
        "/../../../../etc/passwd",
        "/favicon.ico",
    ] {
        let request = target.request(&format!("GET {path}?{query}"), "");
        target.attack(&request);
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"] {
        let request = target.request(&format!("{method} /auth/callback?{query}"), "Content-Length: 0\r\n");
        target.attack(&request);
    }
    target.succeed();
}

#[test]
fn what_is_no_request_is_no_matter() {
    let _ports = LoginPorts::take();
    let mut target = Target::new();
    let long = "x".repeat(1 << 20);
    let query = target.query();
    let requests = [
        "\r\n\r\n".to_owned(),
        "\u{0}\u{1}\u{2}garbage\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        format!("GET /auth/callback?{query}\r\n\r\n"),
        format!("GET /auth/callback?{query} HTTP/9.9\r\nHost: localhost\r\n\r\n"),
        target.request(&format!("GET /auth/callback?code={long}"), ""),
        target.request("GET /auth/callback?state=x", &format!("X-Long: {long}\r\n")),
        target.request("GET /auth/callback?state=x", &"X-Many: x\r\n".repeat(10_000)),
        target.request("POST /auth/callback?state=x", "Content-Length: 99999999999999999999\r\n"),
        target.request("POST /cancel", "Transfer-Encoding: chunked\r\nOrigin: null\r\n"),
    ];
    for request in requests {
        // A server that has seen enough may hang up while it is still being written to.
        target.attack(&request);
    }
    target.succeed();
}

#[test]
fn a_code_counts_once() {
    let _ports = LoginPorts::take();
    let mut target = Target::new();
    let gate = Gate::new();
    target.scene.issuer.script(Endpoint::CodeExchange, Reply::usual().gate(&gate));
    let callback = target.granted.callback();
    thread::scope(|scope| {
        let first = scope.spawn(|| browser::get(&callback).unwrap());
        target.scene.issuer.gate_reached(&gate);
        let again = browser::get(&callback).unwrap();
        assert!((400..500).contains(&again.status), "{again:?}");
        gate.open();
        assert_eq!(first.join().unwrap().status, 302);
    });
    take_signed_in(&mut target.server, &target.login.id);
    let stored = target.scene.auth();
    // The server may be gone by now.
    if let Ok(page) = browser::get(&callback) {
        assert!((400..500).contains(&page.status), "{page:?}");
    }
    assert_eq!(account(&mut target.server), usual_account());
    assert_eq!(target.scene.auth(), stored);
    assert_eq!(target.scene.issuer.requests_to(Endpoint::CodeExchange).len(), 1);
}

#[test]
fn ten_thousand_silent_connections_keep_nobody_out() {
    const CONNECTIONS: usize = 10_000;
    /// As many as a process may well have open.
    const AT_ONCE: usize = 400;
    let _ports = LoginPorts::take();
    let mut target = Target::new();
    let mut open = VecDeque::new();
    for _ in 0..CONNECTIONS {
        open.push_back(TcpStream::connect(("127.0.0.1", target.port)).unwrap());
        if open.len() > AT_ONCE {
            open.pop_front();
        }
    }
    assert_eq!(target.server.request("thread/loaded/list", json!({}))["data"], json!([]));
    target.succeed();
    drop(open);
}

#[test]
fn slow_requests_keep_nobody_out() {
    let _ports = LoginPorts::take();
    let target = Target::new();
    let beginnings = [
        "G",
        "GET /auth/callback?",
        "GET /cancel HTTP/1.1\r\nHost: local",
        "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
    ];
    let mut open = Vec::new();
    for beginning in beginnings.iter().cycle().take(300) {
        let mut socket = TcpStream::connect(("127.0.0.1", target.port)).unwrap();
        // The server may have closed it for those that came later.
        let _ = socket.write_all(beginning.as_bytes());
        open.push(socket);
    }
    target.succeed();
    drop(open);
}

/// A machine that must not be spoken to.
struct Elsewhere(TcpListener);

impl Elsewhere {
    fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn reply(&self) -> Reply {
        Reply::redirect(&self.url())
    }

    fn url(&self) -> String {
        format!("http://{}/oauth/token", self.0.local_addr().unwrap())
    }
}

impl Drop for Elsewhere {
    /// Nobody has come, let alone said anything.
    fn drop(&mut self) {
        if !thread::panicking() {
            assert_eq!(self.0.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        }
    }
}

#[test]
fn codes_are_not_sent_where_the_issuer_points() {
    let _ports = LoginPorts::take();
    let elsewhere = Elsewhere::new();
    let mut target = Target::new();
    target.scene.issuer.script(Endpoint::CodeExchange, elsewhere.reply());
    browser::browse(&target.granted.callback()).unwrap();
    take_failure(&mut target.server, &target.login.id);
    assert_eq!(account(&mut target.server), Value::Null);

    let login = Login::start(&mut target.server);
    target.scene.issuer.script(Endpoint::KeyExchange, elsewhere.reply());
    browser::browse(&login.authorize(&target.scene).callback()).unwrap();
    take_signed_in(&mut target.server, &login.id);
    assert_eq!(target.scene.auth()["OPENAI_API_KEY"], Value::Null);

    let issuer = &target.scene.issuer;
    issuer.script(Endpoint::UserCode, elsewhere.reply());
    let params = json!({"type": "chatgptDeviceCode"});
    assert_eq!(target.server.request_error("account/login/start", params.clone())["code"], -32603);
    issuer.script(Endpoint::DeviceToken, elsewhere.reply());
    target.server.request("account/login/start", params);
    assert_eq!(take_completed(&mut target.server)["success"], false);
}

#[test]
fn tokens_are_not_sent_where_the_issuer_or_the_model_points() {
    let elsewhere = Elsewhere::new();
    let scene = AccountScene::new();
    let old = scene.sign_in_as(&Person::default(), 0, Some(60));
    let mut server = scene.server();
    scene.issuer.script(Endpoint::Refresh, elsewhere.reply());
    scene.good_turn(&mut server);
    assert_eq!(scene.bearers(), [Some(old.access_token)]);

    scene.sign_in();
    scene.issuer.script(Endpoint::Usage, elsewhere.reply());
    assert_eq!(server.request_error("account/rateLimits/read", Value::Null)["code"], -32603);

    for status in [301, 302, 307, 308] {
        let redirect = Answer::text(status, "").header("location", elsewhere.url());
        scene.model.model().route("/v1/responses", redirect);
        scene.failed_turn(&mut server);
    }

    scene.issuer.script(Endpoint::Revoke, elsewhere.reply());
    server.request("account/logout", Value::Null);
    server.take("account/updated");
    scene.issuer.wait_requests(Endpoint::Revoke, 1);
    server.close();
}

/// Signs in, runs into everything that can go wrong, and logs out.
fn go_through_everything(scene: &AccountScene, server: &mut TestServer) {
    // Whoever refuses says with which token.
    let stored =
        || std::fs::read_to_string(scene.auth_path()).unwrap_or_else(|_| scene.issuer.secrets().join(" "));
    let echo = |status: u16| Reply::json(status, &json!({"error": {"message": stored(), "code": stored()}}));
    let login = Login::start(server);
    let granted = login.authorize(scene);
    scene.issuer.script(Endpoint::CodeExchange, echo(400));
    browser::browse(&granted.callback()).unwrap();
    take_failure(server, &login.id);
    let login = Login::start(server);
    browser::browse(&login.authorize(scene).callback()).unwrap();
    take_signed_in(server, &login.id);
    scene.good_turn(server);
    server.request("account/read", json!({"refreshToken": true}));
    scene.issuer.script(Endpoint::Refresh, echo(500));
    server.request("account/read", json!({"refreshToken": true}));
    scene.issuer.script(Endpoint::Usage, echo(500));
    server.request_error("account/rateLimits/read", Value::Null);
    server.request("account/rateLimits/read", Value::Null);

    let refusal = || Answer::json(401, &json!({"error": {"message": format!("not accepted: {}", stored())}}));
    scene.model.model().route("/v1/responses", refusal());
    scene.failed_turn(server);
    scene.model.model().route("/v1/responses", refusal());
    scene.issuer.script(Endpoint::Refresh, echo(500));
    scene.failed_turn(server);
    scene.issuer.script(Endpoint::Refresh, echo(401));
    scene.failed_turn(server);

    scene.issuer.script(Endpoint::DeviceToken, echo(500));
    let params = json!({"type": "chatgptDeviceCode"});
    server.request("account/login/start", params);
    take_completed(server);
    scene.issuer.script(Endpoint::Revoke, echo(500));
    server.request("account/logout", Value::Null);
    server.take("account/updated");
    scene.issuer.wait_requests(Endpoint::Revoke, 1);
}

#[test]
fn no_token_is_ever_told_logged_or_kept_beside_the_store() {
    let _ports = LoginPorts::take();
    let scene = AccountScene::new();
    let mut server = scene.server_in(&[("RUST_LOG", "trace")]);
    go_through_everything(&scene, &mut server);
    server.close();
    let told: String = server.connection().messages().iter().map(Value::to_string).collect();
    for secret in scene.issuer.secrets() {
        assert!(!told.contains(&secret), "{secret} was told to the client");
        // Logs and rollouts are there; the store is empty by now.
        assert_nowhere(scene.home.base(), &secret);
    }
    assert!(!server.connection().stderr().is_empty());
}

#[test]
fn keys_and_the_clients_tokens_are_not_logged() {
    let scene = AccountScene::new();
    let mut server = scene.server_in(&[("RUST_LOG", "trace")]);
    log_in_by_key(&mut server, "sk-0123456789-secret");
    scene.good_turn(&mut server);
    server.request("account/logout", Value::Null);
    server.take("account/updated");
    let tokens = scene.issuer.issue(&Person::default(), None);
    scene.refuse(&tokens.access_token);
    let params =
        json!({"type": "chatgptAuthTokens", "accessToken": tokens.access_token, "idToken": tokens.id_token});
    super::log_in(&mut server, params);
    let thread = server.start_thread(&scene.home.work());
    server.start_turn(&thread, "hi");
    let question = server.take("account/chatgptAuthTokens/refresh");
    let answer = scene.issuer.issue(&Person::default(), None);
    // A member is of the wrong kind.
    server
        .reply(&question, json!({"accessToken": answer.access_token, "chatgptAccountId": [answer.id_token]}));
    server.until_turn_completed(&thread);
    server.close();
    let told: String = server.connection().messages().iter().map(Value::to_string).collect();
    for secret in scene.issuer.secrets().iter().map(String::as_str).chain(["sk-0123456789-secret"]) {
        assert!(!told.contains(secret), "{secret} was told to the client");
        assert_nowhere(scene.home.base(), secret);
    }
}

/// Outside of a sandbox a command may read what the user may read. What it reads goes no further.
#[test]
fn stored_tokens_that_a_command_reads_are_masked() {
    let scene = AccountScene::new();
    let tokens = scene.sign_in();
    let command = format!("cat '{}'", scene.auth_path().display());
    let call = events::function_call("call_1", "shell_command", &json!({"command": command}));
    scene.answer_with(Answer::response([call]));
    let mut server = scene.server();
    scene.good_turn(&mut server);
    server.close();
    let requests = scene.model.model().requests();
    let output = requests.last().unwrap().body.to_string();
    assert!(output.contains("refresh_token"), "the command has read the file: {output}");
    let told: String = server.connection().messages().iter().map(Value::to_string).collect();
    let rollouts: String =
        scene.home.rollouts().unwrap().iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    for secret in [&tokens.access_token, &tokens.id_token, &tokens.refresh_token] {
        for place in [&output, &told, &rollouts] {
            assert!(!place.contains(secret.as_str()), "{secret}");
        }
    }
}
