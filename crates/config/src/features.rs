//! The feature switches: names, defaults, older names. What a feature does is decided where it is used.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::error::DeprecationNotice;

/// Name and default of every switch that is looked at (config.md section 12).
const FEATURES: &[(&str, bool)] = &[
    ("undo", false),
    ("shell_tool", true),
    ("unified_exec", false),
    ("shell_snapshot", false),
    ("sqlite", false),
    ("child_agents_md", false),
    ("apply_patch_freeform", false),
    ("exec_policy", true),
    ("request_rule", false),
    ("remote_compaction", true),
    ("remote_models", true),
    ("enable_request_compression", true),
    ("apps", false),
    ("skill_mcp_dependency_install", true),
    ("steer", false),
    ("collaboration_modes", false),
    ("goals", true),
    ("multi_agent", true),
    ("personality", false),
    ("responses_websockets", false),
    ("web_search_request", false),
    ("web_search_cached", false),
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
        self.explicit(name).unwrap_or_else(|| FEATURES.iter().any(|(known, on)| *known == name && *on))
    }

    /// Returns what was set for a feature, if anything was.
    pub fn explicit(&self, name: &str) -> Option<bool> {
        self.0.get(name).copied()
    }

    /// Iterates over every known or set feature with its state, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, bool)> {
        let mut all: BTreeMap<&str, bool> = FEATURES.iter().copied().collect();
        all.extend(self.0.iter().map(|(name, on)| (name.as_str(), *on)));
        all.into_iter()
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
        assert!(features.iter().any(|entry| entry == ("remote_models", true)));
    }
}
