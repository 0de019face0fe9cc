//! What others may send to the callback server. Each case ends with the login succeeding, to show that it was unaffected.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::VecDeque;

use pretty_assertions::assert_eq;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use common::{API_KEY, Login, TOKENS, ask, connect, get, page, soon};

#[tokio::test]
async fn answers_without_the_state_do_not_count() {
    let mut login = Login::start().await;
    let state = login.state();
    let mut longer = state.clone();
    longer.push('A');
    let other = Login::start().await.state();
    for query in [
        "code=evil".to_owned(),
        "code=evil&state=".to_owned(),
        format!("code=evil&state={other}"),
        format!("code=evil&state={longer}"),
        format!("code=evil&state={}", &state[1..]),
        format!("code=evil&state={}", state.to_lowercase() + "A"),
        format!("code=evil&state={state}&state={state}"),
        format!("code=evil&state={state}&state={other}"),
        "error=access_denied".to_owned(),
        format!("error=access_denied&state={other}"),
    ] {
        let answer = login.get(&format!("/auth/callback?{query}")).await;
        assert_eq!((answer.status, &*answer.body), (400, "State mismatch"), "{query}");
    }
    assert_eq!(login.get("/auth/callback").await.status, 400);
    assert!(login.issuer.is_idle());
    login.succeeds().await;
}

#[tokio::test]
async fn a_code_counts_once() {
    let mut login = Login::start().await;
    let repeated = format!("/auth/callback?code=a&code=b&state={}", login.state());
    assert_eq!(login.get(&repeated).await.status, 400);

    let (target, port) = (login.callback("first"), login.port);
    let browser = tokio::spawn(async move { get(port, &target).await });
    let asked = login.issuer.asked().await;
    // While the first one is being exchanged, and after it.
    assert_eq!(login.get(&login.callback("first")).await.status, 400);
    assert_eq!(login.get(&login.callback("second")).await.status, 400);
    let refusal = format!("/auth/callback?error=access_denied&state={}", login.state());
    assert_eq!(login.get(&refusal).await.status, 400);
    assert_eq!(asked.form("code").unwrap(), "first");
    asked.ok(TOKENS).await;
    login.issuer.asked().await.ok(API_KEY).await;
    assert_eq!(soon(browser).await.unwrap().status, 302);
    assert_eq!(login.end().await, Ok(()));
    assert_eq!(login.get(&login.callback("first")).await.status, 400);
    assert!(login.issuer.is_idle());
    assert_eq!(login.accepted.lock().unwrap().len(), 1);
    assert_eq!(login.get("/success").await.status, 200);
}

#[tokio::test]
async fn only_this_host_is_served() {
    let mut login = Login::start().await;
    let port = login.port;
    let other = port ^ 1;
    for host in [
        "Host: evil.example\r\n".to_owned(),
        format!("Host: evil.example:{port}\r\n"),
        format!("Host: localhost.evil.example:{port}\r\n"),
        format!("Host: localhost:{other}\r\n"),
        format!("Host: localhost:{port}0\r\n"),
        format!("Host: localhost:0{port}\r\n"),
        format!("Host: 127.0.0.1.evil.example:{port}\r\n"),
        format!("Host: 127.0.0.2:{port}\r\n"),
        format!("Host: 0.0.0.0:{port}\r\n"),
        format!("Host: localhost:{port}@evil.example\r\n"),
        format!("Host: evil@localhost:{port}\r\n"),
        format!("Host: localhost:{port}\r\nHost: evil.example\r\n"),
        format!("Host: localhost:{port}\r\nHost: localhost:{port}\r\n"),
        "Host:\r\n".to_owned(),
        "Host: localhost:\r\n".to_owned(),
        String::new(),
    ] {
        for target in [login.callback("evil"), "/cancel".to_owned(), "/success".to_owned(), "/".to_owned()] {
            assert_eq!(ask(port, "GET", &target, &host).await.status, 403, "{host} {target}");
        }
    }
    let absolute = format!("http://evil.example{}", login.callback("evil"));
    let host = format!("Host: localhost:{port}\r\n");
    assert_eq!(ask(port, "GET", &absolute, &host).await.status, 403);
    for host in [
        "Host: localhost\r\n".to_owned(),
        "Host: LOCALHOST\r\n".to_owned(),
        "Host: 127.0.0.1\r\n".to_owned(),
        format!("Host: 127.0.0.1:{port}\r\n"),
        "Host: [::1]\r\n".to_owned(),
        format!("Host: [::1]:{port}\r\n"),
    ] {
        assert_eq!(ask(port, "GET", "/auth/callback", &host).await.status, 400, "{host}");
    }
    login.succeeds().await;
}

#[tokio::test]
async fn a_web_page_cannot_cancel() {
    let mut login = Login::start().await;
    for header in [
        "Origin: https://evil.example",
        "Origin: null",
        "Origin: http://localhost:3000",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site",
    ] {
        let headers = format!("Host: localhost:{}\r\n{header}\r\n", login.port);
        assert_eq!(ask(login.port, "GET", "/cancel", &headers).await.status, 403, "{header}");
    }
    login.succeeds().await;
}

#[tokio::test]
async fn paths_are_exact() {
    let mut login = Login::start().await;
    let query = login.callback("evil").split_once('?').unwrap().1.to_owned();
    for path in [
        "/",
        "//auth/callback",
        "/auth//callback",
        "/auth/callback/",
        "/auth/callback/..",
        "/auth/../auth/callback",
        "/./auth/callback",
        "/auth/%63allback",
        "/auth%2Fcallback",
        "/auth/callback%00",
        "/AUTH/CALLBACK",
        "/auth/callback;x",
        "/auth",
        "/cancel/",
        "//cancel",
        "/%63ancel",
        "/success/",
        "/favicon.ico",
    ] {
        let answer = login.get(&format!("{path}?{query}")).await;
        assert_eq!((answer.status, &*answer.body), (404, "Not Found"), "{path}");
    }
    // There is nothing to be shown yet.
    assert_eq!(login.get("/success").await.status, 404);
    login.succeeds().await;
}

