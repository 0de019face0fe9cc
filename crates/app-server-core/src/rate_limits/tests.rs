//! Limits as they are stated, merged and told.

use app_server_model_client::SpendControl;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::*;

/// A limit of which only this is stated.
fn limit(id: &str, used_percent: Option<f64>) -> Stated {
    Stated {
        limit_id: id.to_owned(),
        limit_name: None,
        primary: used_percent.map(|used_percent| Window {
            used_percent,
            window_minutes: Some(300),
            resets_at: None,
        }),
        secondary: None,
        credits: None,
        reached_type: None,
    }
}

fn stated_credits(balance: &str) -> Option<Credits> {
    Some(Credits { has_credits: true, unlimited: false, balance: Some(balance.to_owned()) })
}

/// What the client is told of a statement about the main limit, without what is null.
fn told(known: &mut KnownLimits, stated: &Stated) -> Value {
    known.news(stated, &limit("codex", None)).map_or(Value::Null, |told| shown(&told))
}

/// As JSON without what is null.
fn shown(limit: &RateLimitSnapshot) -> Value {
    let mut json = serde_json::to_value(limit).unwrap();
    json.as_object_mut().unwrap().retain(|_, member| !member.is_null());
    json
}

fn window_of(used_percent: i32) -> Value {
    json!({"usedPercent": used_percent, "windowDurationMins": 300, "resetsAt": null})
}

fn usage() -> AccountUsage {
    AccountUsage {
        plan: Some("hc".to_owned()),
        main: Stated {
            credits: stated_credits("9.5"),
            reached_type: Some("workspace_member_usage_limit_reached".to_owned()),
            ..limit("codex", Some(25.0))
        },
        others: vec![Stated { limit_name: Some("Spark".to_owned()), ..limit("codex_spark", Some(7.0)) }],
        spend_control: Some(SpendControl {
            reached: Some(true),
            individual_limit: Some(SpendLimit {
                limit: "20".to_owned(),
                used: "20.5".to_owned(),
                remaining_percent: 0,
                resets_at: 1_730_947_200,
            }),
        }),
    }
}

#[test]
fn percents_are_rounded_half_up() {
    for (used_percent, expected) in
        [(0.4, 0), (0.5, 1), (12.5, 13), (42.49, 42), (99.6, 100), (140.0, 140), (-0.5, 0), (1e300, i32::MAX)]
    {
        let rounded = window(Window { used_percent, window_minutes: None, resets_at: None }).used_percent;
        assert_eq!(rounded, expected, "{used_percent}");
    }
}

#[test]
fn each_change_is_told_once() {
    let mut known = KnownLimits::default();
    assert_eq!(told(&mut known, &limit("codex", None)), Value::Null);
    let first = json!({"limitId": "codex", "primary": window_of(43)});
    assert_eq!(told(&mut known, &limit("codex", Some(42.5))), first);
    assert_eq!(told(&mut known, &limit("codex", Some(42.6))), Value::Null);
    assert_eq!(
        told(&mut known, &limit("codex", Some(44.0))),
        json!({"limitId": "codex", "primary": window_of(44)})
    );
    assert_eq!(told(&mut known, &limit("codex", None)), json!({"limitId": "codex"}));
    assert_eq!(told(&mut known, &limit("codex", None)), Value::Null);
}

#[test]
fn credits_stay_and_reasons_do_not() {
    let mut known = KnownLimits::default();
    let stated = Stated {
        credits: stated_credits("12"),
        reached_type: Some("rate_limit_reached".to_owned()),
        ..limit("codex", Some(100.0))
    };
    let credits = json!({"hasCredits": true, "unlimited": false, "balance": "12"});
    assert_eq!(
        told(&mut known, &stated),
        json!({
            "limitId": "codex",
            "primary": window_of(100),
            "credits": credits,
            "rateLimitReachedType": "rate_limit_reached",
        })
    );
    assert_eq!(told(&mut known, &limit("codex", None)), json!({"limitId": "codex", "credits": credits}));
}

#[test]
fn limits_are_told_apart() {
    let mut known = KnownLimits::default();
    let spark = Stated { limit_name: Some("Spark".to_owned()), ..limit("codex_spark", Some(7.0)) };
    let told_spark = json!({"limitId": "codex_spark", "limitName": "Spark", "primary": window_of(7)});
    assert_eq!(told(&mut known, &spark), told_spark);
    assert_eq!(
        told(&mut known, &limit("codex", Some(1.0))),
        json!({"limitId": "codex", "primary": window_of(1)})
    );
    // The name is not repeated in every response.
    assert_eq!(told(&mut known, &limit("codex_spark", Some(7.0))), Value::Null);
    assert_eq!(told(&mut known, &limit("codex_empty", None)), Value::Null);
}

