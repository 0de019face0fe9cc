//! The address the user signs in at.

use app_server_http::percent_encoded;

/// What the tokens may be used for.
const SCOPE: &str = "openid profile email offline_access";

/// What is said to the issuer in that address.
pub(super) struct Authorize<'a> {
    /// The issuer's URL, without a slash at its end.
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) redirect_uri: &'a str,
    pub(super) challenge: &'a str,
    pub(super) state: &'a str,
    pub(super) originator: &'a str,
    /// The workspaces the user may choose from; none means any.
    pub(super) workspaces: &'a [String],
}

impl Authorize<'_> {
    /// Returns the address, its parameters in the usual order (auth specification 7.2).
    pub(super) fn url(&self) -> String {
        let workspaces = self.workspaces.join(",");
        let mut params = vec![
            ("response_type", "code"),
            ("client_id", self.client_id),
            ("redirect_uri", self.redirect_uri),
            ("scope", SCOPE),
            ("code_challenge", self.challenge),
            ("code_challenge_method", "S256"),
            ("id_token_add_organizations", "true"),
            ("codex_cli_simplified_flow", "true"),
            ("state", self.state),
            ("originator", self.originator),
        ];
        if !workspaces.is_empty() {
            params.push(("allowed_workspace_id", &workspaces));
        }
        let params: Vec<_> =
            params.into_iter().map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
        format!("{}/oauth/authorize?{}", self.issuer, params.join("&"))
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn authorize(workspaces: &[String]) -> String {
        let authorize = Authorize {
            issuer: "https://issuer.example",
            client_id: "app_1",
            redirect_uri: "http://localhost:1455/auth/callback",
            challenge: "challenge-_",
            state: "state-_",
            originator: "my client/ä&x=1",
            workspaces,
        };
        authorize.url().replace('&', "\n&")
    }

    #[test]
    fn parameters_are_in_order_and_encoded() {
        expect![[r#"
            https://issuer.example/oauth/authorize?response_type=code
            &client_id=app_1
            &redirect_uri=http%3A%2F%2Flocalhost%3A1455%2Fauth%2Fcallback
            &scope=openid%20profile%20email%20offline_access
            &code_challenge=challenge-_
            &code_challenge_method=S256
            &id_token_add_organizations=true
            &codex_cli_simplified_flow=true
            &state=state-_
            &originator=my%20client%2F%C3%A4%26x%3D1"#]]
        .assert_eq(&authorize(&[]));
    }

    #[test]
    fn workspaces_are_named_last() {
        let url = authorize(&["ws-1".to_owned(), "ws 2".to_owned()]);
        assert!(url.ends_with("\n&allowed_workspace_id=ws-1%2Cws%202"), "{url}");
    }
}
