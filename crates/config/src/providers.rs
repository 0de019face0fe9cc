//! Model providers: where requests go and which key they carry. Keys are looked up in the [`Environment`] at use. It
//! must not make requests, nor know who is signed in.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::env::Environment;
use crate::raw::{RawAuthCommand, RawProvider};
use crate::values::WireApi;

/// Id of the built-in provider that is used unless another is chosen.
pub const OPENAI: &str = "openai";
/// Id of the built-in provider that needs neither network nor key.
pub const OFFLINE: &str = "offline";

/// Base of the public API, for API keys.
const OPENAI_API_BASE: &str = "https://api.openai.com/v1";
/// Base for accounts signed in with ChatGPT.
const CHATGPT_API_BASE: &str = "https://chatgpt.com/backend-api/codex";
/// More retries than this are not made, whatever is configured (config.md section 6).
const MAX_RETRIES: u32 = 100;

/// How a provider's answers are obtained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderKind {
    /// Over HTTP.
    Http,
    /// Played from a script on this machine.
    Offline {
        /// JSONL file of responses; none for the small built-in default.
        script: Option<PathBuf>,
    },
}

/// A program whose trimmed output is the bearer token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthCommand {
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// How long it may run.
    pub timeout_ms: u64,
    /// How long a token is used before the program runs again; 0 means until it is refused.
    pub refresh_interval_ms: u64,
    /// Where it runs; the server's directory when absent.
    pub cwd: Option<PathBuf>,
}

/// A provider as used for requests (config.md section 6).
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderConfig {
    /// The key under `model_providers`, or the built-in id.
    pub id: String,
    /// Display name; `OpenAI` and `azure` switch behaviour of requests.
    pub name: String,
    /// HTTP or offline.
    pub kind: ProviderKind,
    /// Configured base URL without trailing slashes; see [`ProviderConfig::base_url`].
    pub base_url: Option<String>,
    /// Which request form it speaks.
    pub wire_api: WireApi,
    /// Variable that holds the key.
    pub env_key: Option<String>,
    /// What to tell a user who has not set it.
    pub env_key_instructions: Option<String>,
    /// A key written in the file.
    pub experimental_bearer_token: Option<String>,
    /// A program that prints the key.
    pub auth: Option<AuthCommand>,
    /// Appended to every URL, unencoded here.
    pub query_params: BTreeMap<String, String>,
    /// Fixed headers; see [`ProviderConfig::resolve_headers`].
    pub http_headers: BTreeMap<String, String>,
    /// Headers whose values are in variables (header name to variable name).
    pub env_http_headers: BTreeMap<String, String>,
    /// A refused request is tried this many times more.
    pub request_max_retries: u32,
    /// A broken stream is resumed by this many new requests.
    pub stream_max_retries: u32,
    /// A stream that is silent for this long counts as broken.
    pub stream_idle_timeout_ms: u64,
    /// Uses the signed-in credential, and clients show a login.
    pub requires_openai_auth: bool,
}

/// A provider's key is expected in a variable that is not set; the turn fails with this text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("environment variable `{var}` is not set{}", instructions.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
pub struct MissingKey {
    /// The variable.
    pub var: String,
    /// The provider's `env_key_instructions`.
    pub instructions: Option<String>,
}

