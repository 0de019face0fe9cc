//! Limits as the model's server states them, merged into what the client was last told.

use app_server_model_client::{RateLimitHeaders, RateLimitSnapshot as Stated, Window};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    AccountRateLimitsUpdatedNotification, CreditsSnapshot, RateLimitSnapshot, RateLimitWindow,
};

use crate::services::Services;

/// Takes what a response said and tells the client if that changed anything (backend specification 7).
pub(crate) fn update(services: &Services, headers: &RateLimitHeaders) {
    let mut last = services.rate_limits.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let merged = merge(last.as_ref(), &headers.main);
    let is_news = match &*last {
        Some(last) => *last != merged,
        None => merged.primary.is_some() || merged.secondary.is_some() || merged.credits.is_some(),
    };
    if is_news {
        *last = Some(merged.clone());
        let rate_limits = merged;
        services.host.notify(ServerNotification::AccountRateLimitsUpdated(
            AccountRateLimitsUpdatedNotification { rate_limits },
        ));
    }
}

/// Windows are replaced; credits and the plan stay when a response does not state them.
fn merge(last: Option<&RateLimitSnapshot>, stated: &Stated) -> RateLimitSnapshot {
    let credits = stated.credits.as_ref().map(|credits| CreditsSnapshot {
        has_credits: credits.has_credits,
        unlimited: credits.unlimited,
        balance: credits.balance.clone(),
    });
    RateLimitSnapshot {
        limit_id: Some(stated.limit_id.clone()),
        limit_name: stated.limit_name.clone(),
        primary: stated.primary.map(window),
        secondary: stated.secondary.map(window),
        credits: credits.or_else(|| last.and_then(|last| last.credits.clone())),
        plan_type: last.and_then(|last| last.plan_type),
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
