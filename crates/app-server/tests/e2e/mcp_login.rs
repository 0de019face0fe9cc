//! Signing in to servers of the Model Context Protocol: the way there and back, what is stored, renewing, and who must not
//! come between.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use app_server_test_support::issuer::browser;
use app_server_test_support::mcp::{HttpMcpServer, stdio_server};
use app_server_test_support::{Reply, TestServer};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::Scene;
use crate::mcp::settled;

/// A server that wants a sign-in, and a home that knows it.
struct Guarded {
    scene: Scene,
    remote: HttpMcpServer,
}

impl Guarded {
    fn new() -> Self {
        let remote = HttpMcpServer::start();
        remote.require_sign_in();
        let scene = Scene::talkative();
        let tables = format!(
            "mcp_oauth_credentials_store = \"file\"\n[mcp_servers.remote]\nurl = \"{}\"\n\
             [mcp_servers.local]\nenabled = false\ncommand = \"python3\"\nargs = [{:?}]\n",
            remote.url(),
            stdio_server()
        );
        scene.home.write_mock_config(&scene.model.base_url(), &tables).unwrap();
        Self { scene, remote }
    }

    fn login(&self, server: &mut TestServer, thread: Option<&str>) -> Value {
        server.request("mcpServer/oauth/login", json!({"name": "remote", "threadId": thread}))
    }

    /// Signs in, and returns what the client was told at the end.
    fn sign_in(&self, server: &mut TestServer, thread: Option<&str>) -> Value {
        let login = self.login(server, thread);
        let authorization = self.remote.authorize(login["authorizationUrl"].as_str().unwrap()).unwrap();
        let pages = browser::browse(&authorization.callback()).unwrap();
        assert!(pages.last().unwrap().body.contains("Signed in"));
        let completed = server.take("mcpServer/oauthLogin/completed")["params"].clone();
        assert_eq!(completed["loginId"], login["loginId"]);
        completed
    }

    fn status(server: &mut TestServer, thread: &str) -> Value {
        let params = json!({"threadId": thread, "serverName": "remote"});
        server.request("mcpServerStatus/list", params)["data"][0].clone()
    }

    fn call(server: &mut TestServer, thread: &str) -> Value {
        let arguments = json!({"text": "hi"});
        let params = json!({"threadId": thread, "server": "remote", "tool": "echo", "arguments": arguments});
        server.request("mcpServer/tool/call", params)
    }

    fn stored(&self) -> Value {
        let text = fs::read_to_string(self.scene.home.home().join(".credentials.json")).unwrap();
        let entries: Value = serde_json::from_str(&text).unwrap();
        entries.as_object().unwrap().values().next().unwrap().clone()
    }
}

#[test]
fn a_sign_in_connects_the_server_and_lasts() {
    let guarded = Guarded::new();
    let mut server = guarded.scene.server();
    let thread = guarded.scene.start_thread(&mut server);
    let told = settled(&mut server, &thread, "remote");
    assert_eq!(
        (&told["status"], &told["failureReason"]),
        (&json!("failed"), &json!("reauthenticationRequired"))
    );
    let status = Guarded::status(&mut server, &thread);
    assert_eq!(
        (&status["authStatus"], &status["runtimeStatus"]),
        (&json!("notLoggedIn"), &json!("authenticationRequired"))
    );

    let completed = guarded.sign_in(&mut server, Some(&thread));
    assert_eq!(
        (&completed["name"], &completed["success"], &completed["error"], &completed["threadId"]),
        (&json!("remote"), &json!(true), &Value::Null, &json!(thread))
    );
    assert_eq!(settled(&mut server, &thread, "remote")["status"], "ready");
    let status = Guarded::status(&mut server, &thread);
    assert_eq!((&status["authStatus"], &status["runtimeStatus"]), (&json!("oAuth"), &json!("connected")));
    assert_eq!(Guarded::call(&mut server, &thread)["content"][0]["text"], "echo: hi");
    server.take_rest();

    let path = guarded.scene.home.home().join(".credentials.json");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let stored = guarded.stored();
    assert_eq!(
        (&stored["server_name"], &stored["server_url"]),
        (&json!("remote"), &json!(guarded.remote.url()))
    );
    for secret in ["access_token", "refresh_token"] {
        assert!(!server.connection().stderr().contains(stored[secret].as_str().unwrap()), "{secret}");
    }
    let stderr = server.connection().stderr();
    assert!(!stderr.contains("ERROR"), "{stderr}");
    server.close();

    // The next session needs no sign-in.
    let mut server = guarded.scene.server();
    let thread = guarded.scene.start_thread(&mut server);
    assert_eq!(settled(&mut server, &thread, "remote")["status"], "ready");
    server.take_rest();
}

