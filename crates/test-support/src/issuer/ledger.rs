//! What the issuer remembers and answers by itself: codes and refresh tokens are good once, a code only together with
//! the verifier of its challenge and the address it was sent to.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::endpoint::{Endpoint, parameter};
use super::reply::Reply;
use super::tokens::{IssuedTokens, Person, jwt, unix_in};
use crate::model::RecordedRequest;

/// How long an access token is good unless a test says otherwise.
const LIFETIME_SECONDS: i64 = 60 * 60;

/// What a code was given for.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) person: Person,
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
}

#[derive(Debug)]
enum RefreshToken {
    Live(Person),
    Used,
    Revoked,
}

/// A device that waits for its user.
#[derive(Debug)]
struct Device {
    user_code: String,
    client_id: String,
    approved_by: Option<Person>,
}

#[derive(Debug)]
pub(super) struct Ledger {
    /// The issuer's own address.
    url: String,
    /// Makes every token another one; within a process no two issuers make the same.
    serial: u64,
    port: u16,
    /// Who signs in.
    pub(super) person: Person,
    /// Seconds; `None` makes tokens that do not say when they end.
    pub(super) lifetime: Option<i64>,
    pub(super) usage: Value,
    grants: BTreeMap<String, Grant>,
    refresh_tokens: BTreeMap<String, RefreshToken>,
    devices: BTreeMap<String, Device>,
    id_tokens: Vec<String>,
    access_tokens: Vec<String>,
    /// Everything that nobody but client and issuer may ever see.
    pub(super) secrets: Vec<String>,
}

impl Ledger {
    pub(super) fn new(port: u16) -> Self {
        Self {
            url: format!("http://127.0.0.1:{port}"),
            serial: 0,
            port,
            person: Person::default(),
            lifetime: Some(LIFETIME_SECONDS),
            usage: json!({"plan_type": "pro"}),
            grants: BTreeMap::new(),
            refresh_tokens: BTreeMap::new(),
            devices: BTreeMap::new(),
            id_tokens: Vec::new(),
            access_tokens: Vec::new(),
            secrets: Vec::new(),
        }
    }

    /// Returns a word nobody was given before.
    fn fresh(&mut self, kind: &str) -> String {
        self.serial += 1;
        format!("{kind}-{}-{:04}", self.port, self.serial)
    }

    /// Makes tokens that are good until `expires_at` (Unix seconds).
    pub(super) fn issue(&mut self, person: &Person, expires_at: Option<i64>) -> IssuedTokens {
        let mut token = |kind: &str| {
            let mut claims = person.claims(expires_at);
            // At the end, so that the text of the token ends in what no other has.
            claims["jti"] = json!(self.fresh(kind));
            jwt(&claims)
        };
        let (id_token, access_token) = (token("id"), token("access"));
        let refresh_token = self.fresh("refresh");
        self.refresh_tokens.insert(refresh_token.clone(), RefreshToken::Live(person.clone()));
        self.id_tokens.push(id_token.clone());
        self.access_tokens.push(access_token.clone());
        self.secrets.extend([id_token.clone(), access_token.clone(), refresh_token.clone()]);
        IssuedTokens { id_token, access_token, refresh_token, account_id: person.account_id.clone() }
    }

    fn issue_now(&mut self, person: &Person) -> IssuedTokens {
        let expires_at = self.lifetime.map(unix_in);
        self.issue(person, expires_at)
    }

    /// Gives a code for a grant.
    pub(super) fn grant(&mut self, grant: Grant) -> String {
        let code = self.fresh("code");
        self.secrets.push(code.clone());
        self.grants.insert(code.clone(), grant);
        code
    }

