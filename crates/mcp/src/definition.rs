//! What the configuration says about a server (`mcp_servers.<name>`): how it is reached, which of its tools are wanted,
//! and how long it may take.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use app_server_http::Secret;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::http::{Endpoint, FixedToken};

/// How long a server may take to start when nothing is said.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call may take when nothing is said.
const TOOL_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a definition cannot be used. In words, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DefinitionError(String);

/// A server as it is configured.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// How it is reached.
    pub transport: Transport,
    /// Whether it is used at all.
    pub enabled: bool,
    /// Whether a turn fails when it does not start.
    pub required: bool,
    /// How long it may take until its tools are known.
    pub startup_timeout: Duration,
    /// How long a call of a tool may take.
    pub tool_timeout: Duration,
    /// Which of its tools are wanted.
    pub filter: Filter,
    /// Which rights to ask for at the sign-in, when the request does not say.
    pub scopes: Option<Vec<String>>,
    /// How calls of single tools are approved (`tools.<tool>.approval_mode`), as written.
    pub approval_modes: BTreeMap<String, String>,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq)]
pub enum Transport {
    /// A process of ours; its stdin and stdout are the connection.
    Stdio(Stdio),
    /// Somebody else's, over HTTP.
    Http(Http),
}

/// A server that is a process.
#[derive(Debug, Clone, PartialEq)]
pub struct Stdio {
    /// The program: a path, or a name to be looked up.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables it gets.
    pub env: BTreeMap<String, String>,
    /// Names of our own variables it gets besides.
    pub env_vars: Vec<String>,
    /// Where it runs.
    pub cwd: Option<PathBuf>,
}

/// A server that is reached over HTTP.
#[derive(Debug, Clone, PartialEq)]
pub struct Http {
    /// Where it is.
    pub url: String,
    /// The variable that holds its token.
    pub bearer_token_env_var: Option<String>,
    /// Headers for every request.
    pub http_headers: BTreeMap<String, String>,
    /// Headers whose values are in variables: name of the header, name of the variable.
    pub env_http_headers: BTreeMap<String, String>,
}

/// Which tools of a server are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The only ones, if there is such a list.
    pub enabled: Option<Vec<String>>,
    /// Those that are not, applied after the other list.
    pub disabled: Vec<String>,
}

impl Filter {
    /// Whether a tool, by the name the server gave it, is wanted.
    pub fn wants(&self, tool: &str) -> bool {
        let listed = |names: &[String]| names.iter().any(|name| name == tool);
        self.enabled.as_deref().is_none_or(listed) && !listed(&self.disabled)
    }
}

/// The table as it is written. Keys not listed are not looked at.
#[derive(Deserialize)]
struct Written {
    command: Option<String>,
    args: Option<Vec<String>>,
    env: Option<BTreeMap<String, String>>,
    env_vars: Option<Vec<String>>,
    cwd: Option<PathBuf>,

    url: Option<String>,
    bearer_token: Option<String>,
    bearer_token_env_var: Option<String>,
    http_headers: Option<BTreeMap<String, String>>,
    env_http_headers: Option<BTreeMap<String, String>>,

    enabled: Option<bool>,
    required: Option<bool>,
    startup_timeout_sec: Option<toml::Value>,
    startup_timeout_ms: Option<u64>,
    tool_timeout_sec: Option<toml::Value>,
    enabled_tools: Option<Vec<String>>,
    disabled_tools: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    #[serde(default)]
    tools: BTreeMap<String, WrittenTool>,
}

#[derive(Deserialize)]
struct WrittenTool {
    approval_mode: Option<String>,
}

