//! The issuer as its clients see it.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use super::*;

/// The verifier of RFC 7636, appendix B, and its challenge.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http://localhost:1/auth/callback";

fn post(issuer: &ScriptedIssuer, path: &str, body: &str) -> Page {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\ncontent-length: {length}\r\n\r\n");
    let mut socket = TcpStream::connect(issuer.address).unwrap();
    socket.write_all((head + body).as_bytes()).unwrap();
    // The server keeps the connection unless the client is done with it.
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    browser::read_page(&mut socket).unwrap()
}

fn body(page: &Page) -> Value {
    serde_json::from_str(&page.body).unwrap()
}

fn grant(issuer: &ScriptedIssuer) -> Authorization {
    let query = format!(
        "response_type=code&client_id=me&redirect_uri={}&code_challenge={CHALLENGE}&code_challenge_method=S256&state={}",
        form::encode(REDIRECT),
        "s".repeat(43),
    );
    issuer.authorize(&format!("{}/oauth/authorize?{query}", issuer.url())).unwrap()
}

fn exchange(issuer: &ScriptedIssuer, code: &str, verifier: &str, redirect_uri: &str) -> Page {
    let redirect_uri = form::encode(redirect_uri);
    let form = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={redirect_uri}&client_id=me&code_verifier={verifier}"
    );
    post(issuer, "/oauth/token", &form)
}

#[test]
fn a_code_is_good_once_with_its_verifier_and_address() {
    let issuer = ScriptedIssuer::start();
    let granted = grant(&issuer);
    assert_eq!(granted.port().unwrap(), 1);
    assert_eq!(granted.callback(), format!("{REDIRECT}?code={}&state={}", granted.code, granted.state));
    let answer = exchange(&issuer, &granted.code, VERIFIER, REDIRECT);
    assert_eq!(answer.status, 200);
    let id_token = body(&answer)["id_token"].as_str().unwrap().to_owned();
    assert_eq!(exchange(&issuer, &granted.code, VERIFIER, REDIRECT).status, 400);
    assert_eq!(exchange(&issuer, &grant(&issuer).code, "another", REDIRECT).status, 400);
    assert_eq!(exchange(&issuer, &grant(&issuer).code, VERIFIER, "http://localhost:2/").status, 400);

    let exchange_for_key = |subject: &str| {
        let form = format!(
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token={subject}"
        );
        post(&issuer, "/oauth/token", &form)
    };
    assert_eq!(exchange_for_key("x").status, 400);
    let key = body(&exchange_for_key(&id_token));
    assert!(key["access_token"].as_str().unwrap().starts_with("sk-"));
    assert!(issuer.secrets().contains(&id_token) && issuer.secrets().contains(&granted.code));
    assert_eq!(issuer.requests_to(Endpoint::CodeExchange).len(), 4);
    assert_eq!(issuer.wait_requests(Endpoint::KeyExchange, 2).len(), 2);
}

#[test]
fn what_an_authorization_must_hold() {
    let issuer = ScriptedIssuer::start();
    let good = "response_type=code&client_id=c&redirect_uri=u&code_challenge_method=S256";
    let challenge = format!("code_challenge={CHALLENGE}");
    let state = format!("state={}", "s".repeat(43));
    let check = |query: &str| issuer.authorize(&format!("{}/oauth/authorize?{query}", issuer.url())).is_ok();
    assert!(check(&format!("{good}&{challenge}&{state}")));
    assert!(!check(&format!("{good}&{challenge}")));
    assert!(!check(&format!("{good}&{state}")));
    assert!(!check(&format!("{good}&{challenge}&state=short")));
    assert!(!check(&format!("{}&{challenge}&{state}", good.replace("S256", "plain"))));
    assert!(issuer.authorize("https://elsewhere/oauth/authorize?").is_err());
}

#[test]
fn a_refresh_token_is_good_once() {
    let issuer = ScriptedIssuer::start();
    let refresh = |token: &str| {
        post(
            &issuer,
            "/oauth/token",
            &json!({"grant_type": "refresh_token", "refresh_token": token}).to_string(),
        )
    };
    let first = issuer.issue(&Person::default(), None);
    let answer = refresh(&first.refresh_token);
    assert_eq!(answer.status, 200);
    let second = body(&answer)["refresh_token"].as_str().unwrap().to_owned();
    let again = refresh(&first.refresh_token);
    assert_eq!((again.status, &body(&again)["error"]["code"]), (401, &json!("refresh_token_reused")));

    let third = issuer.refresh_elsewhere(&second).unwrap();
    assert!(issuer.refresh_elsewhere(&second).is_err());
    assert_eq!(body(&refresh(&second))["error"]["code"], "refresh_token_reused");
    assert_eq!(
        post(&issuer, "/oauth/revoke", &json!({"token": third.refresh_token}).to_string()).status,
        200
    );
    assert_eq!(body(&refresh(&third.refresh_token))["error"]["code"], "refresh_token_invalidated");
    assert_eq!(body(&refresh("never given"))["error"]["code"], "refresh_token_invalidated");
    assert_eq!(issuer.requests_to(Endpoint::Refresh).len(), 5);
}

