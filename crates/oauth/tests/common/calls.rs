//! What the tests of calls to the issuer share.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use app_server_http::HttpClient;
use app_server_oauth::{Issuer, IssuerOverrides, OAuthClient};
use app_server_test_support::model::MockModel;

/// A client of the scripted issuer.
pub(crate) fn client(server: &MockModel) -> OAuthClient {
    let issuer = Issuer::new(IssuerOverrides {
        issuer: Some(format!("http://127.0.0.1:{}", server.port())),
        client_id: Some("client-1".to_owned()),
        ..IssuerOverrides::default()
    });
    OAuthClient::new(HttpClient::default(), issuer.unwrap(), "tests".to_owned(), "tests/1.0".to_owned())
}