impl ProviderConfig {
    fn new(id: &str, name: &str, kind: ProviderKind) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            kind,
            base_url: None,
            wire_api: WireApi::Responses,
            env_key: None,
            env_key_instructions: None,
            experimental_bearer_token: None,
            auth: None,
            query_params: BTreeMap::new(),
            http_headers: BTreeMap::new(),
            env_http_headers: BTreeMap::new(),
            request_max_retries: 4,
            stream_max_retries: 5,
            stream_idle_timeout_ms: 300_000,
            requires_openai_auth: false,
        }
    }

    /// Returns whether this is the built-in provider, whose requests carry a `version` header (auth.md section 12).
    pub fn is_builtin_openai(&self) -> bool {
        self.id == OPENAI
    }

    /// Returns whether requests have the form of Chat Completions. A script has only one form.
    pub fn is_chat(&self) -> bool {
        self.wire_api == WireApi::Chat && self.kind == ProviderKind::Http
    }

    /// Returns the base of every URL (backend.md section 1): the configured one, else that of the kind of credential
    /// in use. `chatgpt_account` tells whether ChatGPT tokens rather than an API key will be sent.
    pub fn base_url(&self, chatgpt_account: bool) -> &str {
        match &self.base_url {
            Some(base) => base,
            None if chatgpt_account => CHATGPT_API_BASE,
            None => OPENAI_API_BASE,
        }
    }

    /// Returns the headers to send: the fixed ones, then those from variables that are set and not blank. Names and
    /// values that HTTP does not allow are left out, as both references do.
    pub fn resolve_headers(&self, environment: &Environment) -> Vec<(String, String)> {
        let fixed = self.http_headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let from_env = self
            .env_http_headers
            .iter()
            .filter_map(|(name, var)| Some((name.as_str(), environment.non_blank(var)?)));
        fixed
            .chain(from_env)
            .filter(|(name, value)| is_header_name(name) && is_header_value(value))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Returns the names of the variables that hold what only the provider may see.
    pub fn secret_variables(&self) -> impl Iterator<Item = &str> {
        self.env_key.iter().chain(self.env_http_headers.values()).map(String::as_str)
    }

    /// Returns the provider's own key: that of `env_key`, else `experimental_bearer_token`. `None` means that the
    /// signed-in credential is to be used, or none.
    ///
    /// # Errors
    /// When `env_key` names a variable that is unset or blank.
    pub fn api_key(&self, environment: &Environment) -> Result<Option<String>, MissingKey> {
        let Some(var) = &self.env_key else {
            return Ok(self.experimental_bearer_token.clone());
        };
        match environment.non_blank(var) {
            Some(key) => Ok(Some(key.to_owned())),
            None => Err(MissingKey { var: var.clone(), instructions: self.env_key_instructions.clone() }),
        }
    }

    /// Lays a table of the user's over this provider.
    fn apply(&mut self, raw: RawProvider) -> Result<(), String> {
        fn put<T>(slot: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *slot = value;
            }
        }
        put(&mut self.name, raw.name.filter(|name| !name.is_empty()));
        if let Some(base) = raw.base_url {
            self.base_url = Some(base.trim_end_matches('/').to_owned());
        }
        put(&mut self.wire_api, raw.wire_api);
        self.env_key = raw.env_key.or(self.env_key.take());
        self.env_key_instructions = raw.env_key_instructions.or(self.env_key_instructions.take());
        self.experimental_bearer_token =
            raw.experimental_bearer_token.or(self.experimental_bearer_token.take());
        put(&mut self.query_params, raw.query_params);
        put(&mut self.http_headers, raw.http_headers);
        put(&mut self.env_http_headers, raw.env_http_headers);
        let retries = |count: u64| u32::try_from(count).unwrap_or(MAX_RETRIES).min(MAX_RETRIES);
        put(&mut self.request_max_retries, raw.request_max_retries.map(retries));
        put(&mut self.stream_max_retries, raw.stream_max_retries.map(retries));
        put(&mut self.stream_idle_timeout_ms, raw.stream_idle_timeout_ms);
        put(&mut self.requires_openai_auth, raw.requires_openai_auth);
        if raw.script.is_some() {
            self.kind = ProviderKind::Offline { script: raw.script };
        }
        self.auth = raw.auth.map(AuthCommand::from);
        let other_keys = [
            ("env_key", self.env_key.is_some()),
            ("experimental_bearer_token", self.experimental_bearer_token.is_some()),
            ("requires_openai_auth", self.requires_openai_auth),
        ];
        match other_keys.iter().find(|(_, given)| self.auth.is_some() && *given) {
            Some((key, _)) => {
                Err(format!("model provider `{}`: `auth` and `{key}` exclude each other", self.id))
            }
            None => Ok(()),
        }
    }
}

impl From<RawAuthCommand> for AuthCommand {
    fn from(raw: RawAuthCommand) -> Self {
        Self {
            command: raw.command,
            args: raw.args,
            timeout_ms: raw.timeout_ms.unwrap_or(5_000),
            refresh_interval_ms: raw.refresh_interval_ms.unwrap_or(300_000),
            cwd: raw.cwd,
        }
    }
}

