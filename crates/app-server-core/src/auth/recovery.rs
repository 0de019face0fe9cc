//! What is done when a server does not accept the credential of a request: one machine for all kinds, which differ in
//! the steps they have (auth specification 10).

use std::sync::Arc;

use super::accounts::Accounts;
use super::credential::{Credential, Rules};
use super::renewal::{RenewalError, same_account};

/// One way to a credential that may be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Look whether another process has stored newer tokens.
    Reload,
    /// Ask whoever gives them out for new ones.
    Renew,
}

impl Step {
    /// The steps for a credential, in their order; one for each refusal.
    fn all(credential: &Credential) -> &'static [Self] {
        match credential {
            Credential::ApiKey(_) => &[],
            Credential::Managed(_) => &[Self::Reload, Self::Renew],
            Credential::External(_) => &[Self::Renew],
        }
    }
}

/// The refusals of one request so far.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    refusals: usize,
}

/// Why a request is not sent again.
#[derive(Debug)]
pub(crate) enum NotRecovered {
    /// Everything was tried: the refusal stands.
    Refused,
    /// There is no other credential.
    Failed(RenewalError),
}

impl Recovery {
    /// Takes the next step after a refusal and returns what the request is to be sent again with.
    ///
    /// # Errors
    /// [`NotRecovered`]; the request has failed.
    pub(crate) async fn after_refusal(
        &mut self,
        accounts: &Arc<Accounts>,
        rules: &Rules,
        used: &Credential,
    ) -> Result<Credential, NotRecovered> {
        let step = Step::all(used).get(self.refusals).ok_or(NotRecovered::Refused)?;
        self.refusals += 1;
        let recovered = match (step, used) {
            (Step::Reload, Credential::Managed(record)) => {
                // A store that cannot be read has no news; the next step asks for some.
                let stored = accounts.reload(rules.store).await;
                stored.map_or_else(|_| Ok(used.clone()), |stored| same_account(stored.as_ref(), record))
            }
            _ => accounts.renew(rules, used).await,
        };
        recovered.map_err(NotRecovered::Failed)
    }
}
