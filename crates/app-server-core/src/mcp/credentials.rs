//! What users got by signing in to servers: `$CODEX_HOME/.credentials.json`, or entries of the system's keyring, as
//! `mcp_oauth_credentials_store` says. Each server has an entry of its own; what others wrote into the file stays.
//!
//! Everything here blocks.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use app_server_config::McpCredentialsStore;
use app_server_http::Secret;
use app_server_oauth::{ResourceGrant, ResourceTokens};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::atomic;
use crate::auth::{load_entry, save_entry};

const FILE: &str = ".credentials.json";
/// How a file begins that is to become it.
const TEMPORARY: &str = ".credentials.json-";
/// Whose entries of the keyring they are.
const SERVICE: &str = "Codex MCP Credentials";
/// How long another process may take that renews a token.
const LOCK_LIMIT: Duration = Duration::from_secs(35);
/// How often a lock that somebody else has is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// What one sign-in brought.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SignIn {
    pub(super) grant: ResourceGrant,
    pub(super) tokens: ResourceTokens,
}

/// Why it cannot be read or stored. Never quotes it.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("cannot {what} {}: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
    #[error("{} does not hold credentials", path.display())]
    Damaged { path: PathBuf },
    #[error("{0}")]
    Keyring(String),
    #[error("another process is changing the stored credentials")]
    Locked,
}

/// The place of one server's entry. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    codex_home: PathBuf,
    mode: McpCredentialsStore,
    name: String,
    url: String,
}

/// An entry as it is stored.
#[derive(Serialize, Deserialize)]
struct Entry {
    server_name: String,
    server_url: String,
    client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    access_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// In milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<u64>,
    #[serde(default)]
    scopes: Vec<String>,
    /// Where tokens are renewed. An entry without it is somebody else's; its token is used until it ends.
    #[serde(default)]
    token_endpoint: String,
    #[serde(default)]
    resource: String,
}

