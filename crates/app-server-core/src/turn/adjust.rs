//! What a client changes of a turn while it runs: it counts from the turn's next request to the model on, and for this
//! turn alone.

use std::sync::{Mutex, PoisonError};

use app_server_protocol::v2::{ReasoningSummary, TurnSettingsUpdateParams};

/// What has been changed; nothing, as a rule. The lock is held for a look.
#[derive(Debug, Default)]
pub(crate) struct Adjustments(Mutex<Adjusted>);

/// The same at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Adjusted {
    pub(super) model: Option<String>,
    pub(super) effort: Option<String>,
    pub(super) summary: Option<ReasoningSummary>,
    pub(super) service_tier: Option<String>,
}

impl Adjustments {
    /// Takes over what the client names. The reviewer of approvals and the environments are not told apart here.
    pub(crate) fn change(&self, params: TurnSettingsUpdateParams) {
        let TurnSettingsUpdateParams { effort, model, service_tier, summary, .. } = params;
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        now.model = model.or(now.model.take());
        now.effort = effort.map(|effort| effort.0).or(now.effort.take());
        now.summary = summary.or(now.summary);
        now.service_tier = service_tier.or(now.service_tier.take());
    }

    pub(super) fn now(&self) -> Adjusted {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