#[test]
fn a_device_waits_for_its_approval() {
    let issuer = ScriptedIssuer::start();
    let device = body(&post(&issuer, "/api/accounts/deviceauth/usercode", r#"{"client_id":"me"}"#));
    let ask =
        json!({"device_auth_id": device["device_auth_id"], "user_code": device["user_code"]}).to_string();
    assert_eq!(post(&issuer, "/api/accounts/deviceauth/token", &ask).status, 403);
    assert_eq!(post(&issuer, "/api/accounts/deviceauth/token", r#"{"device_auth_id":"x"}"#).status, 400);
    issuer.sign_in_as(Person::default().of_workspace("acct-2").on_plan("team"));
    issuer.approve_devices();
    let granted = body(&post(&issuer, "/api/accounts/deviceauth/token", &ask));
    let text = |name: &str| granted[name].as_str().unwrap().to_owned();
    let redirect_uri = format!("{}/deviceauth/callback", issuer.url());
    let answer = exchange(&issuer, &text("authorization_code"), &text("code_verifier"), &redirect_uri);
    assert_eq!(answer.status, 200);
}

#[test]
fn usage_is_told_to_who_has_a_token() {
    let issuer = ScriptedIssuer::start();
    let token = issuer.issue(&Person::default(), None).access_token;
    issuer.set_usage(json!({"plan_type": "plus"}));
    let port = issuer.address.port();
    let ask = |path: &str, token: &str| {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket
            .write_all(format!("GET {path} HTTP/1.1\r\nauthorization: Bearer {token}\r\n\r\n").as_bytes())
            .unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        browser::read_page(&mut socket).unwrap()
    };
    assert_eq!(body(&ask("/backend-api/wham/usage", &token)), json!({"plan_type": "plus"}));
    assert_eq!(ask("/api/codex/usage?x=1", &token).status, 200);
    assert_eq!(ask("/api/codex/usage", "another").status, 401);
    assert_eq!(ask("/backend-api/other", &token).status, 404);
}

#[test]
fn answers_are_scripted_and_held_back() {
    let issuer = ScriptedIssuer::start();
    let gate = Gate::new();
    let tokens = issuer.issue(&Person::default(), None);
    let request = json!({"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}).to_string();
    issuer.script(Endpoint::Refresh, Reply::text(500, "broken"));
    issuer.script(Endpoint::Refresh, Reply::redirect("http://127.0.0.1:9/"));
    issuer.refuse(Endpoint::Refresh, 400, "refresh_token_expired");
    issuer.script(Endpoint::Refresh, Reply::hang_up());
    issuer.script(Endpoint::Refresh, Reply::usual().gate(&gate));

    let ask = || post(&issuer, "/oauth/token", &request);
    assert_eq!((ask().status, ask().header("location")), (500, Some("http://127.0.0.1:9/")));
    assert_eq!(body(&ask())["error"]["code"], "refresh_token_expired");
    let mut socket = TcpStream::connect(issuer.address).unwrap();
    socket
        .write_all(
            format!("POST /oauth/token HTTP/1.1\r\ncontent-length: {}\r\n\r\n{request}", request.len())
                .as_bytes(),
        )
        .unwrap();
    assert_eq!(socket.read(&mut [0]).unwrap(), 0);

    std::thread::scope(|scope| {
        let held_back = scope.spawn(ask);
        issuer.gate_reached(&gate);
        // The token is used up as soon as the request was read.
        assert!(issuer.refresh_elsewhere(&tokens.refresh_token).is_err());
        gate.open();
        assert_eq!(held_back.join().unwrap().status, 200);
    });
}

#[test]
fn a_browser_follows_redirects_on_this_machine_only() {
    let issuer = ScriptedIssuer::start();
    issuer.script(Endpoint::Other, Reply::redirect(&format!("{}/second", issuer.url())));
    issuer.script(Endpoint::Other, Reply::text(200, "here"));
    let pages = browser::browse(&format!("{}/first", issuer.url())).unwrap();
    let seen: Vec<_> = pages.iter().map(|page| (page.status, page.body.as_str())).collect();
    assert_eq!(seen, [(307, ""), (200, "here")]);
    assert_eq!(issuer.requests_to(Endpoint::Other)[1].path, "/second");
    assert!(browser::get("http://example.com:80/").is_err());
    assert!(browser::get("https://127.0.0.1:80/").is_err());
    assert!(browser::get("http://127.0.0.1/").is_err());
}
