//! A credential in use, and what the configuration allows. Nothing here is read or asked.

use std::sync::Arc;

use app_server_config::{Config, CredentialsStore, ForcedLoginMethod};
use app_server_http::Secret;
use app_server_protocol::v2::{Account, AuthMode, PlanType};

use super::claims::{Claims, InvalidToken};
use super::plan_type;
use super::record::{AuthRecord, StoredMode};

/// What requests are signed with. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Credential {
    /// A key of the platform.
    ApiKey(Secret),
    /// Tokens of an account that this server keeps and renews.
    Managed(Arc<AuthRecord>),
    /// Tokens of an account that the client brings and renews.
    External(Arc<ExternalTokens>),
}

/// Tokens the client brought. Never on disk.
#[derive(Debug, PartialEq)]
pub(crate) struct ExternalTokens {
    pub(crate) access_token: Secret,
    pub(crate) account_id: Option<String>,
    plan: Option<String>,
    claims: Claims,
}

/// Tokens that are not usable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvalidExternalTokens {
    #[error("invalid access token: {0}")]
    AccessToken(InvalidToken),
    #[error("invalid id token: {0}")]
    IdToken(InvalidToken),
}

impl ExternalTokens {
    /// Takes tokens in either of their two forms: with the account's id, or with an id token that says it (auth
    /// specification 7.4).
    pub(crate) fn new(
        access_token: &str,
        id_token: Option<&str>,
        account_id: Option<String>,
        plan: Option<String>,
    ) -> Result<Self, InvalidExternalTokens> {
        let claims = match id_token {
            Some(id_token) => Claims::parse(id_token).map_err(InvalidExternalTokens::IdToken)?,
            None => Claims::parse(access_token).map_err(InvalidExternalTokens::AccessToken)?,
        };
        let account_id = account_id.or_else(|| claims.account_id.clone());
        Ok(Self { access_token: Secret::new(access_token), account_id, plan, claims })
    }
}

impl Credential {
    /// Returns what a record holds; `None` when nobody is signed in by it.
    pub(crate) fn stored(record: &Arc<AuthRecord>) -> Option<Self> {
        match record.mode()? {
            StoredMode::ApiKey => record.api_key().cloned().map(Self::ApiKey),
            StoredMode::Chatgpt => record.tokens().map(|_| Self::Managed(Arc::clone(record))),
        }
    }

    /// What goes into the `authorization` header.
    pub(crate) fn bearer(&self) -> Option<&Secret> {
        match self {
            Self::ApiKey(key) => Some(key),
            Self::Managed(record) => record.tokens().map(|tokens| &tokens.access_token),
            Self::External(tokens) => Some(&tokens.access_token),
        }
    }

    /// The workspace, in the modes that have one.
    pub(crate) fn account_id(&self) -> Option<&str> {
        match self {
            Self::ApiKey(_) => None,
            Self::Managed(record) => record.tokens()?.account_id.as_deref(),
            Self::External(tokens) => tokens.account_id.as_deref(),
        }
    }

    /// The same, also where an older version stored it in the token alone; what is told apart by, and not what is sent.
    pub(crate) fn workspace(&self) -> Option<&str> {
        self.account_id().or_else(|| self.claims()?.account_id.as_deref())
    }

    /// Whether this is an account's token and no key, which decides where requests go by default.
    pub(crate) fn is_account(&self) -> bool {
        !matches!(self, Self::ApiKey(_))
    }

    /// Whether requests must be routed to where this account's data may go.
    pub(crate) fn is_fedramp(&self) -> bool {
        self.claims().is_some_and(|claims| claims.is_fedramp)
    }

    fn claims(&self) -> Option<&Claims> {
        match self {
            Self::ApiKey(_) => None,
            Self::Managed(record) => record.tokens().map(|tokens| tokens.claims()),
            Self::External(tokens) => Some(&tokens.claims),
        }
    }

    /// As it is told to the client.
    pub(crate) fn mode(&self) -> AuthMode {
        match self {
            Self::ApiKey(_) => AuthMode::Apikey,
            Self::Managed(_) => AuthMode::Chatgpt,
            Self::External(_) => AuthMode::ChatgptAuthTokens,
        }
    }

    /// The plan of an account; `None` for keys.
    pub(crate) fn plan(&self) -> Option<PlanType> {
        let claimed = self.claims()?.plan.as_deref();
        let given = match self {
            Self::External(tokens) => tokens.plan.as_deref(),
            _ => None,
        };
        Some(given.or(claimed).map_or(PlanType::Unknown, plan_type))
    }

