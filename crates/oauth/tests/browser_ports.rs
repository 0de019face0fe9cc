//! Ports that others have.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::net::Ipv4Addr;

use app_server_oauth::{BrowserLogin, LoginError};
use pretty_assertions::assert_eq;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use common::{Login, client, options, param};

/// A program that has a port, counts who asks for it, and answers nobody.
async fn occupant() -> (u16, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut words = String::new();
        stream.read_to_string(&mut words).await.unwrap();
        // It stays, and whoever asks again is not heard.
        let (again, _) = listener.accept().await.unwrap();
        drop(again);
        words
    });
    (port, asked)
}

async fn bind(ports: &[u16]) -> Result<BrowserLogin, LoginError> {
    BrowserLogin::bind(&client("http://127.0.0.1:9"), options(ports), &CancellationToken::new()).await
}

fn port_of(login: &BrowserLogin) -> u16 {
    reqwest::Url::parse(&param(login.auth_url(), "redirect_uri")).unwrap().port().unwrap()
}

#[tokio::test]
async fn a_login_gives_way_to_another_one() {
    let mut first = Login::start().await;
    let second = bind(&[first.port]).await.unwrap();
    assert_eq!(first.end().await, Err(LoginError::CancelledByRequest));
    assert_eq!(port_of(&second), first.port);
}

#[tokio::test]
async fn a_login_whose_last_page_is_pending_gives_way() {
    let mut first = Login::start().await;
    first.succeeds().await;
    assert_eq!(port_of(&bind(&[first.port]).await.unwrap()), first.port);
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_kept_is_passed_over() {
    let ((busy, _first), (free, second)) = (occupant().await, occupant().await);
    second.abort();
    assert!(second.await.unwrap_err().is_cancelled());
    let login = bind(&[busy, free]).await.unwrap();
    assert_eq!(port_of(&login), free);
    assert!(login.auth_url().contains(&format!("redirect_uri=http%3A%2F%2Flocalhost%3A{free}%2F")));
}

#[tokio::test(start_paused = true)]
async fn ports_that_are_kept_are_named_and_were_asked_for_once() {
    let ((one, first), (two, second)) = (occupant().await, occupant().await);
    let error = bind(&[one, two]).await.unwrap_err();
    assert_eq!(error, LoginError::PortsBusy(vec![one, two]));
    let shown = error.to_string();
    assert!(shown.contains(&one.to_string()) && shown.contains(&two.to_string()), "{shown}");
    for (port, asked) in [(one, first), (two, second)] {
        // Had it been asked twice, it would have ended.
        assert!(!asked.is_finished());
        tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let words = asked.await.unwrap();
        assert!(words.starts_with("GET /cancel HTTP/1.1\r\n"), "{words}");
        assert!(words.contains(&format!("\r\nHost: localhost:{port}\r\n")), "{words}");
    }
}

#[tokio::test]
async fn waiting_for_a_port_ends_when_the_caller_cancels() {
    let (port, _occupant) = occupant().await;
    let cancel = CancellationToken::new();
    let client = client("http://127.0.0.1:9");
    let bind = BrowserLogin::bind(&client, options(&[port]), &cancel);
    let (end, ()) = tokio::join!(bind, async { cancel.cancel() });
    assert_eq!(end.unwrap_err(), LoginError::Cancelled);
}