    /// Uses up a refresh token for new tokens; the error is a code.
    pub(super) fn rotate(&mut self, refresh_token: &str) -> Result<IssuedTokens, &'static str> {
        let known = self.refresh_tokens.get_mut(refresh_token).ok_or("refresh_token_invalidated")?;
        match std::mem::replace(known, RefreshToken::Used) {
            RefreshToken::Live(person) => Ok(self.issue_now(&person)),
            RefreshToken::Used => Err("refresh_token_reused"),
            RefreshToken::Revoked => Err("refresh_token_invalidated"),
        }
    }

    /// Lets the devices that wait have what they wait for.
    pub(super) fn approve_devices(&mut self) {
        let person = self.person.clone();
        for device in self.devices.values_mut() {
            device.approved_by = Some(person.clone());
        }
    }

    /// What the endpoint says by itself.
    pub(super) fn answer(&mut self, endpoint: Endpoint, request: &RecordedRequest) -> Reply {
        let body = &request.body;
        match endpoint {
            Endpoint::CodeExchange => match self.exchange_code(body) {
                Ok(tokens) => Reply::json(200, &tokens.response()),
                Err(why) => Reply::json(400, &json!({"error": "invalid_grant", "error_description": why})),
            },
            Endpoint::KeyExchange => self.exchange_for_key(body),
            Endpoint::Refresh => match self.rotate(&parameter(body, "refresh_token").unwrap_or_default()) {
                Ok(tokens) => Reply::json(200, &tokens.response()),
                Err(code) => refusal(401, code),
            },
            Endpoint::Revoke => {
                self.refresh_tokens
                    .insert(parameter(body, "token").unwrap_or_default(), RefreshToken::Revoked);
                Reply::json(200, &json!({}))
            }
            Endpoint::UserCode => self.user_code(body),
            Endpoint::DeviceToken => self.device_token(body),
            Endpoint::Usage => {
                let bearer = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
                if bearer.is_some_and(|token| self.access_tokens.iter().any(|known| known == token)) {
                    Reply::json(200, &self.usage)
                } else {
                    refusal(401, "unknown_token")
                }
            }
            Endpoint::Other => Reply::text(404, "the issuer has no such page"),
        }
    }

    fn exchange_code(&mut self, body: &Value) -> Result<IssuedTokens, &'static str> {
        let given = |name| parameter(body, name).unwrap_or_default();
        // Taken whatever comes of it: a code is good for one attempt.
        let grant = self.grants.remove(&given("code")).ok_or("the code is unknown or was used")?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(given("code_verifier")));
        if challenge != grant.challenge {
            return Err("the verifier is not that of the challenge");
        }
        if given("redirect_uri") != grant.redirect_uri {
            return Err("the code was sent to another address");
        }
        if given("client_id") != grant.client_id {
            return Err("the code was given to another client");
        }
        self.secrets.push(given("code_verifier"));
        Ok(self.issue_now(&grant.person))
    }

    fn exchange_for_key(&mut self, body: &Value) -> Reply {
        let subject = parameter(body, "subject_token").unwrap_or_default();
        if !self.id_tokens.contains(&subject) {
            return refusal(400, "invalid_subject_token");
        }
        let key = self.fresh("sk-issued");
        self.secrets.push(key.clone());
        Reply::json(200, &json!({"access_token": key}))
    }

    fn user_code(&mut self, body: &Value) -> Reply {
        let id = self.fresh("device");
        self.serial += 1;
        let user_code = format!("ABCD-{:05}", self.serial);
        let client_id = parameter(body, "client_id").unwrap_or_default();
        let answer = json!({"device_auth_id": id, "user_code": user_code, "interval": "1"});
        self.devices.insert(id, Device { user_code, client_id, approved_by: None });
        Reply::json(200, &answer)
    }

    fn device_token(&mut self, body: &Value) -> Reply {
        let id = parameter(body, "device_auth_id").unwrap_or_default();
        let known = self.devices.get(&id);
        let Some(device) =
            known.filter(|device| parameter(body, "user_code").as_ref() == Some(&device.user_code))
        else {
            return refusal(400, "unknown_device");
        };
        let Some(person) = device.approved_by.clone() else { return refusal(403, "authorization_pending") };
        let client_id = device.client_id.clone();
        self.devices.remove(&id);
        // The issuer holds both sides of the proof: the device has no browser that could carry a challenge.
        let verifier = self.fresh("verifier-of-the-device-that-is-long-enough");
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let redirect_uri = format!("{}/deviceauth/callback", self.url);
        let code = self.grant(Grant { person, client_id, redirect_uri, challenge: challenge.clone() });
        Reply::json(
            200,
            &json!({"authorization_code": code, "code_challenge": challenge, "code_verifier": verifier}),
        )
    }
}

/// Returns an error as the issuer writes it.
pub(super) fn refusal(status: u16, code: &str) -> Reply {
    Reply::json(status, &json!({"error": {"message": format!("refused: {code}"), "code": code}}))
}
