//! The names of plans. Knows nothing about where a name comes from.

use app_server_protocol::v2::PlanType;

/// Returns the plan a token's claim or the account's backend names; `Unknown` for a name this server has not heard of
/// (auth specification 6, backend specification 9).
///
/// The backend has names for plans that the wire has none for (`guest`, `free_workspace`, `quorum`, `k12`): unknown too.
pub(crate) fn plan_type(name: &str) -> PlanType {
    match name {
        "free" => PlanType::Free,
        "go" => PlanType::Go,
        "plus" => PlanType::Plus,
        "pro" => PlanType::Pro,
        "prolite" => PlanType::Prolite,
        "promax" => PlanType::Promax,
        "team" => PlanType::Team,
        "self_serve_business_prolite" => PlanType::SelfServeBusinessProlite,
        "self_serve_business_usage_based" => PlanType::SelfServeBusinessUsageBased,
        "business" => PlanType::Business,
        "ent26" => PlanType::Ent26,
        "enterprise_cbp_automation" => PlanType::EnterpriseCbpAutomation,
        "enterprise_cbp_usage_based" => PlanType::EnterpriseCbpUsageBased,
        "enterprise" | "hc" => PlanType::Enterprise,
        "edu" | "education" => PlanType::Edu,
        "edu_plus" => PlanType::EduPlus,
        "edu_pro" => PlanType::EduPro,
        "sci" => PlanType::Sci,
        "sci_plus" => PlanType::SciPlus,
        _ => PlanType::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The name a client sees.
    fn shown(name: &str) -> Value {
        serde_json::to_value(plan_type(name)).unwrap()
    }

    #[test]
    fn names_of_the_wire_are_kept() {
        for name in [
            "free",
            "go",
            "plus",
            "pro",
            "prolite",
            "promax",
            "team",
            "self_serve_business_prolite",
            "self_serve_business_usage_based",
            "business",
            "ent26",
            "enterprise_cbp_automation",
            "enterprise_cbp_usage_based",
            "enterprise",
            "edu",
            "edu_plus",
            "edu_pro",
            "sci",
            "sci_plus",
            "unknown",
        ] {
            assert_eq!(shown(name), json!(name));
        }
    }

    #[test]
    fn other_names() {
        for (name, expected) in [
            ("hc", "enterprise"),
            ("education", "edu"),
            ("guest", "unknown"),
            ("free_workspace", "unknown"),
            ("quorum", "unknown"),
            ("k12", "unknown"),
            ("", "unknown"),
            ("Pro", "unknown"),
            ("plan of tomorrow", "unknown"),
        ] {
            assert_eq!(shown(name), json!(expected), "{name}");
        }
    }
}
