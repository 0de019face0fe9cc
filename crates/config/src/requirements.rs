//! What an administrator allows: `requirements.toml` beside the machine's configuration, and what the older managed
//! file implies (config.md section 15). Nothing a user, a project or a request says can go beyond it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Table;

use crate::error::ConfigError;
use crate::layers::span_of;
use crate::raw::RawApprovalPolicy;
use crate::values::{ApprovalPolicy, ForcedLoginMethod, SandboxMode};

/// Name of the file, in the folder of the machine's configuration.
pub(crate) const REQUIREMENTS_FILE: &str = "requirements.toml";

/// The word for commands that somebody else confines, which no setting has but a request may ask for.
pub const EXTERNAL_SANDBOX: &str = "external-sandbox";

/// The values that are allowed for one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed<T> {
    /// In the order of the file.
    pub values: Vec<T>,
    /// The file that says so.
    pub file: PathBuf,
}

impl<T: PartialEq + Display> Allowed<T> {
    /// Returns whether a value is one of them.
    pub fn contains(&self, value: &T) -> bool {
        self.values.contains(value)
    }

    fn refusal(&self, what: &str, value: impl Display) -> String {
        let allowed: Vec<String> = self.values.iter().map(ToString::to_string).collect();
        format!(
            "{what} \"{value}\" is not allowed by {}; allowed: {}",
            self.file.display(),
            allowed.join(", ")
        )
    }

    fn check(&self, what: &str, value: &T) -> Result<(), String> {
        if self.contains(value) { Ok(()) } else { Err(self.refusal(what, value)) }
    }
}

/// What an MCP server must be to count as the one that is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerIdentity {
    /// Started by this command, without its arguments.
    Command(String),
    /// Reached at this address.
    Url(String),
}

/// What is allowed; `None` means anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    /// When commands are asked about. The first is the default when nothing is configured.
    pub approval_policies: Option<Allowed<ApprovalPolicy>>,
    /// What commands may touch: spellings of [`SandboxMode`] and [`EXTERNAL_SANDBOX`]; `read-only` is always among them.
    pub sandbox_modes: Option<Allowed<Cow<'static, str>>>,
    /// Ways of signing in.
    pub login_methods: Option<Allowed<ForcedLoginMethod>>,
    /// Workspaces of accounts.
    pub chatgpt_workspaces: Option<Allowed<String>>,
    /// The MCP servers that may be started, by name.
    pub mcp_servers: Option<BTreeMap<String, ServerIdentity>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawRequirements {
    allowed_approval_policies: Option<Vec<ApprovalPolicy>>,
    allowed_sandbox_modes: Option<Vec<String>>,
    allowed_login_methods: Option<Vec<ForcedLoginMethod>>,
    allowed_chatgpt_workspaces: Option<Vec<String>>,
    mcp_servers: Option<BTreeMap<String, RawServer>>,
}

#[derive(Deserialize)]
struct RawServer {
    identity: ServerIdentity,
}

/// The settings of the older managed file that are requirements at the same time.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RawManaged {
    approval_policy: Option<RawApprovalPolicy>,
    sandbox_mode: Option<SandboxMode>,
}

