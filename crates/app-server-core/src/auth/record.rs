//! What `auth.json` holds, and the keyring likewise. It must not know where the bytes are kept.
//!
//! A record is the JSON object it was read from, so that what newer versions keep in it survives being rewritten by us,
//! beside the parts that mean something here.

use std::fmt;

use app_server_config::Environment;
use app_server_http::Secret;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::claims::{Claims, InvalidToken};

const MODE: &str = "auth_mode";
const API_KEY: &str = "OPENAI_API_KEY";
const TOKENS: &str = "tokens";
const ID_TOKEN: &str = "id_token";
const ACCESS_TOKEN: &str = "access_token";
const REFRESH_TOKEN: &str = "refresh_token";
const ACCOUNT_ID: &str = "account_id";
const LAST_REFRESH: &str = "last_refresh";
/// Kinds of credential we do not know. A record that names no mode and holds one of them is of that kind.
const OTHER_KINDS: [&str; 2] = ["personal_access_token", "bedrock_api_key"];

/// One stored credential (auth specification 3). Records are equal when their JSON is, whatever the order of its keys.
#[derive(Clone)]
pub(crate) struct AuthRecord {
    json: Map<String, Value>,
    mode: Option<StoredMode>,
    api_key: Option<Secret>,
    tokens: Option<StoredTokens>,
    last_refresh: Option<Timestamp>,
}

/// What kind of credential a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoredMode {
    /// A key of the platform.
    ApiKey,
    /// Tokens of an account, which we refresh.
    Chatgpt,
}

/// The tokens of an account.
#[derive(Debug, Clone)]
pub(crate) struct StoredTokens {
    /// A JWT that says who signed in.
    pub(crate) id_token: Secret,
    /// What requests carry. Need not be a JWT.
    pub(crate) access_token: Secret,
    /// What a new access token is got with, once. May be empty.
    pub(crate) refresh_token: Secret,
    /// The workspace they are for.
    pub(crate) account_id: Option<String>,
    claims: Claims,
}

/// What a refresh brought; what it left out stays as it was.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewTokens {
    pub(crate) id_token: Option<Secret>,
    pub(crate) access_token: Option<Secret>,
    pub(crate) refresh_token: Option<Secret>,
}

/// The bytes hold no record. They are not quoted: they may hold a secret nonetheless.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum InvalidRecord {
    #[error("not a JSON object (line {line})")]
    Json { line: usize },
    #[error("`{0}` is missing or of the wrong type")]
    Field(&'static str),
    #[error("`tokens.id_token`: {0}")]
    IdToken(#[from] InvalidToken),
}

impl StoredTokens {
    /// Takes the tokens of a login; the workspace is the one the id token names (auth specification 7.2). Fails when
    /// the id token is not a JWT.
    pub(crate) fn new(
        id_token: Secret,
        access_token: Secret,
        refresh_token: Secret,
    ) -> Result<Self, InvalidToken> {
        let claims = Claims::parse(id_token.expose())?;
        Ok(StoredTokens {
            id_token,
            access_token,
            refresh_token,
            account_id: claims.account_id.clone(),
            claims,
        })
    }

    /// What the id token says.
    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }

    fn read(json: &Map<String, Value>) -> Result<Self, InvalidRecord> {
        let required = |name| text(json, name)?.map(Secret::new).ok_or(InvalidRecord::Field(name));
        let tokens = Self::new(required(ID_TOKEN)?, required(ACCESS_TOKEN)?, required(REFRESH_TOKEN)?)?;
        Ok(StoredTokens { account_id: text(json, ACCOUNT_ID)?.map(str::to_owned), ..tokens })
    }

    fn write(&self) -> Map<String, Value> {
        let account_id = self.account_id.clone().map_or(Value::Null, Value::String);
        Map::from_iter([
            (ID_TOKEN.to_owned(), value(&self.id_token)),
            (ACCESS_TOKEN.to_owned(), value(&self.access_token)),
            (REFRESH_TOKEN.to_owned(), value(&self.refresh_token)),
            (ACCOUNT_ID.to_owned(), account_id),
        ])
    }
}

impl AuthRecord {
    /// The record of a login with an API key, which is stored as it is (auth specification 7.1).
    pub(crate) fn of_api_key(key: &str) -> Self {
        let api_key = Secret::new(key);
        let json =
            Map::from_iter([(MODE.to_owned(), Value::from("apikey")), (API_KEY.to_owned(), value(&api_key))]);
        AuthRecord {
            json,
            mode: is_filled(&api_key).then_some(StoredMode::ApiKey),
            api_key: Some(api_key),
            tokens: None,
            last_refresh: None,
        }
    }

    /// The record of a login with an account. `api_key` is the key that was exchanged for the tokens: it is kept beside
    /// them and not used (auth specification 7.2).
    pub(crate) fn of_chatgpt(tokens: StoredTokens, api_key: Option<Secret>, now: Timestamp) -> Self {
        let json = Map::from_iter([
            (MODE.to_owned(), Value::from("chatgpt")),
            (API_KEY.to_owned(), api_key.as_ref().map_or(Value::Null, value)),
            (TOKENS.to_owned(), Value::Object(tokens.write())),
            (LAST_REFRESH.to_owned(), moment(now)),
        ]);
        let mode = Some(StoredMode::Chatgpt);
        AuthRecord { json, mode, api_key, tokens: Some(tokens), last_refresh: Some(now) }
    }

