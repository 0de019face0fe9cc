//! What the account may still use: as the responses of the model's server state it, merged into what the client was last
//! told, and as the account's backend answers when it is asked. It must not know who is signed in.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

use app_server_http::Secret;
use app_server_model_client::{
    AccountUsage, Credits, RateLimitHeaders, RateLimitSnapshot as Stated, SpendLimit, UsageCall, Window,
};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    AccountRateLimitsUpdatedNotification, CreditsSnapshot, GetAccountRateLimitsResponse,
    RateLimitReachedType, RateLimitSnapshot, RateLimitWindow, SpendControlLimitSnapshot,
};

use crate::auth::plan_type;
use crate::error::CoreError;
use crate::services::Services;

/// What the client was last told.
#[derive(Debug, Default)]
pub(crate) struct KnownLimits {
    era: Era,
    /// By id.
    limits: BTreeMap<String, RateLimitSnapshot>,
}

/// How often everything was forgotten. What was asked for before does not count any more: it may belong to the account
/// that was signed in then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Era(u64);

/// The present era, to be kept with a request.
pub(crate) fn era(services: &Services) -> Era {
    known(services).era
}

/// Takes what a response to a request of that era said and tells the client what changed by it: each limit by itself,
/// and the main one last, because a client that does not look at ids shows whatever came last (backend specification 7).
pub(crate) fn update(services: &Services, headers: &RateLimitHeaders, era: Era) {
    let mut known = known(services);
    if known.era != era {
        return;
    }
    for stated in headers.others.iter().chain([&headers.main]) {
        if let Some(rate_limits) = known.news(stated, &headers.main) {
            services.host.notify(ServerNotification::AccountRateLimitsUpdated(
                AccountRateLimitsUpdatedNotification { rate_limits },
            ));
        }
    }
}

/// Asks the account's backend, and remembers the answer, so that what responses say later is merged into it (backend
/// specification 9).
///
/// # Errors
/// `Internal`, naming the cause, when there is no answer or it is not understood.
pub(crate) async fn ask(
    services: &Services,
    chatgpt_base_url: &str,
    bearer: &Secret,
    account_id: Option<&str>,
) -> Result<GetAccountRateLimitsResponse, CoreError> {
    let era = era(services);
    let user_agent = &services.client.user_agent;
    let usage = services
        .model
        .usage(&UsageCall { chatgpt_base_url, bearer, account_id, user_agent })
        .await
        .map_err(|error| CoreError::Internal(error.to_string()))?;
    let response = response(&usage);
    known(services).remember(&response, era);
    Ok(response)
}

/// Forgets what is known, because another account is signed in now, or none.
pub(crate) fn forget(services: &Services) {
    known(services).forget();
}

fn known(services: &Services) -> MutexGuard<'_, KnownLimits> {
    services.rate_limits.lock().unwrap_or_else(PoisonError::into_inner)
}

impl KnownLimits {
    /// Merges what a response said of one limit and returns the whole of it, if that is not what the client knows.
    fn news(&mut self, stated: &Stated, main: &Stated) -> Option<RateLimitSnapshot> {
        let last = self.limits.get(&stated.limit_id);
        let plan_type = self.limits.get(&main.limit_id).and_then(|main| main.plan_type);
        let merged = RateLimitSnapshot { plan_type, ..merge(last, stated) };
        let is_news = match last {
            Some(last) => *last != merged,
            // Nearly every provider states nothing.
            None => {
                merged.primary.is_some()
                    || merged.secondary.is_some()
                    || merged.credits.is_some()
                    || merged.rate_limit_reached_type.is_some()
            }
        };
        is_news.then(|| {
            self.limits.insert(stated.limit_id.clone(), merged.clone());
            merged
        })
    }

    fn remember(&mut self, response: &GetAccountRateLimitsResponse, era: Era) {
        if era == self.era {
            self.limits = response.rate_limits_by_limit_id.clone().unwrap_or_default();
        }
    }