impl Definition {
    /// Reads the table of one server.
    ///
    /// # Errors
    /// `invalid transport` when it names both ways of reaching a server or none, or holds a token itself: a token belongs
    /// into a variable (`bearer_token_env_var`). Otherwise what does not fit.
    pub fn from_toml(table: &toml::Value) -> Result<Self, DefinitionError> {
        let written: Written = table
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| DefinitionError(error.message().to_owned()))?;
        let startup_timeout = match (&written.startup_timeout_sec, written.startup_timeout_ms) {
            (Some(value), _) => seconds("startup_timeout_sec", value)?,
            (None, Some(milliseconds)) => Duration::from_millis(milliseconds),
            (None, None) => STARTUP_TIMEOUT,
        };
        let tool_timeout = match &written.tool_timeout_sec {
            Some(value) => seconds("tool_timeout_sec", value)?,
            None => TOOL_TIMEOUT,
        };
        let approval_modes = written
            .tools
            .iter()
            .filter_map(|(tool, of)| Some((tool.clone(), of.approval_mode.clone()?)))
            .collect();
        Ok(Self {
            enabled: written.enabled.unwrap_or(true),
            required: written.required.unwrap_or(false),
            startup_timeout,
            tool_timeout,
            filter: Filter {
                enabled: written.enabled_tools.clone(),
                disabled: written.disabled_tools.clone().unwrap_or_default(),
            },
            scopes: written.scopes.clone(),
            approval_modes,
            transport: written.transport()?,
        })
    }

    /// Returns what tells this server from others: the same key means that one connection serves both. `variable` looks
    /// up our environment.
    pub fn key(&self, variable: &dyn Fn(&str) -> Option<String>) -> String {
        let mut hash = Sha256::new();
        // Every part with its length, so that no two lists of parts read the same.
        let mut add = |part: &str| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        match &self.transport {
            Transport::Stdio(stdio) => {
                add("stdio");
                add(&stdio.command);
                stdio.args.iter().for_each(|argument| add(argument));
                add("env");
                for (name, value) in &stdio.env {
                    add(name);
                    add(value);
                }
                add("env_vars");
                for name in &stdio.env_vars {
                    add(name);
                    add(&variable(name).unwrap_or_default());
                }
                add("cwd");
                add(&stdio.cwd.as_deref().unwrap_or("".as_ref()).to_string_lossy());
            }
            Transport::Http(http) => {
                add("http");
                add(&http.url);
                add(&http.bearer_token_env_var.as_deref().and_then(variable).unwrap_or_default());
                for (name, value) in &http.http_headers {
                    add(name);
                    add(value);
                }
                add("env");
                for (name, from) in &http.env_http_headers {
                    add(name);
                    add(&variable(from).unwrap_or_default());
                }
            }
        }
        hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

impl Http {
    /// Returns where the server is and what it is shown, without the tokens of a sign-in. A header whose variable is not
    /// set is left out, as if it were not configured.
    ///
    /// # Errors
    /// When the variable of the token is not set.
    pub fn endpoint(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<Endpoint, DefinitionError> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let mut headers: Vec<_> = self
            .http_headers
            .iter()
            .map(|(name, value)| (name.clone(), Secret::new(value.clone())))
            .collect();
        headers.extend(
            self.env_http_headers
                .iter()
                .filter_map(|(name, from)| Some((name.clone(), Secret::new(set(from)?)))),
        );
        let authorization = match &self.bearer_token_env_var {
            None => None,
            Some(name) => {
                let token = set(name).ok_or_else(|| {
                    DefinitionError(format!(
                        "the environment variable {name}, which should hold the token, is not set"
                    ))
                })?;
                Some(Arc::new(FixedToken::new(token)) as _)
            }
        };
        Ok(Endpoint { url: self.url.clone(), headers, authorization })
    }
}

impl Written {
    fn transport(self) -> Result<Transport, DefinitionError> {
        let invalid = |why: &str| Err(DefinitionError(format!("invalid transport: {why}")));
        let of_process =
            self.args.is_some() || self.env.is_some() || self.env_vars.is_some() || self.cwd.is_some();
        let of_http = self.bearer_token_env_var.is_some()
            || self.http_headers.is_some()
            || self.env_http_headers.is_some();
        if self.bearer_token.is_some() {
            return invalid("bearer_token is not supported; set bearer_token_env_var");
        }
        match (self.command, self.url) {
            (Some(_), Some(_)) => invalid("there is both a command and a url"),
            (None, None) => invalid("there is neither a command nor a url"),
            (Some(_), None) if of_http => invalid("headers and tokens are for servers with a url"),
            (None, Some(_)) if of_process => {
                invalid("args, env, env_vars and cwd are for servers with a command")
            }
            (Some(command), None) => Ok(Transport::Stdio(Stdio {
                command,
                args: self.args.unwrap_or_default(),
                env: self.env.unwrap_or_default(),
                env_vars: self.env_vars.unwrap_or_default(),
                cwd: self.cwd,
            })),
            (None, Some(url)) => Ok(Transport::Http(Http {
                url,
                bearer_token_env_var: self.bearer_token_env_var,
                http_headers: self.http_headers.unwrap_or_default(),
                env_http_headers: self.env_http_headers.unwrap_or_default(),
            })),
        }
    }
}

/// Reads a number of seconds, whole or not.
fn seconds(key: &str, value: &toml::Value) -> Result<Duration, DefinitionError> {
    let seconds = match value {
        toml::Value::Float(seconds) => *seconds,
        toml::Value::Integer(seconds) => *seconds as f64,
        _ => return Err(DefinitionError(format!("{key} must be a number of seconds"))),
    };
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| DefinitionError(format!("{key} must be a number of seconds, got {seconds}")))
}