    /// Reads a record by the rules of auth specification 3. A mode that is not ours is no error: the record then has no
    /// [`mode`](Self::mode).
    pub(crate) fn parse(json: &[u8]) -> Result<Self, InvalidRecord> {
        let json: Map<String, Value> =
            serde_json::from_slice(json).map_err(|error| InvalidRecord::Json { line: error.line() })?;
        let api_key = text(&json, API_KEY)?.map(Secret::new);
        let tokens = match json.get(TOKENS) {
            None | Some(Value::Null) => None,
            Some(Value::Object(tokens)) => Some(StoredTokens::read(tokens)?),
            Some(_) => return Err(InvalidRecord::Field(TOKENS)),
        };
        let last_refresh = match text(&json, LAST_REFRESH)? {
            None => None,
            Some(moment) => Some(moment.parse().map_err(|_| InvalidRecord::Field(LAST_REFRESH))?),
        };
        let mode = read_mode(&json, api_key.as_ref())?;
        Ok(AuthRecord { json, mode, api_key, tokens, last_refresh })
    }

    /// The bytes of `auth.json`: two spaces, no newline at the end.
    pub(crate) fn to_pretty(&self) -> Vec<u8> {
        format!("{:#}", self.value()).into_bytes()
    }

    /// The bytes of a keyring entry.
    pub(crate) fn to_compact(&self) -> Vec<u8> {
        self.value().to_string().into_bytes()
    }

    fn value(&self) -> Value {
        Value::Object(self.json.clone())
    }

    /// What kind it is; `None` when it reads as not signed in, because its kind is not ours or its key is missing. One
    /// that neither names a kind nor holds a key is an account's, even if it has no tokens.
    pub(crate) fn mode(&self) -> Option<StoredMode> {
        self.mode
    }

    /// The API key as it is stored. In the mode of an account it is not to be used.
    pub(crate) fn api_key(&self) -> Option<&Secret> {
        self.api_key.as_ref()
    }

    /// The tokens of an account.
    pub(crate) fn tokens(&self) -> Option<&StoredTokens> {
        self.tokens.as_ref()
    }

    /// When the tokens were last new.
    pub(crate) fn last_refresh(&self) -> Option<Timestamp> {
        self.last_refresh
    }

    /// This record with new tokens, refreshed `now`; everything else stays, the workspace as well (auth specification
    /// 9). A record without tokens stays as it is. A new id token that is not a JWT is passed over, because no reader
    /// would take the record with it.
    pub(crate) fn refreshed(&self, new: NewTokens, now: Timestamp) -> Self {
        let mut record = self.clone();
        let Some(tokens) = &mut record.tokens else { return record };
        let id_token = new.id_token.map(|token| (Claims::parse(token.expose()), token));
        if let Some((Ok(claims), id_token)) = id_token {
            (tokens.id_token, tokens.claims) = (id_token, claims);
        }
        tokens.access_token = new.access_token.unwrap_or_else(|| tokens.access_token.clone());
        tokens.refresh_token = new.refresh_token.unwrap_or_else(|| tokens.refresh_token.clone());
        if let Some(Value::Object(json)) = record.json.get_mut(TOKENS) {
            json.extend(tokens.write());
        }
        record.last_refresh = Some(now);
        record.json.insert(LAST_REFRESH.to_owned(), moment(now));
        record.complete();
        record
    }

    /// Adds what older versions leave out and today's always write.
    fn complete(&mut self) {
        if self.mode == Some(StoredMode::Chatgpt) && matches!(self.json.get(MODE), None | Some(Value::Null)) {
            self.json.insert(MODE.to_owned(), Value::from("chatgpt"));
        }
        self.json.entry(API_KEY).or_insert(Value::Null);
    }

    /// Every value that must not be shown, those under keys we do not know included.
    pub(crate) fn secret_values(&self) -> Vec<String> {
        let nothing = Environment::from_pairs([("", ""); 0]);
        crate::secrets::known(&nothing, Some(&self.to_compact()))
    }
}

impl PartialEq for AuthRecord {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

/// Shows what is there, not what it is.
impl fmt::Debug for AuthRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthRecord")
            .field("mode", &self.mode)
            .field("has_api_key", &self.api_key.is_some())
            .field("has_tokens", &self.tokens.is_some())
            .field("last_refresh", &self.last_refresh)
            .finish_non_exhaustive()
    }
}

fn read_mode(
    json: &Map<String, Value>,
    api_key: Option<&Secret>,
) -> Result<Option<StoredMode>, InvalidRecord> {
    let has_key = api_key.is_some_and(is_filled);
    Ok(match text(json, MODE)? {
        Some("apikey") => has_key.then_some(StoredMode::ApiKey),
        Some("chatgpt") => Some(StoredMode::Chatgpt),
        Some(_) => None,
        None if OTHER_KINDS.iter().any(|kind| json.get(*kind).is_some_and(|value| !value.is_null())) => None,
        None if has_key => Some(StoredMode::ApiKey),
        None => Some(StoredMode::Chatgpt),
    })
}

/// A blank key counts as none: no request could carry it.
fn is_filled(key: &Secret) -> bool {
    !key.expose().trim().is_empty()
}

fn text<'a>(json: &'a Map<String, Value>, name: &'static str) -> Result<Option<&'a str>, InvalidRecord> {
    match json.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(InvalidRecord::Field(name)),
    }
}

fn value(secret: &Secret) -> Value {
    Value::from(secret.expose())
}

/// UTC with nanoseconds, as every version writes it.
fn moment(moment: Timestamp) -> Value {
    Value::String(format!("{moment:.9}"))
}

#[cfg(test)]
mod tests;