/// Shows neither tokens nor header values: they are secrets as often as not.
impl fmt::Debug for ProviderConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderConfig")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("base_url", &self.base_url)
            .field("wire_api", &self.wire_api)
            .field("env_key", &self.env_key)
            .finish_non_exhaustive()
    }
}

/// Returns the providers that exist without configuration.
fn built_in(environment: &Environment, openai_base_url: Option<&str>) -> Vec<ProviderConfig> {
    let local = |id: &str, name: &str, port: &str| {
        let base = environment.non_blank("CODEX_OSS_BASE_URL").map_or_else(
            || {
                format!(
                    "http://localhost:{}/v1",
                    environment.non_blank("CODEX_OSS_PORT").unwrap_or(port).trim()
                )
            },
            |base| base.trim().trim_end_matches('/').to_owned(),
        );
        ProviderConfig { base_url: Some(base), ..ProviderConfig::new(id, name, ProviderKind::Http) }
    };
    let openai = ProviderConfig {
        base_url: openai_base_url.map(|base| base.trim_end_matches('/').to_owned()),
        requires_openai_auth: true,
        env_http_headers: [
            ("OpenAI-Organization", "OPENAI_ORGANIZATION"),
            ("OpenAI-Project", "OPENAI_PROJECT"),
        ]
        .map(|(header, var)| (header.to_owned(), var.to_owned()))
        .into(),
        ..ProviderConfig::new(OPENAI, "OpenAI", ProviderKind::Http)
    };
    vec![
        openai,
        local("ollama", "Ollama", "11434"),
        ProviderConfig { wire_api: WireApi::Chat, ..local("ollama-chat", "Ollama", "11434") },
        local("lmstudio", "LM Studio", "1234"),
        ProviderConfig::new(OFFLINE, "Offline", ProviderKind::Offline { script: None }),
    ]
}

