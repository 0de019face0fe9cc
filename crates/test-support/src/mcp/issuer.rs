//! Whoever signs users in to the server over HTTP: metadata, registration of clients, codes and tokens.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::issuer::{Authorization, Reply, form};
use crate::model::RecordedRequest;

/// What the issuer has given.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    given: usize,
    clients: Vec<String>,
    /// By code: the client, where it is sent, and its challenge.
    codes: BTreeMap<String, (String, String, String)>,
    pub(super) access_tokens: Vec<String>,
    refresh_tokens: Vec<String>,
    pub(super) lifetime: Option<u64>,
    pub(super) refuses_refresh: bool,
}

impl Ledger {
    fn next(&mut self, what: &str) -> String {
        self.given += 1;
        format!("{what}-{:04}-{}", self.given, "z9".repeat(12))
    }

    /// Answers what is not the protocol's.
    pub(super) fn answer(&mut self, origin: &str, request: &RecordedRequest) -> Reply {
        let path = request.path.split('?').next().unwrap_or_default();
        match (request.method.as_str(), path) {
            ("GET", "/.well-known/oauth-protected-resource/mcp") => Reply::json(
                200,
                &json!({"resource": format!("{origin}/mcp"), "authorization_servers": [origin],
                        "scopes_supported": ["read"]}),
            ),
            ("GET", "/.well-known/oauth-authorization-server") => Reply::json(
                200,
                &json!({
                    "issuer": origin,
                    "authorization_endpoint": format!("{origin}/authorize"),
                    "token_endpoint": format!("{origin}/token"),
                    "registration_endpoint": format!("{origin}/register"),
                    "response_types_supported": ["code"],
                    "code_challenge_methods_supported": ["S256"],
                }),
            ),
            ("POST", "/register") => {
                let client = self.next("client");
                self.clients.push(client.clone());
                Reply::json(
                    201,
                    &json!({"client_id": client, "redirect_uris": request.body["redirect_uris"]}),
                )
            }
            ("POST", "/token") => match self.tokens(&request.body) {
                Ok(tokens) => Reply::json(200, &tokens),
                Err(_) => Reply::json(400, &json!({"error": "invalid_grant"})),
            },
            _ => Reply::text(404, "not here"),
        }
    }

    fn tokens(&mut self, body: &Value) -> anyhow::Result<Value> {
        let form = form::pairs(body.as_str().context("no form")?);
        let get = |name: &str| form::value(&form, name).with_context(|| format!("{name} is missing"));
        match get("grant_type")? {
            "authorization_code" => {
                let (client, redirect_uri, challenge) =
                    self.codes.remove(get("code")?).context("unknown code")?;
                ensure!(client == get("client_id")? && redirect_uri == get("redirect_uri")?);
                let hash = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(get("code_verifier")?));
                ensure!(hash == challenge, "the verifier is another one");
                ensure!(get("resource")?.ends_with("/mcp"));
            }
            "refresh_token" => {
                let token = get("refresh_token")?;
                let known = self.refresh_tokens.iter().position(|known| known == token);
                self.refresh_tokens.remove(known.context("unknown token")?);
                ensure!(
                    !self.refuses_refresh
                        && self.clients.iter().any(|known| Some(known.as_str()) == get("client_id").ok())
                );
            }
            other => anyhow::bail!("unknown grant {other}"),
        }
        let (access, refresh) = (self.next("access"), self.next("refresh"));
        self.access_tokens.push(access.clone());
        self.refresh_tokens.push(refresh.clone());
        let mut tokens = json!({"access_token": access, "token_type": "Bearer", "refresh_token": refresh});
        if let Some(lifetime) = self.lifetime {
            tokens["expires_in"] = lifetime.into();
        }
        Ok(tokens)
    }

    /// Grants what an address asks for.
    pub(super) fn authorize(&mut self, origin: &str, url: &str) -> anyhow::Result<Authorization> {
        let page = format!("{origin}/authorize?");
        let query = url.strip_prefix(&page).with_context(|| format!("not {page}: {url}"))?;
        let parameters = form::pairs(query);
        let get = |name: &str| form::value(&parameters, name).with_context(|| format!("{name} is missing"));
        ensure!(get("response_type")? == "code" && get("code_challenge_method")? == "S256", "{query}");
        ensure!(get("resource")? == format!("{origin}/mcp"), "{query}");
        ensure!(get("state")?.len() >= 22, "the state can be guessed: {query}");
        let client = get("client_id")?.to_owned();
        ensure!(self.clients.contains(&client), "nobody has registered {client}");
        let (redirect_uri, state) = (get("redirect_uri")?.to_owned(), get("state")?.to_owned());
        let challenge = get("code_challenge")?.to_owned();
        let code = self.next("code");
        self.codes.insert(code.clone(), (client, redirect_uri.clone(), challenge));
        Ok(Authorization { parameters, redirect_uri, state, code })
    }
}