    fn forget(&mut self) {
        self.era.0 += 1;
        self.limits.clear();
    }
}

/// Windows and the reason are replaced. What a response did not state, or never states, stays.
fn merge(last: Option<&RateLimitSnapshot>, stated: &Stated) -> RateLimitSnapshot {
    let last = last.cloned().unwrap_or_default();
    let stated = snapshot(stated);
    RateLimitSnapshot {
        credits: stated.credits.or(last.credits),
        limit_name: stated.limit_name.or(last.limit_name),
        individual_limit: last.individual_limit,
        spend_control_reached: last.spend_control_reached,
        ..stated
    }
}

/// Puts a backend's answer into the words of the wire (backend specification 9). The plan is the account's and stands with
/// every limit; credits and what a workspace allows stand with the main one (observed).
fn response(usage: &AccountUsage) -> GetAccountRateLimitsResponse {
    let plan_type = usage.plan.as_deref().map(plan_type);
    let spend = usage.spend_control.as_ref();
    let main = RateLimitSnapshot {
        plan_type,
        individual_limit: spend.and_then(|spend| spend.individual_limit.as_ref()).and_then(spend_limit),
        spend_control_reached: spend.and_then(|spend| spend.reached),
        ..snapshot(&usage.main)
    };
    let others = usage
        .others
        .iter()
        .map(|limit| (limit.limit_id.clone(), RateLimitSnapshot { plan_type, ..snapshot(limit) }));
    let by_id = others.chain([(usage.main.limit_id.clone(), main.clone())]).collect();
    GetAccountRateLimitsResponse {
        account_id: None,
        ordinary_usage_allowed: None,
        rate_limit_reset_credits: None,
        rate_limit_upsell: None,
        rate_limits: main,
        rate_limits_by_limit_id: Some(by_id),
    }
}

fn snapshot(stated: &Stated) -> RateLimitSnapshot {
    RateLimitSnapshot {
        limit_id: Some(stated.limit_id.clone()),
        limit_name: stated.limit_name.clone(),
        primary: stated.primary.map(window),
        secondary: stated.secondary.map(window),
        credits: stated.credits.as_ref().map(credits),
        rate_limit_reached_type: stated.reached_type.as_deref().and_then(reached_type),
        ..RateLimitSnapshot::default()
    }
}

fn window(window: Window) -> RateLimitWindow {
    RateLimitWindow {
        // Half up, as the wire has whole percents.
        used_percent: (window.used_percent + 0.5).floor() as i32,
        window_duration_mins: window.window_minutes,
        resets_at: window.resets_at,
    }
}

fn credits(credits: &Credits) -> CreditsSnapshot {
    CreditsSnapshot {
        has_credits: credits.has_credits,
        unlimited: credits.unlimited,
        balance: credits.balance.clone(),
    }
}

/// A reason this server has not heard of cannot be told: the wire has a fixed set.
fn reached_type(name: &str) -> Option<RateLimitReachedType> {
    Some(match name {
        "rate_limit_reached" => RateLimitReachedType::RateLimitReached,
        "workspace_owner_credits_depleted" => RateLimitReachedType::WorkspaceOwnerCreditsDepleted,
        "workspace_member_credits_depleted" => RateLimitReachedType::WorkspaceMemberCreditsDepleted,
        "workspace_owner_usage_limit_reached" => RateLimitReachedType::WorkspaceOwnerUsageLimitReached,
        "workspace_member_usage_limit_reached" => RateLimitReachedType::WorkspaceMemberUsageLimitReached,
        _ => return None,
    })
}

fn spend_limit(limit: &SpendLimit) -> Option<SpendControlLimitSnapshot> {
    Some(SpendControlLimitSnapshot {
        limit: limit.limit.clone(),
        remaining_percent: i32::try_from(limit.remaining_percent).ok()?,
        resets_at: limit.resets_at,
        used: limit.used.clone(),
    })
}

#[cfg(test)]
mod tests;
