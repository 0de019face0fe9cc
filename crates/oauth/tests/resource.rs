//! Signing in to a server with an issuer of its own: the way there, the attacks on it, and renewing.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::Duration;

use app_server_http::{HttpClient, Secret};
use app_server_oauth::{
    LoginError, OAuthError, Place, RefreshError, ResourceGrant, ResourceLogin, ResourceLoginOptions,
    ResourceTokens,
};
use app_server_test_support::Reply;
use app_server_test_support::issuer::browser;
use app_server_test_support::mcp::HttpMcpServer;
use pretty_assertions::assert_eq;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The server, which must not be dropped inside a runtime, and a runtime of the test's own.
struct Setting {
    runtime: Runtime,
    server: HttpMcpServer,
    http: HttpClient,
}

const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource/mcp";
const ISSUER_METADATA: &str = "/.well-known/oauth-authorization-server";

fn options(limit: Duration) -> ResourceLoginOptions {
    ResourceLoginOptions { port: 0, client_name: "Tester".to_owned(), scopes: None, limit }
}

impl Setting {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { runtime, server: HttpMcpServer::start(), http: HttpClient::default() }
    }

    fn find(&self) -> Result<Place, OAuthError> {
        self.runtime.block_on(Place::find(&self.http, &self.server.url()))
    }

    fn begin(&self) -> Result<ResourceLogin, LoginError> {
        let place = self.find().unwrap();
        let options = options(Duration::from_secs(60));
        self.runtime.block_on(ResourceLogin::begin(&self.http, place, options, &CancellationToken::new()))
    }

    /// Waits for the end of a login while the test plays the browser.
    fn finish(
        &self,
        login: ResourceLogin,
        browse: impl FnOnce(),
    ) -> Result<(ResourceGrant, ResourceTokens), LoginError> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let accept = async move |grant: ResourceGrant, tokens: ResourceTokens| {
            sender.send((grant, tokens)).map_err(|error| error.to_string())
        };
        let ending = self.runtime.spawn(login.finish(accept, CancellationToken::new()));
        browse();
        self.runtime.block_on(ending).unwrap()?;
        Ok(receiver.recv().unwrap())
    }

    fn signed_in(&self) -> (ResourceGrant, ResourceTokens) {
        let login = self.begin().unwrap();
        let authorization = self.server.authorize(login.authorization_url()).unwrap();
        self.finish(login, || {
            let pages = browser::browse(&authorization.callback()).unwrap();
            assert!(pages.last().unwrap().body.contains("Signed in"));
        })
        .unwrap()
    }

    fn refusal(&self, path: &str, reply: Reply) -> String {
        self.server.script(path, reply);
        match self.find() {
            Err(OAuthError::Refused(words)) => words,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_login_registers_signs_in_and_renews() {
    let setting = Setting::new();
    setting.server.set_lifetime(3600);
    let (grant, tokens) = setting.signed_in();
    assert_eq!(grant.resource, setting.server.url());
    assert!(tokens.expires_at_ms.is_some());
    let asked = &setting.server.requests_to("/register")[0].body;
    assert_eq!(
        (&asked["client_name"], &asked["token_endpoint_auth_method"], &asked["scope"]),
        (&json!("Tester"), &json!("none"), &json!("read"))
    );
    let redirect = asked["redirect_uris"][0].as_str().unwrap();
    assert!(redirect.starts_with("http://127.0.0.1:") && redirect.ends_with("/callback"), "{redirect}");

    let refresh_token = tokens.refresh_token.clone().unwrap();
    let renewed = setting.runtime.block_on(grant.renew(&setting.http, &refresh_token)).unwrap();
    assert!(renewed.access_token != tokens.access_token);
    // The issuer takes each once.
    let again = setting.runtime.block_on(grant.renew(&setting.http, &refresh_token));
    assert!(matches!(again, Err(RefreshError::Permanent { .. })), "{again:?}");
    let down = Reply::text(503, "later");
    setting.server.script("/token", down);
    let later = setting.runtime.block_on(grant.renew(&setting.http, &renewed.refresh_token.unwrap()));
    assert!(matches!(later, Err(RefreshError::Transient { .. })), "{later:?}");
}

#[test]
fn an_answer_with_another_state_changes_nothing() {
    let setting = Setting::new();
    let login = setting.begin().unwrap();
    let authorization = setting.server.authorize(login.authorization_url()).unwrap();
    let at = |query: &str| format!("{}{query}", authorization.redirect_uri);
    let (_, tokens) = setting
        .finish(login, || {
            for query in ["?code=c", "?code=c&state=", "?code=c&state=guess", "?error=access_denied"] {
                assert_eq!(browser::get(&at(query)).unwrap().status, 400, "{query}");
            }
            let twice = format!("?code=c&code=d&state={}", authorization.state);
            assert_eq!(browser::get(&at(&twice)).unwrap().status, 400);
            let port = authorization.port().unwrap();
            let rebound = format!("GET /callback?code=c HTTP/1.1\r\nHost: evil.example:{port}\r\n\r\n");
            assert_eq!(browser::send(port, &rebound).unwrap().status, 403);
            for path in ["/", "/auth/callback", "/callback/", "//callback", "/callback%2f"] {
                assert_eq!(
                    browser::get(&format!("http://127.0.0.1:{port}{path}")).unwrap().status,
                    404,
                    "{path}"
                );
            }
            browser::browse(&authorization.callback()).unwrap();
        })
        .unwrap();
    assert!(tokens.access_token.expose().starts_with("access-"));
    // Nothing but the right code was ever shown to the issuer.
    assert_eq!(setting.server.requests_to("/token").len(), 1);
}

#[test]
fn a_refusal_and_a_slow_user_end_the_login() {
    let setting = Setting::new();
    let login = setting.begin().unwrap();
    let authorization = setting.server.authorize(login.authorization_url()).unwrap();
    let refused = setting.finish(login, || {
        let url = format!("{}?error=access_denied&state={}", authorization.redirect_uri, authorization.state);
        assert!(browser::get(&url).unwrap().body.contains("access_denied"));
    });
    assert_eq!(refused, Err(LoginError::Failed("The issuer refused: access_denied".to_owned())));

    let place = setting.find().unwrap();
    let hurried = options(Duration::from_millis(30));
    let login = setting.runtime.block_on(ResourceLogin::begin(
        &setting.http,
        place,
        hurried,
        &CancellationToken::new(),
    ));
    let login = login.unwrap();
    let callback = setting.server.authorize(login.authorization_url()).unwrap().callback();
    assert_eq!(setting.finish(login, || {}), Err(LoginError::TimedOut));
    // The port is free again, so the slow answer meets nobody.
    assert!(browser::get(&callback).is_err());
    assert!(setting.server.requests_to("/token").is_empty());
}

#[test]
fn metadata_does_not_send_us_elsewhere() {
    let setting = Setting::new();
    let other = HttpMcpServer::start();
    let inside = "http://169.254.169.254/latest";
    let words = "the server names an address that is on this machine or in a private network";
    let resource = |issuer: &str| Reply::json(200, &json!({"authorization_servers": [issuer]}));
    assert_eq!(setting.refusal(RESOURCE_METADATA, resource(inside)), words);
    assert_eq!(setting.refusal(RESOURCE_METADATA, resource("http://10.0.0.1/")), words);
    assert_eq!(
        setting.refusal(RESOURCE_METADATA, resource("file:///etc/passwd")),
        "the server names an address that is neither http nor https"
    );
    // A redirect to another host is not followed, whatever is there.
    let redirect = || Reply::redirect(&format!("{}{ISSUER_METADATA}", other.origin()));
    for path in [RESOURCE_METADATA, ISSUER_METADATA] {
        assert_eq!(
            setting.refusal(path, redirect()),
            "the issuer points to another host, which is not asked"
        );
    }
    let issuer = |name: &str, endpoint: &str| {
        let origin = setting.server.origin();
        let mut metadata = json!({"issuer": origin, "authorization_endpoint": format!("{origin}/authorize"),
                                  "token_endpoint": format!("{origin}/token")});
        metadata[name] = endpoint.into();
        Reply::json(200, &metadata)
    };
    for endpoint in ["authorization_endpoint", "token_endpoint", "registration_endpoint"] {
        assert_eq!(setting.refusal(ISSUER_METADATA, issuer(endpoint, inside)), words, "{endpoint}");
    }
    assert_eq!(
        setting.refusal(ISSUER_METADATA, issuer("issuer", &other.origin())),
        "the server's issuer calls itself by another name"
    );
    let methods = Reply::json(
        200,
        &json!({"authorization_endpoint": "http://127.0.0.1:1/a", "token_endpoint": "http://127.0.0.1:1/t",
                "code_challenge_methods_supported": ["plain"]}),
    );
    assert!(setting.refusal(ISSUER_METADATA, methods).contains("S256"));
    let challenge = format!("Bearer resource_metadata=\"{inside}\"");
    setting.server.challenge_with(&challenge);
    assert_eq!(setting.find().unwrap_err().to_string(), words);
    assert!(other.requests().is_empty());
}

#[test]
fn tokens_do_not_follow_a_redirect() {
    let setting = Setting::new();
    let other = HttpMcpServer::start();
    let (grant, _) = setting.signed_in();
    setting.server.script("/token", Reply::redirect(&format!("{}/token", other.origin())));
    let renewed = setting.runtime.block_on(grant.renew(&setting.http, &Secret::new("refresh")));
    assert!(matches!(renewed, Err(RefreshError::Transient { .. })), "{renewed:?}");
    assert!(other.requests().is_empty());
}

#[test]
fn an_issuer_that_registers_nobody_says_so() {
    let setting = Setting::new();
    setting.server.script("/register", Reply::json(403, &json!({"error_description": "ask us first"})));
    let error = setting.begin().unwrap_err();
    assert_eq!(error.to_string(), "the issuer answered with status 403: ask us first");
}
