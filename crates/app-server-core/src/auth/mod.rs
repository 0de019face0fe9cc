//! Credentials: what is stored, which one is in use, and how it is renewed (auth specification).
//!
//! | module | what it holds |
//! | --- | --- |
//! | `record`, `claims` | what `auth.json` and a token say |
//! | `storage` | where records are kept: file, keyring, memory |
//! | `credential` | a credential in use, and what the configuration allows |
//! | `accounts` | the owner of all of it, shared by every thread |
//! | `renewal` | new tokens for old ones, one at a time |
//! | `recovery` | what is done about a refused credential |
//! | `provider_command` | the key of a provider from a program of the user's |
//!
//! Signing in and out is `account`'s business; this module only keeps what comes of it.

mod accounts;
mod claims;
mod credential;
mod plan;
mod provider_command;
mod record;
mod recovery;
mod renewal;
mod single_flight;
mod storage;

use app_server_config::{ConfigLoader, LoadRequest};

pub(crate) use accounts::Accounts;
pub(crate) use credential::{Credential, ExternalTokens, Rules};
pub(crate) use plan::plan_type;
pub(crate) use provider_command::ProviderKeys;
pub(crate) use record::{AuthRecord, StoredTokens};
pub(crate) use recovery::{NotRecovered, Recovery};
pub(crate) use renewal::RenewalError;
pub(crate) use single_flight::SingleFlight;
pub(crate) use storage::{load_entry, save_entry};

/// Says how somebody is signed in, in words; `None` when nobody is. Asks the store that is configured, and blocks.
pub fn signed_in(config: &ConfigLoader) -> Option<&'static str> {
    let rules = config.load(&LoadRequest::default()).map(|config| Rules::of(&config)).unwrap_or_default();
    let storage = storage::AuthStorage::new(config.codex_home(), rules.store, &Default::default());
    let record = storage.load().ok().flatten()?;
    let credential = Credential::stored(&std::sync::Arc::new(record))?;
    Some(if credential.is_account() { "ChatGPT" } else { "an API key" })
}
