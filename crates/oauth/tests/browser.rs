//! A login in a browser, from the address to the stored tokens, and every way it can end.

mod common;

use app_server_http::Secret;
use app_server_oauth::{BrowserLogin, LoginError, Tokens};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pretty_assertions::assert_eq;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use common::{API_KEY, Login, Page, TOKENS, client, get, options, param, soon};

/// Sends the browser back with a code; its answer comes when the login is over.
fn come_back(login: &Login) -> tokio::task::JoinHandle<Page> {
    let (target, port) = (login.callback("code-1"), login.port);
    tokio::spawn(async move { get(port, &target).await })
}

#[tokio::test]
async fn a_code_becomes_tokens() {
    let mut login = Login::start().await;
    let redirect_uri = format!("http://localhost:{}/auth/callback", login.port);
    assert!(login.auth_url.starts_with(&format!("{}/oauth/authorize?response_type=code&", login.issuer.url)));
    assert_eq!(param(&login.auth_url, "redirect_uri"), redirect_uri);
    assert_eq!(param(&login.auth_url, "originator"), "tester");

    let browser = come_back(&login);
    let asked = login.issuer.asked().await;
    assert!(asked.head.starts_with("post /oauth/token "), "{}", asked.head);
    assert!(!asked.head.contains("originator") && !asked.head.contains("tester"), "{}", asked.head);
    let verifier = asked.form("code_verifier").unwrap();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
    assert_eq!(challenge, param(&login.auth_url, "code_challenge"));
    assert_eq!(asked.form("code").unwrap(), "code-1");
    assert_eq!(asked.form("redirect_uri").unwrap(), redirect_uri);
    asked.ok(TOKENS).await;
    let asked = login.issuer.asked().await;
    assert_eq!(asked.form("requested_token").unwrap(), "openai-api-key");
    assert_eq!(asked.form("subject_token").unwrap(), "id-1");
    asked.ok(API_KEY).await;

    let answer = soon(browser).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(answer.header("location"), Some(&*format!("http://localhost:{}/success", login.port)));
    assert_eq!(login.end().await, Ok(()));
    let accepted = login.accepted.lock().unwrap().clone();
    assert_eq!(accepted, [("id-1".into(), "access-1".into(), "refresh-1".into(), Some("sk-1".to_owned()))]);

    let page = login.get("/success").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Signed in"), "{}", page.body);
    for (name, value) in [
        ("connection", "close"),
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'unsafe-inline';"), "{policy}");
    login.leaves_the_port().await;
}

#[tokio::test]
async fn an_account_without_an_api_key_is_no_failure() {
    let mut login = Login::start().await;
    let browser = come_back(&login);
    login.issuer.asked().await.ok(TOKENS).await;
    login.issuer.asked().await.answer("403 Forbidden", "", "{}").await;
    assert_eq!(login.end().await, Ok(()));
    assert_eq!(soon(browser).await.unwrap().status, 302);
    assert_eq!(login.accepted.lock().unwrap()[0].3, None);
}

#[tokio::test]
async fn a_refusal_ends_the_login_and_is_shown() {
    for (query, reason, shown) in [
        (
            "error=access_denied&error_description=%3Cb%3ENo%3C/b%3E",
            "The issuer refused: <b>No</b>",
            "The issuer refused: &lt;b&gt;No&lt;/b&gt;",
        ),
        (
            "code=",
            "The issuer did not send an authorization code",
            "The issuer did not send an authorization code",
        ),
    ] {
        let mut login = Login::start().await;
        let page = login.get(&format!("/auth/callback?state={}&{query}", login.state())).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        assert!(page.body.contains(shown), "{}", page.body);
        assert!(!page.body.contains("<b>"), "{}", page.body);
        assert_eq!(login.end().await, Err(LoginError::Failed(reason.to_owned())));
        assert!(login.issuer.is_idle() && login.accepted.lock().unwrap().is_empty());
        login.leaves_the_port().await;
    }
}

#[tokio::test]
async fn an_exchange_that_fails_ends_the_login() {
    for (status, body) in [
        ("400 Bad Request", r#"{"error":"invalid_grant"}"#),
        ("200 OK", r#"{"id_token":"id-1","access_token":"access-1"}"#),
        ("200 OK", "<html>"),
    ] {
        let mut login = Login::start().await;
        let browser = come_back(&login);
        login.issuer.asked().await.answer(status, "", body).await;
        let Err(LoginError::Failed(reason)) = login.end().await else { panic!("{status} {body}") };
        let page = soon(browser).await.unwrap();
        assert_eq!(page.status, 200);
        assert!(page.body.contains("Sign-in failed"), "{}", page.body);
        assert!(!reason.contains("id-1") && !page.body.contains("id-1"), "{reason}");
        assert!(login.accepted.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_code_is_not_taken_to_another_host() {
    let mut login = Login::start().await;
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let location = format!("location: http://{}/oauth/token\r\n", elsewhere.local_addr().unwrap());
    let browser = come_back(&login);
    login.issuer.asked().await.answer("307 Temporary Redirect", &location, "").await;
    let Err(LoginError::Failed(reason)) = login.end().await else { panic!() };
    assert!(reason.contains("another host"), "{reason}");
    assert_eq!(soon(browser).await.unwrap().status, 200);
    assert_eq!(elsewhere.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn tokens_that_are_not_accepted_end_the_login() {
    let mut login = Login::start_with(|| Err("the workspace is <not> allowed".to_owned())).await;
    let browser = come_back(&login);
    login.issuer.asked().await.ok(TOKENS).await;
    login.issuer.asked().await.ok(API_KEY).await;
    assert_eq!(login.end().await, Err(LoginError::Failed("the workspace is <not> allowed".to_owned())));
    let page = soon(browser).await.unwrap();
    assert_eq!(page.status, 200);
    assert!(page.body.contains("the workspace is &lt;not&gt; allowed"), "{}", page.body);
    login.leaves_the_port().await;
}

#[tokio::test]
async fn a_browser_that_does_not_wait_does_not_end_the_login() {
    let mut login = Login::start().await;
    let browser = come_back(&login);
    let asked = login.issuer.asked().await;
    browser.abort();
    assert!(browser.await.unwrap_err().is_cancelled());
    asked.ok(TOKENS).await;
    login.issuer.asked().await.ok(API_KEY).await;
    assert_eq!(login.end().await, Ok(()));
    assert_eq!(login.get("/success").await.status, 200);
}

#[tokio::test]
async fn the_caller_cancels() {
    let mut login = Login::start().await;
    login.cancel.cancel();
    assert_eq!(login.end().await, Err(LoginError::Cancelled));
    login.leaves_the_port().await;

    let mut login = Login::start().await;
    let browser = come_back(&login);
    let _asked = login.issuer.asked().await;
    login.cancel.cancel();
    assert_eq!(login.end().await, Err(LoginError::Cancelled));
    let page = soon(browser).await.unwrap();
    assert!(page.body.contains("Login was not completed"), "{}", page.body);
    assert!(login.accepted.lock().unwrap().is_empty());
    login.leaves_the_port().await;
}

#[tokio::test]
async fn another_program_cancels() {
    let mut login = Login::start().await;
    let answer = login.get("/cancel").await;
    assert_eq!((answer.status, &*answer.body), (200, "Login cancelled"));
    assert_eq!(login.end().await, Err(LoginError::CancelledByRequest));
    login.leaves_the_port().await;

    let mut login = Login::start().await;
    let browser = come_back(&login);
    let asked = login.issuer.asked().await;
    assert_eq!(login.get("/cancel").await.status, 200);
    assert_eq!(login.end().await, Err(LoginError::CancelledByRequest));
    assert!(soon(browser).await.unwrap().body.contains("Login cancelled"));
    asked.ok(TOKENS).await;
    assert!(login.accepted.lock().unwrap().is_empty());
    login.leaves_the_port().await;
}

#[tokio::test]
async fn the_last_page_is_given_up_when_the_caller_cancels_or_the_port_is_wanted() {
    let mut login = Login::start().await;
    login.succeeds().await;
    login.cancel.cancel();
    login.leaves_the_port().await;

    let mut login = Login::start().await;
    login.succeeds().await;
    assert_eq!(login.get("/cancel").await.status, 200);
    login.leaves_the_port().await;
}

#[tokio::test]
async fn nothing_is_made_of_tokens_that_may_not_be_used() {
    let mut issuer = common::ScriptedIssuer::start().await;
    let cancel = CancellationToken::new();
    let login = BrowserLogin::bind(&client(&issuer.url), options(&[0]), &cancel).await.unwrap();
    let state = param(login.auth_url(), "state");
    let redirect = param(login.auth_url(), "redirect_uri");
    let port = reqwest::Url::parse(&redirect).unwrap().port().unwrap();
    let browser =
        tokio::spawn(async move { get(port, &format!("/auth/callback?code=c&state={state}")).await });
    let accept = async |_: Tokens, _: Option<Secret>| -> Result<(), String> { panic!("they are not stored") };
    let end = tokio::spawn(login.finish(|_| Err("not this workspace".to_owned()), accept, cancel));
    issuer.asked().await.ok(TOKENS).await;
    assert_eq!(soon(end).await.unwrap(), Err(LoginError::Failed("not this workspace".to_owned())));
    assert!(soon(browser).await.unwrap().body.contains("not this workspace"));
}

#[tokio::test]
async fn storing_tokens_is_not_interrupted() {
    let mut issuer = common::ScriptedIssuer::start().await;
    let cancel = CancellationToken::new();
    let login = BrowserLogin::bind(&client(&issuer.url), options(&[0]), &cancel).await.unwrap();
    let state = param(login.auth_url(), "state");
    let redirect = param(login.auth_url(), "redirect_uri");
    let port = reqwest::Url::parse(&redirect).unwrap().port().unwrap();
    let browser =
        tokio::spawn(async move { get(port, &format!("/auth/callback?code=c&state={state}")).await });
    let stop = cancel.clone();
    let accept = async move |_: Tokens, _: Option<Secret>| {
        assert_eq!(get(port, "/cancel").await.status, 200);
        stop.cancel();
        tokio::task::yield_now().await;
        Ok(())
    };
    let end = tokio::spawn(login.finish(|_| Ok(()), accept, cancel));
    issuer.asked().await.ok(TOKENS).await;
    issuer.asked().await.ok(API_KEY).await;
    assert_eq!(soon(end).await.unwrap(), Ok(()));
    assert_eq!(soon(browser).await.unwrap().status, 302);
}

#[tokio::test(start_paused = true)]
async fn a_user_who_does_not_come_is_not_waited_for_any_longer() {
    let started = tokio::time::Instant::now();
    let login = Login::start().await;
    assert_eq!(login.end.await.unwrap(), Err(LoginError::TimedOut));
    assert_eq!(started.elapsed().as_secs(), 600);
}

#[tokio::test]
async fn the_last_page_is_served_for_a_few_seconds() {
    let mut login = Login::start().await;
    login.succeeds().await;
    tokio::time::pause();
    while TcpStream::connect(("127.0.0.1", login.port)).await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_login_that_is_dropped_frees_the_port() {
    let client = client("http://127.0.0.1:9");
    let login = BrowserLogin::bind(&client, options(&[0]), &CancellationToken::new()).await.unwrap();
    let port = reqwest::Url::parse(&param(login.auth_url(), "redirect_uri")).unwrap().port().unwrap();
    let shown = format!("{login:?}");
    assert!(!shown.contains(&param(login.auth_url(), "state")), "{shown}");
    drop(login);
    TcpListener::bind(("127.0.0.1", port)).await.unwrap();
}
