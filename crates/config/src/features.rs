//! The feature switches: names, defaults, older names. What a feature does is decided where it is used.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::error::DeprecationNotice;

/// How far a feature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureStage {
    /// It works.
    Stable,
    /// It is still to come, in whole or in part.
    UnderDevelopment,
    /// It works, and something else replaces it.
    Deprecated,
    /// The switch has no effect: what it stood for is always so, or never.
    Removed,
}

/// A switch as clients are shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// The key under `features`.
    pub name: String,
    /// How far it is.
    pub stage: FeatureStage,
    /// Whether it is on.
    pub enabled: bool,
    /// Whether it is on when nothing is set.
    pub default_enabled: bool,
}

use FeatureStage::{Deprecated, Removed, Stable, UnderDevelopment};

/// Name, default and stage of every switch there is (config.md section 12).
const FEATURES: &[(&str, bool, FeatureStage)] = &[
    ("undo", false, Removed),
    ("shell_tool", true, Stable),
    ("unified_exec", false, Stable),
    ("shell_snapshot", false, UnderDevelopment),
    ("sqlite", false, Removed),
    ("child_agents_md", false, UnderDevelopment),
    ("apply_patch_freeform", false, Removed),
    ("exec_policy", true, Removed),
    ("hooks", true, Stable),
    ("request_rule", false, Removed),
    ("remote_compaction", true, Stable),
    ("remote_models", true, Stable),
    ("enable_request_compression", true, UnderDevelopment),
    ("apps", false, UnderDevelopment),
    ("skill_mcp_dependency_install", true, UnderDevelopment),
    ("steer", false, Removed),
    ("collaboration_modes", false, Removed),
    ("goals", true, Stable),
    ("multi_agent", true, Stable),
    ("personality", false, Removed),
    ("responses_websockets", false, UnderDevelopment),
    ("web_search_request", false, Deprecated),
    ("web_search_cached", false, Deprecated),
];

/// Older names within `features`.
const RENAMED: &[(&str, &str)] = &[
    ("connectors", "apps"),
    ("collab", "multi_agent"),
    ("web_search", "web_search_request"),
    ("experimental_use_unified_exec_tool", "unified_exec"),
    ("experimental_use_freeform_apply_patch", "apply_patch_freeform"),
    ("include_apply_patch_tool", "apply_patch_freeform"),
];

/// Those of the older names that were keys of the top level.
const LEGACY_KEYS: &[(&str, &str)] = &[
    ("experimental_use_unified_exec_tool", "unified_exec"),
    ("experimental_use_freeform_apply_patch", "apply_patch_freeform"),
    ("include_apply_patch_tool", "apply_patch_freeform"),
];

/// The feature switches in force. Unknown names are kept: a newer client may ask about them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Features(BTreeMap<String, bool>);

impl Features {
    /// Returns whether a feature is on: what was set, else its default, else off.
    pub fn enabled(&self, name: &str) -> bool {
        self.explicit(name).unwrap_or_else(|| FEATURES.iter().any(|(known, on, _)| *known == name && *on))
    }

    /// Returns what was set for a feature, if anything was.
    pub fn explicit(&self, name: &str) -> Option<bool> {
        self.0.get(name).copied()
    }

    /// Returns every switch there is in its order, then those that were set and are not known, by name.
    pub fn all(&self) -> Vec<Feature> {
        let known = FEATURES.iter().map(|(name, default_enabled, stage)| Feature {
            name: (*name).to_owned(),
            stage: *stage,
            enabled: self.enabled(name),
            default_enabled: *default_enabled,
        });
        let unknown = self.0.iter().filter(|(name, _)| stage_of(name).is_none()).map(|(name, on)| Feature {
            name: name.clone(),
            stage: UnderDevelopment,
            enabled: *on,
            default_enabled: false,
        });
        known.chain(unknown).collect()
    }

    /// Reads the switches out of a merged table, and what should be written differently.
    pub(crate) fn from_table(table: &Table) -> (Self, Vec<DeprecationNotice>) {
        let mut set = BTreeMap::new();
        let mut notices = Vec::new();
        // The older top-level switches rank below the table that replaced them.
        for (old, new) in LEGACY_KEYS {
            if let Some(on) = table.get(*old).and_then(Value::as_bool) {
                set.insert((*new).to_owned(), on);
                notices.push(renamed(old, new));
            }
        }
        for (name, value) in table.get("features").and_then(Value::as_table).into_iter().flatten() {
            // Today's form may be a table of options with its own switch.
            let on = value.as_bool().or_else(|| value.get("enabled").and_then(Value::as_bool));
            let Some(on) = on else { continue };
            let new = RENAMED.iter().find(|(old, _)| old == name).map_or(name.as_str(), |(_, new)| new);
            if new.starts_with("web_search") {
                notices.push(DeprecationNotice {
                    summary: format!("`features.{name}` is out of date."),
                    details: Some(
                        "Set `web_search` to \"disabled\", \"cached\" or \"live\" instead.".to_owned(),
                    ),
                });
            } else if new != name {
                notices.push(renamed(&format!("features.{name}"), new));
            }
            set.insert(new.to_owned(), on);
        }
        (Self(set), notices)
    }
}

/// Returns how far a feature is; `None` for a name that is not known.
pub fn stage_of(name: &str) -> Option<FeatureStage> {
    FEATURES.iter().find(|(known, ..)| *known == name).map(|(.., stage)| *stage)
}

/// Names the features that were switched on before they are there.
pub(crate) fn unstable(table: &BTreeMap<String, Value>) -> Vec<&str> {
    let is_unstable = |name: &&String| stage_of(name) == Some(UnderDevelopment);
    let switched_on = table.iter().filter(|(_, value)| value.as_bool() == Some(true)).map(|(name, _)| name);
    switched_on.filter(is_unstable).map(String::as_str).collect()
}

fn renamed(old: &str, new: &str) -> DeprecationNotice {
    DeprecationNotice {
        summary: format!("`{old}` is out of date."),
        details: Some(format!("Set `{new}` under [features] instead.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn defaults_aliases_and_unknown_names() {
        let (features, notices) = Features::from_table(
            &"experimental_use_unified_exec_tool = true\n[features]\nconnectors = true\nshell_tool = false\n\
              tomorrow = true\nmemories = { enabled = true, size = 3 }"
                .parse()
                .unwrap(),
        );
        assert!(features.enabled("unified_exec") && features.enabled("apps") && features.enabled("tomorrow"));
        assert!(features.enabled("memories") && features.enabled("exec_policy"));
        assert!(!features.enabled("shell_tool") && !features.enabled("undo") && !features.enabled("absent"));
        let summaries: Vec<_> = notices.iter().map(|notice| notice.summary.as_str()).collect();
        assert_eq!(
            summaries,
            ["`experimental_use_unified_exec_tool` is out of date.", "`features.connectors` is out of date."]
        );
        let all = features.all();
        let find = |name: &str| all.iter().find(|feature| feature.name == name).unwrap();
        assert_eq!((find("remote_models").enabled, find("remote_models").stage), (true, Stable));
        assert_eq!((find("shell_tool").enabled, find("shell_tool").default_enabled), (false, true));
        assert_eq!((find("tomorrow").enabled, find("tomorrow").stage), (true, UnderDevelopment));
        assert_eq!(all.len(), FEATURES.len() + 2);
    }
}
