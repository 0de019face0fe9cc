//! How the network is reached: proxies and certificates, for the model and for the issuer of accounts alike.

use app_server_test_support::{Answer, BlockingMockModel, TempHome, TestServer};
use pretty_assertions::assert_eq;
use serde_json::json;

use crate::{BINARY, turn_status};

/// A server whose model and issuer have names that nobody can look up.
fn server(home: &TempHome, env: &[(&str, &str)]) -> TestServer {
    home.write_mock_config("http://models.invalid/v1", "").unwrap();
    let issuer = ("CODEX_APP_SERVER_LOGIN_ISSUER", "http://issuer.invalid");
    let env: Vec<(&str, &str)> = env.iter().copied().chain([issuer]).collect();
    let mut server = TestServer::start_in(BINARY, home, &env);
    server.initialize(json!({"experimentalApi": true}));
    server
}

fn run_turn(server: &mut TestServer, home: &TempHome) -> String {
    let thread = server.start_thread(&home.work());
    turn_status(&server.run_turn(&thread, "hi")).to_owned()
}

#[test]
fn a_proxy_is_asked_for_the_model_and_for_the_issuer() {
    let proxy = BlockingMockModel::start_with(|request| match request.path.contains("usercode") {
        true => Answer::json(404, &json!({})),
        false => Answer::message("answer"),
    });
    let address = format!("http://127.0.0.1:{}", proxy.model().port());
    let home = TempHome::new().unwrap();
    let mut server = server(&home, &[("HTTP_PROXY", &address), ("NO_PROXY", "other.invalid")]);
    assert_eq!(run_turn(&mut server, &home), "completed");
    let refused = server.request_error("account/login/start", json!({"type": "chatgptDeviceCode"}));
    assert_eq!(refused["code"], -32600);
    let paths: Vec<String> = proxy.requests_seen(2).into_iter().map(|request| request.path).collect();
    let issuer = "http://issuer.invalid/api/accounts/deviceauth/usercode";
    assert_eq!(paths, ["http://models.invalid/v1/responses", issuer]);
}

#[test]
fn hosts_may_be_left_out_of_the_proxy() {
    let model = BlockingMockModel::start([Answer::message("answer")]);
    let home = TempHome::new().unwrap();
    // Nobody listens at the proxy.
    let mut server = server(&home, &[("HTTP_PROXY", "http://127.0.0.1:9"), ("NO_PROXY", "127.0.0.1")]);
    home.write_mock_config(&model.base_url(), "").unwrap();
    assert_eq!(run_turn(&mut server, &home), "completed");
    assert_eq!(model.requests_seen(1)[0].path, "/v1/responses");
}

#[test]
fn certificates_that_cannot_be_read_are_named() {
    for variable in ["CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"] {
        let home = TempHome::new().unwrap();
        let file = home.base().join("bundle.pem");
        std::fs::write(&file, "no certificate").unwrap();
        let mut server = server(&home, &[(variable, &file.to_string_lossy())]);
        let thread = server.start_thread(&home.work());
        let messages = server.run_turn(&thread, "hi");
        let error = &messages.last().unwrap()["params"]["turn"]["error"]["message"];
        assert!(error.as_str().unwrap().contains("bundle.pem"), "{variable}: {error}");
        let refused = server.request_error("account/login/start", json!({"type": "chatgptDeviceCode"}));
        assert!(refused["message"].as_str().unwrap().contains("bundle.pem"), "{variable}: {refused}");
    }
}
