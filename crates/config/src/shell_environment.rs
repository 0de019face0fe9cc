//! Which variables commands see: `shell_environment_policy`. It starts no process and knows nothing of sandboxes.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::env::Environment;
use crate::glob::Glob;
use crate::providers::ProviderConfig;
use crate::settings::Config;
use crate::values::EnvironmentInherit;

/// Names that are taken for those of secrets, each a word anywhere in the name, capital or small. Variables with such
/// names are kept from commands unless `ignore_default_excludes` is set (decisions.md, "Trust, secrets, sandbox"; the
/// references hand them on).
pub const DEFAULT_EXCLUDES: &[&str] = &["*KEY*", "*SECRET*", "*TOKEN*", "*PASSWORD*", "*CREDENTIAL*"];

/// What `inherit = "core"` hands on, of both eras (tools.md 5.3).
pub const CORE: &[&str] = &[
    "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TEMP", "TMP", "TMPDIR", "USER",
    "USERNAME",
];

/// The decoded `shell_environment_policy`. A part that is malformed is an error when the configuration is loaded, so
/// that it never means "hand on everything".
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, expecting = "a table")]
pub struct ShellEnvironmentPolicy {
    /// What to start from.
    pub inherit: EnvironmentInherit,
    /// Hand on variables whatever their names look like.
    pub ignore_default_excludes: bool,
    /// Variables to remove.
    exclude: Vec<NamePattern>,
    /// Variables to add or replace.
    #[serde(deserialize_with = "variables")]
    pub set: BTreeMap<String, String>,
    /// The only variables to keep, also of those set; empty keeps all.
    include_only: Vec<NamePattern>,
    /// Accepted for its users; a login shell reads the user's profile anyway.
    experimental_use_profile: bool,
}

impl ShellEnvironmentPolicy {
    /// Applies the policy, in the order of config.md section 9: inherit, default excludes, `exclude`, `set`,
    /// `include_only`.
    fn apply(&self, environment: &Environment) -> BTreeMap<OsString, OsString> {
        let inherited = |name: &OsStr| match self.inherit {
            EnvironmentInherit::All => true,
            EnvironmentInherit::Core => CORE.iter().any(|core| name == *core),
            EnvironmentInherit::None => false,
        };
        let mut variables: BTreeMap<OsString, OsString> = environment
            .vars()
            .filter(|(name, _)| inherited(name))
            .filter(|(name, _)| self.ignore_default_excludes || !looks_secret(name))
            .filter(|(name, _)| !any_matches(&self.exclude, name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        variables.extend(self.set.iter().map(|(name, value)| (name.into(), value.into())));
        if !self.include_only.is_empty() {
            variables.retain(|name, _| any_matches(&self.include_only, name));
        }
        variables
    }
}

/// Shows no values: they may be secrets.
impl fmt::Debug for ShellEnvironmentPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShellEnvironmentPolicy")
            .field("inherit", &self.inherit)
            .field("ignore_default_excludes", &self.ignore_default_excludes)
            .field("exclude", &self.exclude)
            .field("set", &self.set.keys().collect::<Vec<_>>())
            .field("include_only", &self.include_only)
            .finish_non_exhaustive()
    }
}

/// A pattern for names in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NamePattern(Glob);

impl<'de> Deserialize<'de> for NamePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pattern = String::deserialize(deserializer)?;
        let glob = Glob::parse(&pattern)
            .map_err(|error| D::Error::custom(format_args!("`{pattern}` is no pattern: {error}")))?;
        Ok(Self(glob))
    }
}

/// Reads variables to set. No process can be given a name with `=` or a NUL in it, nor a value with a NUL.
fn variables<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let set = BTreeMap::<String, String>::deserialize(deserializer)?;
    for (name, value) in &set {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(D::Error::custom(format_args!("{name:?} cannot be the name of a variable")));
        }
        if value.contains('\0') {
            return Err(D::Error::custom(format_args!("the value of `{name}` holds a NUL")));
        }
    }
    Ok(set)
}

fn any_matches(patterns: &[NamePattern], name: &OsStr) -> bool {
    // A name that is not UTF-8 is matched as it would be shown.
    let name = name.to_string_lossy();
    patterns.iter().any(|pattern| pattern.0.matches(&name))
}