/// Whether a server may be called that: letters, digits, `_` and `-`, since the name becomes part of the names of its tools.
pub fn is_server_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn read(text: &str) -> Result<Definition, String> {
        Definition::from_toml(&toml::Value::Table(text.parse().unwrap())).map_err(|error| error.to_string())
    }

    #[test]
    fn a_process_with_everything() {
        let definition = read(
            r#"
            command = "npx"
            args = ["-y", "server"]
            env = { TOKEN = "t" }
            env_vars = ["LANG"]
            cwd = "/srv"
            enabled = false
            required = true
            startup_timeout_sec = 2.5
            startup_timeout_ms = 1
            tool_timeout_sec = 3
            enabled_tools = ["a", "b"]
            disabled_tools = ["b"]
            scopes = ["read"]
            tools.a.approval_mode = "approve"
            tools.b.other = 1
            future = "key"
            "#,
        )
        .unwrap();
        assert_eq!(
            definition.transport,
            Transport::Stdio(Stdio {
                command: "npx".into(),
                args: vec!["-y".into(), "server".into()],
                env: BTreeMap::from([("TOKEN".into(), "t".into())]),
                env_vars: vec!["LANG".into()],
                cwd: Some("/srv".into()),
            })
        );
        assert_eq!(
            (definition.enabled, definition.required, definition.startup_timeout, definition.tool_timeout),
            (false, true, Duration::from_millis(2500), Duration::from_secs(3))
        );
        assert_eq!(definition.approval_modes, BTreeMap::from([("a".into(), "approve".into())]));
        assert_eq!(["a", "b", "c"].map(|tool| definition.filter.wants(tool)), [true, false, false]);
    }

    #[test]
    fn what_is_not_said_has_defaults() {
        let definition = read(r#"url = "https://mcp.example/mcp""#).unwrap();
        assert_eq!(
            (definition.enabled, definition.required, definition.startup_timeout, definition.tool_timeout),
            (true, false, Duration::from_secs(10), Duration::from_secs(60))
        );
        assert!(definition.filter.wants("anything"));
        let older = read("command = 'x'\nstartup_timeout_ms = 700").unwrap();
        assert_eq!(older.startup_timeout, Duration::from_millis(700));
    }

    #[test]
    fn a_transport_is_one_of_two() {
        for (text, words) in [
            ("enabled = true", "there is neither a command nor a url"),
            ("command = 'x'\nurl = 'y'", "there is both a command and a url"),
            ("command = 'x'\nhttp_headers = {}", "headers and tokens are for servers with a url"),
            ("url = 'x'\nargs = []", "args, env, env_vars and cwd are for servers with a command"),
            ("url = 'x'\nbearer_token = 't'", "bearer_token is not supported; set bearer_token_env_var"),
        ] {
            assert_eq!(read(text), Err(format!("invalid transport: {words}")), "{text}");
        }
    }

    #[test]
    fn a_time_must_be_one() {
        for bad in ["-1", "nan", "'3'"] {
            let error = read(&format!("command = 'x'\ntool_timeout_sec = {bad}")).unwrap_err();
            assert!(error.starts_with("tool_timeout_sec must be a number of seconds"), "{error}");
        }
    }

    #[test]
    fn a_key_depends_on_all_that_reaches_the_server() {
        let no_variables = |_: &str| None;
        let key = |text: &str| read(text).unwrap().key(&no_variables);
        let one = key("command = 'x'\nargs = ['ab']");
        assert_eq!(one, key("command = 'x'\nargs = ['ab']\ntool_timeout_sec = 1\ndisabled_tools = ['t']"));
        for other in [
            "command = 'x'\nargs = ['a', 'b']",
            "command = 'x'\nargs = ['ab']\nenv = { A = '1' }",
            "command = 'x'\nargs = ['ab']\ncwd = '/'",
            "url = 'x'",
        ] {
            assert!(one != key(other), "{other}");
        }
        let with_variable = read("url = 'x'\nbearer_token_env_var = 'T'").unwrap();
        assert!(with_variable.key(&no_variables) != with_variable.key(&|_| Some("t".into())));
    }

    #[test]
    fn variables_become_headers_and_a_token() {
        let definition = read(
            "url = 'https://h/'\nbearer_token_env_var = 'T'\nhttp_headers = { A = '1' }\n\
             env_http_headers = { B = 'VB', C = 'VC' }",
        )
        .unwrap();
        let Transport::Http(http) = definition.transport else { panic!() };
        let endpoint = http
            .endpoint(&|name| match name {
                "T" => Some("token".into()),
                "VB" => Some("2".into()),
                _ => None,
            })
            .unwrap();
        let shown: Vec<_> =
            endpoint.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        assert_eq!(shown, [("A", "1"), ("B", "2")]);
        assert!(endpoint.authorization.is_some());
        assert_eq!(
            http.endpoint(&|_| None).err().map(|error| error.to_string()).as_deref(),
            Some("the environment variable T, which should hold the token, is not set")
        );
    }

    #[test]
    fn names_of_servers() {
        assert!(["a", "A-1_b"].into_iter().all(is_server_name));
        assert!(!["", "a.b", "ä", "a b"].into_iter().any(is_server_name));
    }
}