#[test]
fn a_reason_alone_is_told() {
    let reason = "workspace_owner_credits_depleted";
    let stated = Stated { reached_type: Some(reason.to_owned()), ..limit("codex", None) };
    assert_eq!(
        told(&mut KnownLimits::default(), &stated),
        json!({"limitId": "codex", "rateLimitReachedType": reason})
    );
}

#[test]
fn the_answer_in_words_of_the_wire() {
    let answer = response(&usage());
    let main = json!({
        "limitId": "codex",
        "primary": window_of(25),
        "credits": {"hasCredits": true, "unlimited": false, "balance": "9.5"},
        "planType": "enterprise",
        "rateLimitReachedType": "workspace_member_usage_limit_reached",
        "spendControlReached": true,
        "individualLimit": {"limit": "20", "used": "20.5", "remainingPercent": 0, "resetsAt": 1_730_947_200},
    });
    let spark = json!({
        "limitId": "codex_spark",
        "limitName": "Spark",
        "primary": window_of(7),
        "planType": "enterprise",
    });
    assert_eq!(shown(&answer.rate_limits), main);
    let by_id = answer.rate_limits_by_limit_id.unwrap();
    let by_id: Vec<_> = by_id.iter().map(|(id, limit)| (id.as_str(), shown(limit))).collect();
    assert_eq!(by_id, [("codex", main), ("codex_spark", spark)]);
}

#[test]
fn an_answer_that_says_nothing() {
    let usage =
        AccountUsage { plan: None, main: limit("codex", None), others: Vec::new(), spend_control: None };
    let answer = serde_json::to_value(response(&usage)).unwrap();
    let nothing = json!({
        "limitId": "codex", "limitName": null, "normalModelSlug": null, "primary": null, "secondary": null,
        "credits": null, "individualLimit": null, "spendControlReached": null, "planType": null,
        "rateLimitReachedType": null,
    });
    assert_eq!(
        answer,
        json!({
            "accountId": null,
            "ordinaryUsageAllowed": null,
            "rateLimitResetCredits": null,
            "rateLimitUpsell": null,
            "rateLimits": nothing,
            "rateLimitsByLimitId": {"codex": nothing},
        })
    );
}

#[test]
fn words_that_have_no_place_on_the_wire() {
    let mut usage = usage();
    usage.plan = Some("plan of tomorrow".to_owned());
    usage.main.reached_type = Some("reason of tomorrow".to_owned());
    let limit = usage.spend_control.as_mut().and_then(|spend| spend.individual_limit.as_mut()).unwrap();
    limit.remaining_percent = i64::MAX;
    let main = shown(&response(&usage).rate_limits);
    assert_eq!(main["planType"], "unknown");
    assert_eq!((&main["rateLimitReachedType"], &main["individualLimit"]), (&Value::Null, &Value::Null));
}

#[test]
fn responses_are_merged_into_the_answer() {
    let mut known = KnownLimits::default();
    known.remember(&response(&usage()), Era::default());
    let stated = Stated {
        reached_type: Some("workspace_member_usage_limit_reached".to_owned()),
        ..limit("codex", Some(25.0))
    };
    assert_eq!(told(&mut known, &stated), Value::Null);
    let told_main = told(&mut known, &limit("codex", Some(26.0)));
    assert_eq!((&told_main["primary"], &told_main["planType"]), (&window_of(26), &json!("enterprise")));
    assert_eq!(
        (&told_main["credits"]["balance"], &told_main["spendControlReached"]),
        (&json!("9.5"), &json!(true))
    );
    assert_eq!(told(&mut known, &limit("codex_spark", Some(7.0))), Value::Null);
    assert_eq!(told(&mut known, &limit("codex_new", Some(1.0)))["planType"], "enterprise");
}

#[test]
fn an_answer_for_the_account_before_is_not_remembered() {
    let mut known = KnownLimits::default();
    known.remember(&response(&usage()), Era::default());
    let asked_at = known.era;
    known.forget();
    known.remember(&response(&usage()), asked_at);
    assert_eq!(
        told(&mut known, &limit("codex", Some(25.0))),
        json!({"limitId": "codex", "primary": window_of(25)})
    );
}