#[tokio::test]
async fn only_get_and_head_count() {
    let mut login = Login::start().await;
    let host = format!("Host: localhost:{}\r\n", login.port);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "NONSENSE"] {
        for target in [login.callback("evil"), "/cancel".to_owned(), "/success".to_owned()] {
            let answer = ask(login.port, method, &target, &host).await;
            assert_eq!(answer.status, 405, "{method} {target}");
            assert_eq!(answer.header("allow"), Some("GET, HEAD"));
        }
    }
    let head = ask(login.port, "HEAD", "/auth/callback", &host).await;
    assert_eq!((head.status, &*head.body), (400, ""));
    login.succeeds().await;
}

#[tokio::test]
async fn a_request_must_be_small_and_alone() {
    let mut login = Login::start().await;
    let host = format!("Host: localhost:{}\r\n", login.port);
    let long = format!("{}&x={}", login.callback("evil"), "x".repeat(20 * 1024));
    for (target, headers) in [
        (long, host.clone()),
        (login.callback("evil"), format!("{host}X: {}\r\n", "x".repeat(20 * 1024))),
        (login.callback("evil"), format!("{host}{}", "X: x\r\n".repeat(200))),
    ] {
        let mut stream = connect(login.port).await;
        // It may be closed before all of it has been sent, and then the answer may be lost.
        let _ = stream.write_all(format!("GET {target} HTTP/1.1\r\n{headers}\r\n").as_bytes()).await;
        let mut answer = String::new();
        let _ = soon(stream.read_to_string(&mut answer)).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    // What follows the first request is not looked at.
    let mut stream = connect(login.port).await;
    let two = format!("GET / HTTP/1.1\r\n{host}\r\nGET /cancel HTTP/1.1\r\n{host}\r\n");
    stream.write_all(two.as_bytes()).await.unwrap();
    let mut answers = String::new();
    let _ = soon(stream.read_to_string(&mut answers)).await;
    assert!(answers.matches("HTTP/1.1 ").count() <= 1 && !answers.contains("Login cancelled"), "{answers}");
    // Nor is a body.
    let body = format!("{host}Content-Length: 1000000000\r\n");
    assert_eq!(ask(login.port, "GET", "/auth/callback", &body).await.status, 400);
    assert!(login.issuer.is_idle());
    login.succeeds().await;
}

#[tokio::test]
async fn what_is_not_http_is_not_served() {
    let mut login = Login::start().await;
    for bytes in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n"] {
        let mut stream = connect(login.port).await;
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = soon(stream.read_to_end(&mut answer)).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{answer:?}");
    }
    login.succeeds().await;
}

#[tokio::test]
async fn ten_thousand_silent_connections_do_not_keep_the_browser_out() {
    let mut login = Login::start().await;
    // As many are kept open as there are descriptors for on any machine; the server holds fewer.
    let mut open = VecDeque::new();
    for number in 0..10_000 {
        let mut stream = connect(login.port).await;
        if number % 2 == 0 {
            // Some have begun to speak. The server may have dropped them already.
            let _ = stream.write_all(b"GET /auth/callback?").await;
        }
        open.push_back(stream);
        if open.len() > 150 {
            open.pop_front();
        }
    }
    login.succeeds().await;
    assert_eq!(login.get("/success").await.status, 200);
}

#[tokio::test]
async fn a_browser_that_waits_is_not_dropped_for_silent_connections() {
    let mut login = Login::start().await;
    let (target, port) = (login.callback("code"), login.port);
    let browser = tokio::spawn(async move { get(port, &target).await });
    let asked = login.issuer.asked().await;
    let mut open = Vec::new();
    for _ in 0..150 {
        open.push(connect(login.port).await);
    }
    // All of them have been taken when this one is answered.
    assert_eq!(login.get("/").await.status, 404);
    asked.ok(TOKENS).await;
    login.issuer.asked().await.ok(API_KEY).await;
    assert_eq!(soon(browser).await.unwrap().status, 302);
}

#[tokio::test]
async fn a_slow_request_is_dropped() {
    let mut login = Login::start().await;
    let (mut silent, mut slow) = (connect(login.port).await, connect(login.port).await);
    slow.write_all(b"GET /cancel HTTP/1.1\r\nHost: loc").await.unwrap();
    // It is taken before the clock stops.
    assert_eq!(login.get("/").await.status, 404);
    tokio::time::pause();
    for stream in [&mut silent, &mut slow] {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{answer:?}");
    }
    tokio::time::resume();
    login.succeeds().await;
}

#[tokio::test]
async fn nothing_but_the_loopback_address_is_listened_on() {
    let mut login = Login::start().await;
    // A listener on all addresses would take this one.
    assert!(TcpStream::connect(("127.0.0.2", login.port)).await.is_err());
    assert!(TcpStream::connect(("::1", login.port)).await.is_err());
    let answered = page_of_http_1_0(login.port).await;
    assert_eq!(answered, 403);
    login.succeeds().await;
}

/// A request of a version that knows no hosts.
async fn page_of_http_1_0(port: u16) -> u16 {
    let mut stream = connect(port).await;
    stream.write_all(b"GET /cancel HTTP/1.0\r\n\r\n").await.unwrap();
    page(stream).await.status
}