    /// The user's id, if a token says it.
    pub(crate) fn user_id(&self) -> Option<String> {
        self.claims()?.user_id.clone()
    }

    /// As `account/read` shows it.
    pub(crate) fn account(&self) -> Account {
        match self.claims() {
            None => Account::ApiKey,
            Some(claims) => Account::Chatgpt {
                email: claims.email.clone(),
                plan_type: self.plan().unwrap_or(PlanType::Unknown),
                workspace_name: None,
            },
        }
    }
}

/// What the configuration says of credentials.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rules {
    /// Where they are kept.
    pub(crate) store: CredentialsStore,
    /// The only way of signing in, if one is forced.
    pub(crate) forced_login: Option<ForcedLoginMethod>,
    /// The workspaces that may be used; empty: all.
    pub(crate) workspaces: Vec<String>,
}

/// What is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    #[error("signing in with an API key is not allowed: forced_login_method is \"chatgpt\"")]
    ApiKey,
    #[error("signing in with a ChatGPT account is not allowed: forced_login_method is \"api\"")]
    Account,
    #[error("this account's workspace is not allowed: forced_chatgpt_workspace_id is {0}")]
    Workspace(String),
}

impl Default for Rules {
    fn default() -> Self {
        Self { store: CredentialsStore::File, forced_login: None, workspaces: Vec::new() }
    }
}

impl Rules {
    /// Takes them from a configuration.
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            store: config.cli_auth_credentials_store,
            forced_login: config.forced_login_method,
            workspaces: config.forced_chatgpt_workspace_ids.clone(),
        }
    }

    /// Returns whether some credential could violate them.
    pub(crate) fn restrict(&self) -> bool {
        self.forced_login.is_some() || !self.workspaces.is_empty()
    }

    /// Says whether signing in with a key is allowed.
    pub(crate) fn allow_api_keys(&self) -> Result<(), Violation> {
        if self.forced_login == Some(ForcedLoginMethod::Chatgpt) { Err(Violation::ApiKey) } else { Ok(()) }
    }

    /// Says whether signing in with an account is allowed.
    pub(crate) fn allow_accounts(&self) -> Result<(), Violation> {
        if self.forced_login == Some(ForcedLoginMethod::Api) { Err(Violation::Account) } else { Ok(()) }
    }

    /// Says whether a workspace may be used.
    pub(crate) fn allow_workspace(&self, account_id: Option<&str>) -> Result<(), Violation> {
        let is_listed = |id: &str| self.workspaces.iter().any(|allowed| allowed == id);
        if self.workspaces.is_empty() || account_id.is_some_and(is_listed) {
            return Ok(());
        }
        Err(Violation::Workspace(self.workspaces.join(", ")))
    }

    /// Says whether a credential may be used (auth specification 13). Keys pass a restriction of workspaces.
    pub(crate) fn allow(&self, credential: &Credential) -> Result<(), Violation> {
        if !credential.is_account() {
            return self.allow_api_keys();
        }
        self.allow_accounts()?;
        self.allow_workspace(credential.workspace())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_credentials_are_allowed() {
        let key = Credential::ApiKey(Secret::new("sk-1"));
        let tokens = |id: &str| {
            let tokens = ExternalTokens::new("e30.e30.s", None, Some(id.to_owned()), None).unwrap();
            Credential::External(Arc::new(tokens))
        };
        let rules = |forced_login, workspaces: &[&str]| Rules {
            forced_login,
            workspaces: workspaces.iter().map(|id| (*id).to_owned()).collect(),
            ..Rules::default()
        };
        for (rules, credential, allowed) in [
            (rules(None, &[]), &key, true),
            (rules(None, &["a"]), &key, true),
            (rules(Some(ForcedLoginMethod::Api), &[]), &key, true),
            (rules(Some(ForcedLoginMethod::Chatgpt), &[]), &key, false),
            (rules(None, &[]), &tokens("a"), true),
            (rules(None, &["b", "a"]), &tokens("a"), true),
            (rules(None, &["b"]), &tokens("a"), false),
            (rules(Some(ForcedLoginMethod::Api), &["a"]), &tokens("a"), false),
            (rules(Some(ForcedLoginMethod::Chatgpt), &["a"]), &tokens("a"), true),
        ] {
            assert_eq!(rules.allow(credential).is_ok(), allowed, "{rules:?} {credential:?}");
        }
    }
}