/// Returns the whole environment of a command, by name: what `config` makes of `environment`, and `extra`, which comes
/// last and wins: those are the marks and settings of the server itself.
pub fn child_environment(
    config: &Config,
    environment: &Environment,
    extra: &[(&str, &str)],
) -> Vec<(OsString, OsString)> {
    let policy = &config.shell_environment_policy;
    let mut variables = policy.apply(environment);
    if !policy.ignore_default_excludes {
        // A provider's key is a secret whatever its variable is called.
        for name in config.model_providers.values().flat_map(ProviderConfig::secret_variables) {
            if !policy.set.contains_key(name) {
                variables.remove(OsStr::new(name));
            }
        }
    }
    variables.extend(extra.iter().map(|(name, value)| (name.into(), value.into())));
    variables.into_iter().collect()
}

/// Returns whether the name of a variable says that its value is a secret; see [`DEFAULT_EXCLUDES`].
pub fn looks_secret(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_uppercase();
    DEFAULT_EXCLUDES.iter().any(|pattern| name.contains(pattern.trim_matches('*')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    /// The names and values that are left of a small environment, sorted.
    fn left(policy: &str) -> String {
        let environment = Environment::from_pairs([
            ("AWS_REGION", "eu"),
            ("EDITOR", "vi"),
            ("HOME", "/h"),
            ("LANG", "C"),
            ("OPENAI_API_KEY", "sk-1"),
            ("PATH", "/bin"),
            ("USERNAME", "me"),
            ("gh_token", "t"),
        ]);
        let policy: ShellEnvironmentPolicy = toml::from_str(policy).unwrap();
        let pairs = policy.apply(&environment);
        let pairs = pairs.iter().map(|(name, value)| format!("{}={}", name.display(), value.display()));
        pairs.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_policies_leave() {
        for (policy, expected) in [
            ("", "AWS_REGION=eu EDITOR=vi HOME=/h LANG=C PATH=/bin USERNAME=me"),
            ("inherit = 'all'\nexclude = ['aws_*', '[e]?itor']", "HOME=/h LANG=C PATH=/bin USERNAME=me"),
            ("inherit = 'core'", "HOME=/h LANG=C PATH=/bin USERNAME=me"),
            ("inherit = 'none'", ""),
            ("inherit = 'none'\nset = { A = '1', GH_TOKEN = 'mine' }", "A=1 GH_TOKEN=mine"),
            (
                "ignore_default_excludes = true\nexclude = ['AWS*', 'H*', 'L*', 'P*', 'U*']",
                "EDITOR=vi OPENAI_API_KEY=sk-1 gh_token=t",
            ),
            (
                "ignore_default_excludes = true\ninclude_only = ['*key*', '*TOKEN']",
                "OPENAI_API_KEY=sk-1 gh_token=t",
            ),
            // The default excludes come before: naming a secret here does not bring it back.
            ("include_only = ['OPENAI_API_KEY', 'PATH']", "PATH=/bin"),
            // What is set is not excluded, but must be included.
            ("set = { PATH = '/x', NEW = 'n' }\nexclude = ['PATH']\ninclude_only = ['P*']", "PATH=/x"),
            ("include_only = []\nexclude = ['*']", ""),
            ("inherit = 'core'\nexperimental_use_profile = true\ninclude_only = ['home']", "HOME=/h"),
        ] {
            assert_eq!(left(policy), expected, "{policy}");
        }
    }

    #[test]
    fn names_of_secrets() {
        for name in [
            "OPENAI_API_KEY",
            "GH_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "npm_config_token",
            "PGPASSWORD",
            "My_Credentials",
            "KEY",
        ] {
            assert!(looks_secret(OsStr::new(name)), "{name}");
        }
        for name in ["PATH", "HOME", "SSH_AUTH_SOCK", "K_E_Y", "TOKE", ""] {
            assert!(!looks_secret(OsStr::new(name)), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf_8_are_filtered_like_others() {
        use std::os::unix::ffi::OsStrExt as _;
        let name = |bytes| OsStr::from_bytes(bytes).to_owned();
        let environment = Environment::from_pairs([
            (name(b"A\xff_KEY"), name(b"sk-1")),
            (name(b"B\xff"), name(b"\xfe")),
            (name(b"C\xff"), name(b"c")),
        ]);
        let policy: ShellEnvironmentPolicy = toml::from_str("exclude = ['c?']").unwrap();
        assert_eq!(policy.apply(&environment), BTreeMap::from([(name(b"B\xff"), name(b"\xfe"))]));
    }

    #[test]
    fn debug_shows_no_values() {
        let policy: ShellEnvironmentPolicy = toml::from_str("set = { A = 'hunter2' }").unwrap();
        let shown = format!("{policy:?}");
        assert!(shown.contains("\"A\"") && !shown.contains("hunter2"), "{shown}");
    }
}