impl Credentials {
    pub(super) fn new(codex_home: &Path, mode: McpCredentialsStore, name: &str, url: &str) -> Self {
        Credentials { codex_home: codex_home.to_owned(), mode, name: name.to_owned(), url: url.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.codex_home.join(FILE)
    }

    /// The name of the entry: a server of the same name at another address has another.
    fn key(&self) -> String {
        let digest = Sha256::digest(self.url.as_bytes());
        let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("{}|{digits}", self.name)
    }

    /// Returns what is stored, without asking the keyring: that may make the user unlock it.
    pub(super) fn load_from_file(&self) -> Result<Option<SignIn>, StoreError> {
        if self.mode == McpCredentialsStore::Keyring {
            return Ok(None);
        }
        let entry = self.entries()?.remove(&self.key());
        Ok(entry.and_then(|entry| serde_json::from_value(entry).ok()).and_then(|entry| self.read(entry)))
    }

    /// Returns what is stored.
    pub(super) fn load(&self) -> Result<Option<SignIn>, StoreError> {
        let in_file = self.load_from_file()?;
        if in_file.is_some() || self.mode == McpCredentialsStore::File {
            return Ok(in_file);
        }
        match load_entry(SERVICE, self.key()) {
            Ok(Some(bytes)) => {
                let entry = serde_json::from_slice(&bytes).ok();
                Ok(entry.and_then(|entry| self.read(entry)))
            }
            Ok(None) => Ok(None),
            Err(error) if self.mode == McpCredentialsStore::Auto => {
                tracing::debug!(%error, "no sign-in from the keyring");
                Ok(None)
            }
            Err(error) => Err(StoreError::Keyring(error.to_string())),
        }
    }

    /// Stores a sign-in in the place of the one before.
    pub(super) fn save(&self, sign_in: &SignIn) -> Result<(), StoreError> {
        let entry = self.write(sign_in);
        if self.mode != McpCredentialsStore::File {
            match save_entry(SERVICE, self.key(), entry.to_string().into_bytes()) {
                Ok(()) => return self.change(|entries| entries.remove(&self.key()).is_some()),
                Err(error) if self.mode == McpCredentialsStore::Keyring => {
                    return Err(StoreError::Keyring(error.to_string()));
                }
                Err(error) => tracing::debug!(%error, "not saved in the keyring, the file is written"),
            }
        }
        self.change(|entries| {
            entries.insert(self.key(), entry);
            true
        })
    }

    /// Waits to be the only one, of all processes that ask, who renews tokens of this home. Dropping it ends that.
    pub(super) fn lock(&self) -> Result<File, StoreError> {
        let folder = self.codex_home.join("app-server");
        let path = folder.join("mcp-credentials.lock");
        let failed = |what| {
            let path = path.clone();
            move |source| StoreError::Io { what, path, source }
        };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed("create"))?;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed("open"))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Interrupted => {
                    return Err(failed("lock")(error));
                }
                Err(_) if begun.elapsed() >= LOCK_LIMIT => return Err(StoreError::Locked),
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }

    fn entries(&self) -> Result<Map<String, Value>, StoreError> {
        let path = self.path();
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| StoreError::Damaged { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Map::new()),
            Err(source) => Err(StoreError::Io { what: "read", path, source }),
        }
    }

    /// Changes the file, if there is something to change. The caller holds the lock.
    fn change(&self, change: impl FnOnce(&mut Map<String, Value>) -> bool) -> Result<(), StoreError> {
        let mut entries = self.entries()?;
        if !change(&mut entries) {
            return Ok(());
        }
        let path = self.path();
        let replace = || -> io::Result<()> {
            let mut bytes = serde_json::to_vec_pretty(&entries)?;
            bytes.push(b'\n');
            // A user may keep it elsewhere and link to it.
            let target = atomic::target(&path)?;
            atomic::replace(&target, TEMPORARY, 0o600, &bytes, || Ok(true)).map(drop)
        };
        replace().map_err(|source| StoreError::Io { what: "write", path: self.path(), source })
    }

    fn read(&self, entry: Entry) -> Option<SignIn> {
        // The address decides who gets the token.
        if entry.server_url != self.url {
            return None;
        }
        let is_ours = !entry.token_endpoint.is_empty();
        Some(SignIn {
            grant: ResourceGrant {
                client_id: entry.client_id,
                client_secret: entry.client_secret.map(Secret::new),
                token_endpoint: entry.token_endpoint,
                resource: entry.resource,
            },
            tokens: ResourceTokens {
                access_token: Secret::new(entry.access_token),
                refresh_token: entry.refresh_token.filter(|_| is_ours).map(Secret::new),
                expires_at_ms: entry.expires_at,
                scopes: Some(entry.scopes),
            },
        })
    }

    fn write(&self, sign_in: &SignIn) -> Value {
        let SignIn { grant, tokens } = sign_in;
        let exposed = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
        let entry = Entry {
            server_name: self.name.clone(),
            server_url: self.url.clone(),
            client_id: grant.client_id.clone(),
            client_secret: exposed(&grant.client_secret),
            access_token: tokens.access_token.expose().to_owned(),
            refresh_token: exposed(&tokens.refresh_token),
            expires_at: tokens.expires_at_ms,
            scopes: tokens.scopes.clone().unwrap_or_default(),
            token_endpoint: grant.token_endpoint.clone(),
            resource: grant.resource.clone(),
        };
        serde_json::to_value(entry).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use pretty_assertions::assert_eq;

    use super::*;

    fn sign_in(token: &str) -> SignIn {
        SignIn {
            grant: ResourceGrant {
                client_id: "client".into(),
                client_secret: Some(Secret::new("proof")),
                token_endpoint: "https://issuer.example/token".into(),
                resource: "https://a.example/mcp".into(),
            },
            tokens: ResourceTokens {
                access_token: Secret::new(token),
                refresh_token: Some(Secret::new("refresh")),
                expires_at_ms: Some(7),
                scopes: Some(vec!["read".into()]),
            },
        }
    }

    #[test]
    fn entries_stand_beside_each_other_and_those_of_others_stay() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(FILE);
        fs::write(&path, r#"{"somebody|else": {"odd": 1}}"#).unwrap();
        let at = |name: &str, url: &str| Credentials::new(home.path(), McpCredentialsStore::File, name, url);
        let (one, other) = (at("docs", "https://a.example/mcp"), at("docs", "https://b.example/mcp"));
        assert_eq!(one.load().unwrap(), None);
        one.save(&sign_in("1")).unwrap();
        other.save(&sign_in("2")).unwrap();
        one.save(&sign_in("3")).unwrap();
        assert_eq!(one.load().unwrap(), Some(sign_in("3")));
        assert_eq!(other.load().unwrap(), Some(sign_in("2")));
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(r#""odd": 1"#), "{text}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_token_goes_to_its_address_only() {
        let home = tempfile::tempdir().unwrap();
        let one = Credentials::new(home.path(), McpCredentialsStore::File, "docs", "https://a.example/mcp");
        one.save(&sign_in("1")).unwrap();
        let text = fs::read_to_string(one.path()).unwrap();
        fs::write(one.path(), text.replace("\"server_url\": \"https://a", "\"server_url\": \"https://b"))
            .unwrap();
        assert_eq!(one.load().unwrap(), None);
    }

    #[test]
    fn a_damaged_file_is_left_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let one = Credentials::new(home.path(), McpCredentialsStore::File, "docs", "https://a.example/mcp");
        fs::write(one.path(), "{ half").unwrap();
        assert!(matches!(one.load(), Err(StoreError::Damaged { .. })));
        assert!(matches!(one.save(&sign_in("1")), Err(StoreError::Damaged { .. })));
        assert_eq!(fs::read_to_string(one.path()).unwrap(), "{ half");
    }
}