/// Builds every provider by id: the built-in ones with the user's tables laid over them, and the user's own. A table
/// for `openai` is left out; the loader warns of it.
///
/// # Errors
/// The reason, when a table contradicts itself.
pub(crate) fn all(
    environment: &Environment,
    openai_base_url: Option<&str>,
    tables: BTreeMap<String, RawProvider>,
) -> Result<BTreeMap<String, ProviderConfig>, String> {
    let mut providers: BTreeMap<String, ProviderConfig> = built_in(environment, openai_base_url)
        .into_iter()
        .map(|provider| (provider.id.clone(), provider))
        .collect();
    for (id, raw) in tables {
        if id != OPENAI {
            providers
                .entry(id)
                .or_insert_with_key(|id| ProviderConfig::new(id, id, ProviderKind::Http))
                .apply(raw)?;
        }
    }
    Ok(providers)
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn is_header_value(value: &str) -> bool {
    value.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn providers(
        environment: &[(&str, &str)],
        tables: &str,
    ) -> Result<BTreeMap<String, ProviderConfig>, String> {
        let environment = Environment::from_pairs(environment.iter().copied());
        all(&environment, None, toml::from_str(tables).unwrap())
    }

    #[test]
    fn base_urls() {
        let found = providers(&[], "[mine]\nbase_url = 'http://h/v1//'\n[bare]\nname = 'b'").unwrap();
        assert_eq!(found["mine"].base_url(true), "http://h/v1");
        assert_eq!(found["bare"].base_url(false), "https://api.openai.com/v1");
        assert_eq!(found["openai"].base_url(true), "https://chatgpt.com/backend-api/codex");
        assert_eq!(found["ollama"].base_url(false), "http://localhost:11434/v1");
        assert_eq!(found["lmstudio"].base_url(false), "http://localhost:1234/v1");
        let found = providers(&[("CODEX_OSS_PORT", "99")], "").unwrap();
        assert_eq!(found["lmstudio"].base_url(false), "http://localhost:99/v1");
        let found =
            providers(&[("CODEX_OSS_PORT", "99"), ("CODEX_OSS_BASE_URL", "http://box/v1/")], "").unwrap();
        assert_eq!(found["ollama"].base_url(false), "http://box/v1");
        let openai =
            all(&Environment::from_pairs([("", "")]), Some("http://proxy/"), BTreeMap::new()).unwrap();
        assert_eq!(openai["openai"].base_url(true), "http://proxy");
    }

    #[test]
    fn user_tables_fill_in_built_ins_but_not_openai() {
        let found = providers(
            &[],
            "[openai]\nbase_url = 'http://evil'\n[ollama]\nwire_api = 'chat'\n[offline]\nscript = '/s.jsonl'\n\
             [play]\nscript = '/p.jsonl'",
        )
        .unwrap();
        assert_eq!(found["openai"].base_url, None);
        assert_eq!(found["ollama"].wire_api, WireApi::Chat);
        assert_eq!(found["ollama"].base_url(false), "http://localhost:11434/v1");
        assert_eq!(found["offline"].kind, ProviderKind::Offline { script: Some("/s.jsonl".into()) });
        assert_eq!(found["play"].kind, ProviderKind::Offline { script: Some("/p.jsonl".into()) });
    }

    #[test]
    fn keys() {
        let table = "[a]\nenv_key = 'A_KEY'\nenv_key_instructions = 'get one at h'\n[b]\nexperimental_bearer_token = 't'\n\
                     [c]\nname = 'c'\n[d]\nenv_key = 'D_KEY'\nexperimental_bearer_token = 't'";
        let found = providers(&[], table).unwrap();
        let environment = Environment::from_pairs([("A_KEY", "  "), ("D_KEY", "from-env")]);
        assert_eq!(
            found["a"].api_key(&environment).unwrap_err().to_string(),
            "environment variable `A_KEY` is not set: get one at h"
        );
        assert_eq!(found["b"].api_key(&environment).unwrap().as_deref(), Some("t"));
        assert_eq!(found["c"].api_key(&environment).unwrap(), None);
        assert_eq!(found["d"].api_key(&environment).unwrap().as_deref(), Some("from-env"));
        // The variable of the API is no credential by itself.
        let environment = Environment::from_pairs([("OPENAI_API_KEY", "sk")]);
        assert_eq!(found["openai"].api_key(&environment).unwrap(), None);
    }

    #[test]
    fn headers() {
        let table = "[a.http_headers]\nX-Fixed = 'v'\n'bad name' = 'v'\nX-Bad = \"a\\nb\"\n\
                     [a.env_http_headers]\nX-Env = 'SET'\nX-Blank = 'BLANK'\nX-Unset = 'UNSET'";
        let found = providers(&[], table).unwrap();
        let environment = Environment::from_pairs([("SET", "yes"), ("BLANK", " ")]);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(found["a"].resolve_headers(&environment), [pair("X-Fixed", "v"), pair("X-Env", "yes")]);
        let environment = Environment::from_pairs([("OPENAI_ORGANIZATION", "org")]);
        assert_eq!(found["openai"].resolve_headers(&environment), [pair("OpenAI-Organization", "org")]);
    }

    #[test]
    fn retries_are_capped_and_auth_stands_alone() {
        let found = providers(&[], "[a]\nrequest_max_retries = 0\nstream_max_retries = 5000").unwrap();
        assert_eq!((found["a"].request_max_retries, found["a"].stream_max_retries), (0, 100));
        let found = providers(&[], "[a.auth]\ncommand = 'token'").unwrap();
        assert_eq!(found["a"].auth.as_ref().map(|auth| auth.timeout_ms), Some(5_000));
        assert_eq!(
            providers(&[], "[a]\nenv_key = 'K'\nauth = { command = 'token' }").unwrap_err(),
            "model provider `a`: `auth` and `env_key` exclude each other"
        );
    }

    #[test]
    fn debug_shows_no_secrets() {
        let found =
            providers(&[], "[a]\nexperimental_bearer_token = 'hunter2'\nhttp_headers = { k = 'hunter2' }")
                .unwrap();
        assert!(!format!("{:?}", found["a"]).contains("hunter2"));
    }
}