#[test]
fn tokens_are_renewed_when_they_end_or_are_refused() {
    let guarded = Guarded::new();
    // It ends within the time in which tokens are renewed before they are used.
    guarded.remote.set_lifetime(30);
    let mut server = guarded.scene.server();
    let thread = guarded.scene.start_thread(&mut server);
    settled(&mut server, &thread, "remote");
    guarded.sign_in(&mut server, None);
    assert_eq!(settled(&mut server, &thread, "remote")["status"], "ready");
    let first = guarded.stored();
    guarded.remote.set_lifetime(3600);
    Guarded::call(&mut server, &thread);
    let second = guarded.stored();
    assert_ne!(first["access_token"], second["access_token"]);

    guarded.remote.expire_tokens();
    assert_eq!(Guarded::call(&mut server, &thread)["content"][0]["text"], "echo: hi");
    assert_ne!(guarded.stored()["access_token"], second["access_token"]);

    guarded.remote.expire_tokens();
    guarded.remote.refuse_refresh();
    let arguments = json!({"text": "hi"});
    let params = json!({"threadId": thread, "server": "remote", "tool": "echo", "arguments": arguments});
    let error = server.request_error("mcpServer/tool/call", params);
    assert!(error["message"].as_str().unwrap().contains("sign-in"), "{error}");
    server.take_rest();
}

#[test]
fn what_cannot_be_signed_in_to_is_refused() {
    let guarded = Guarded::new();
    let mut server = guarded.scene.server();
    for (name, words) in [
        ("local", "OAuth login is only supported for streamable HTTP servers."),
        ("nope", "No MCP server named 'nope' found."),
    ] {
        let error = server.request_error("mcpServer/oauth/login", json!({"name": name}));
        assert_eq!((&error["code"], &error["message"]), (&json!(-32600), &json!(words)));
    }
    let error = server.request_error("mcpServer/oauth/login", json!({"name": "remote", "timeoutSecs": 0}));
    assert_eq!(error["message"], "timeoutSecs must be positive, got 0");
    let inside = json!({"authorization_servers": ["http://169.254.169.254/"]});
    guarded.remote.script("/.well-known/oauth-protected-resource/mcp", Reply::json(200, &inside));
    let error = server.request_error("mcpServer/oauth/login", json!({"name": "remote"}));
    assert_eq!(
        error["message"],
        "failed to login to MCP server 'remote': the server names an address that is on this machine or in a \
         private network"
    );
}

#[test]
fn strangers_do_not_end_a_login_and_a_second_one_does() {
    let guarded = Guarded::new();
    let mut server = guarded.scene.server();
    let first = guarded.login(&mut server, None);
    let authorization = guarded.remote.authorize(first["authorizationUrl"].as_str().unwrap()).unwrap();
    let guessed = format!("{}?code=c&state=guessed", authorization.redirect_uri);
    assert_eq!(browser::get(&guessed).unwrap().status, 400);
    let second = guarded.login(&mut server, None);
    let ended = server.take("mcpServer/oauthLogin/completed")["params"].clone();
    assert_eq!(
        (&ended["loginId"], &ended["success"], &ended["error"]),
        (&first["loginId"], &json!(false), &json!("Login was not completed"))
    );
    let authorization = guarded.remote.authorize(second["authorizationUrl"].as_str().unwrap()).unwrap();
    browser::browse(&authorization.callback()).unwrap();
    let completed = server.take("mcpServer/oauthLogin/completed");
    assert_eq!(
        (&completed["params"]["loginId"], &completed["params"]["success"]),
        (&second["loginId"], &json!(true))
    );
}

#[test]
fn a_slow_user_and_the_end_of_the_session_end_a_login() {
    let guarded = Guarded::new();
    let mut server = guarded.scene.server();
    server.request("mcpServer/oauth/login", json!({"name": "remote", "timeoutSecs": 1}));
    let ended = server.take("mcpServer/oauthLogin/completed");
    assert_eq!(
        (&ended["params"]["success"], &ended["params"]["error"]),
        (&json!(false), &json!("Login timed out"))
    );
    guarded.login(&mut server, None);
    let rest = server.close();
    assert_eq!(
        rest.last().map(|message| &message["params"]["error"]),
        Some(&json!("Login was not completed"))
    );
}