impl Requirements {
    /// Reads the requirements file. What this program does not know is passed over.
    ///
    /// # Errors
    /// When it does not parse, a list is empty, or `read-only` is not among the sandbox modes.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let raw: RawRequirements = toml::from_str(text)
            .map_err(|error| ConfigError::at(file, text, error.span(), error.message()))?;
        let wrong = |key: &str, reason: String| {
            ConfigError::at(file, text, span_of(text, &[key]), format!("{key}: {reason}"))
        };
        let mut modes = Vec::new();
        for mode in raw.allowed_sandbox_modes.iter().flatten() {
            modes.push(
                sandbox_word(mode)
                    .ok_or_else(|| wrong("allowed_sandbox_modes", format!("`{mode}` is no sandbox mode")))?,
            );
        }
        if raw.allowed_sandbox_modes.is_some()
            && !modes.contains(&Cow::Borrowed(SandboxMode::ReadOnly.as_str()))
        {
            return Err(wrong("allowed_sandbox_modes", "must contain \"read-only\"".to_owned()));
        }
        let empty = [
            ("allowed_approval_policies", raw.allowed_approval_policies.as_ref().is_some_and(Vec::is_empty)),
            ("allowed_login_methods", raw.allowed_login_methods.as_ref().is_some_and(Vec::is_empty)),
            (
                "allowed_chatgpt_workspaces",
                raw.allowed_chatgpt_workspaces.as_ref().is_some_and(Vec::is_empty),
            ),
        ];
        if let Some((key, _)) = empty.iter().find(|(_, is_empty)| *is_empty) {
            return Err(wrong(key, "must not be empty".to_owned()));
        }
        Ok(Self {
            approval_policies: allowed(raw.allowed_approval_policies, file),
            sandbox_modes: allowed(raw.allowed_sandbox_modes.is_some().then_some(modes), file),
            login_methods: allowed(raw.allowed_login_methods, file),
            chatgpt_workspaces: allowed(raw.allowed_chatgpt_workspaces, file),
            mcp_servers: raw
                .mcp_servers
                .map(|servers| servers.into_iter().map(|(name, server)| (name, server.identity)).collect()),
        })
    }

    /// Adds what the older managed file implies, where the requirements file says nothing: the value it sets is the
    /// only one, beside the sandbox that allows least. A value of the wrong type is a matter of the layer.
    pub(crate) fn add_managed(&mut self, file: &Path, table: &Table) {
        let Ok(raw) = table.clone().try_into::<RawManaged>() else { return };
        if self.approval_policies.is_none() {
            self.approval_policies = allowed(raw.approval_policy.map(|policy| vec![policy.0]), file);
        }
        if self.sandbox_modes.is_none() {
            let modes = raw.sandbox_mode.map(|mode| {
                let mut modes = vec![Cow::Borrowed(mode.as_str())];
                if mode != SandboxMode::ReadOnly {
                    modes.push(Cow::Borrowed(SandboxMode::ReadOnly.as_str()));
                }
                modes
            });
            self.sandbox_modes = allowed(modes, file);
        }
    }

    /// Returns whether nothing is required.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Says whether an approval policy may be used.
    ///
    /// # Errors
    /// A sentence that names the file and what is allowed.
    pub fn check_approval_policy(&self, policy: ApprovalPolicy) -> Result<(), String> {
        self.approval_policies.as_ref().map_or(Ok(()), |allowed| allowed.check("approval policy", &policy))
    }

    /// Says whether a sandbox may be used: a spelling of [`SandboxMode`], or [`EXTERNAL_SANDBOX`].
    ///
    /// # Errors
    /// A sentence that names the file and what is allowed.
    pub fn check_sandbox(&self, mode: &'static str) -> Result<(), String> {
        self.sandbox_modes
            .as_ref()
            .map_or(Ok(()), |allowed| allowed.check("sandbox mode", &Cow::Borrowed(mode)))
    }

    /// Says whether an MCP server may be started: it must be listed, and be the one that is listed.
    pub fn allows_mcp_server(&self, name: &str, identity: &ServerIdentity) -> bool {
        self.mcp_servers.as_ref().is_none_or(|servers| servers.get(name) == Some(identity))
    }

    /// The policy when nothing is configured: what trust suggests if that is the more careful one, else the first.
    pub(crate) fn default_approval_policy(&self, suggested: ApprovalPolicy) -> ApprovalPolicy {
        match &self.approval_policies {
            Some(allowed) if !(suggested == ApprovalPolicy::Untrusted && allowed.contains(&suggested)) => {
                allowed.values.first().copied().unwrap_or(suggested)
            }
            _ => suggested,
        }
    }

    /// The sandbox when nothing is configured: what trust suggests, else the one that is always allowed.
    pub(crate) fn default_sandbox_mode(&self, suggested: SandboxMode) -> SandboxMode {
        if self.check_sandbox(suggested.as_str()).is_ok() { suggested } else { SandboxMode::ReadOnly }
    }

    /// The way of signing in that is left: the configured one, else the only one that is allowed.
    pub(crate) fn login_method(
        &self,
        configured: Option<ForcedLoginMethod>,
    ) -> Result<Option<ForcedLoginMethod>, String> {
        let Some(allowed) = &self.login_methods else { return Ok(configured) };
        match (configured, allowed.values.as_slice()) {
            (Some(method), _) => allowed.check("login method", &method).map(|()| Some(method)),
            (None, [only]) => Ok(Some(*only)),
            (None, _) => Ok(None),
        }
    }

    /// The workspaces that are left: those configured and allowed, of which there must be one.
    pub(crate) fn workspaces(&self, configured: Vec<String>) -> Result<Vec<String>, String> {
        let Some(allowed) = &self.chatgpt_workspaces else { return Ok(configured) };
        if configured.is_empty() {
            return Ok(allowed.values.clone());
        }
        let left: Vec<String> = configured.iter().filter(|id| allowed.contains(id)).cloned().collect();
        if left.is_empty() { Err(allowed.refusal("workspace", configured.join(", "))) } else { Ok(left) }
    }
}

fn allowed<T>(values: Option<Vec<T>>, file: &Path) -> Option<Allowed<T>> {
    values.map(|values| Allowed { values, file: file.to_owned() })
}

/// The written spelling of a sandbox mode.
fn sandbox_word(word: &str) -> Option<Cow<'static, str>> {
    if matches!(word, EXTERNAL_SANDBOX | "externalSandbox") {
        return Some(Cow::Borrowed(EXTERNAL_SANDBOX));
    }
    let value = toml::Value::from(word);
    value.try_into::<SandboxMode>().ok().map(|mode| Cow::Borrowed(mode.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn parse(text: &str) -> Result<Requirements, String> {
        Requirements::parse(Path::new("/etc/r.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn lists_restrict_and_name_their_file() {
        let requirements = parse(
            "allowed_approval_policies = ['on-request', 'untrusted']\nallowed_sandbox_modes = ['read-only', \
             'externalSandbox']\nallowed_web_search_modes = ['cached']",
        )
        .unwrap();
        assert_eq!(requirements.check_approval_policy(ApprovalPolicy::Untrusted), Ok(()));
        assert_eq!(
            requirements.check_approval_policy(ApprovalPolicy::Never).unwrap_err(),
            "approval policy \"never\" is not allowed by /etc/r.toml; allowed: on-request, untrusted"
        );
        assert_eq!(requirements.check_sandbox(EXTERNAL_SANDBOX), Ok(()));
        assert_eq!(
            requirements.check_sandbox("danger-full-access").unwrap_err(),
            "sandbox mode \"danger-full-access\" is not allowed by /etc/r.toml; allowed: read-only, external-sandbox"
        );
        assert!(Requirements::default().check_sandbox("danger-full-access").is_ok());
    }

    #[test]
    fn defaults_stay_within_what_is_allowed() {
        use ApprovalPolicy::{Never, OnRequest, Untrusted};
        let requirements = parse(
            "allowed_approval_policies = ['never', 'untrusted']\nallowed_sandbox_modes = ['read-only']",
        )
        .unwrap();
        assert_eq!(requirements.default_approval_policy(OnRequest), Never);
        assert_eq!(requirements.default_approval_policy(Untrusted), Untrusted);
        assert_eq!(requirements.default_sandbox_mode(SandboxMode::WorkspaceWrite), SandboxMode::ReadOnly);
        let none = Requirements::default();
        assert_eq!(none.default_approval_policy(OnRequest), OnRequest);
        assert_eq!(none.default_sandbox_mode(SandboxMode::WorkspaceWrite), SandboxMode::WorkspaceWrite);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, reason) in [
            (
                "allowed_sandbox_modes = ['workspace-write']",
                "1:25: allowed_sandbox_modes: must contain \"read-only\"",
            ),
            (
                "allowed_sandbox_modes = ['read-only', 'x']",
                "1:25: allowed_sandbox_modes: `x` is no sandbox mode",
            ),
            ("\nallowed_login_methods = []", "2:25: allowed_login_methods: must not be empty"),
            ("allowed_approval_policies = ['no']", "1:29: unknown variant `no`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(&format!("/etc/r.toml:{reason}")), "{error}");
        }
    }

    #[test]
    fn the_managed_file_implies_what_is_not_said() {
        let managed = "approval_policy = 'untrusted'\nsandbox_mode = 'workspace-write'".parse().unwrap();
        let mut requirements = parse("allowed_approval_policies = ['never']").unwrap();
        requirements.add_managed(Path::new("/etc/m.toml"), &managed);
        assert!(requirements.check_approval_policy(ApprovalPolicy::Untrusted).is_err());
        assert!(requirements.check_sandbox("workspace-write").is_ok());
        assert!(requirements.check_sandbox("read-only").is_ok());
        assert!(requirements.check_sandbox("danger-full-access").unwrap_err().contains("/etc/m.toml"));
    }

    #[test]
    fn logins_and_servers() {
        let requirements = parse(
            "allowed_login_methods = ['chatgpt']\nallowed_chatgpt_workspaces = ['a', 'b']\n\
             [mcp_servers.docs.identity]\nurl = 'https://docs'",
        )
        .unwrap();
        assert_eq!(requirements.login_method(None), Ok(Some(ForcedLoginMethod::Chatgpt)));
        assert!(requirements.login_method(Some(ForcedLoginMethod::Api)).is_err());
        assert_eq!(requirements.workspaces(vec!["b".to_owned(), "c".to_owned()]), Ok(vec!["b".to_owned()]));
        assert_eq!(requirements.workspaces(Vec::new()).unwrap().len(), 2);
        assert!(requirements.workspaces(vec!["c".to_owned()]).is_err());
        let url = ServerIdentity::Url("https://docs".to_owned());
        assert!(requirements.allows_mcp_server("docs", &url));
        assert!(!requirements.allows_mcp_server("other", &url));
        assert!(!requirements.allows_mcp_server("docs", &ServerIdentity::Command("docs".to_owned())));
        assert!(Requirements::default().allows_mcp_server("other", &url));
    }
}
