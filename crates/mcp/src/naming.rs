//! The names under which the model knows the tools of servers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha1::{Digest as _, Sha1};

/// What all names begin with.
const PREFIX: &str = "mcp__";
/// Between the server's name and the tool's.
const SEPARATOR: &str = "__";
/// The model API takes no longer names, in bytes.
const MAX_BYTES: usize = 64;
/// How much of a name that is too long stays; the rest is a hash of 40 bytes.
const KEPT_BYTES: usize = 24;

/// Returns the name of a server's tool for the model, e.g. `mcp__files__read`: what the model API does not allow in names
/// becomes `_`, and a name over 64 bytes keeps its first 24 and goes on with the SHA-1 of the whole.
pub fn tool_name(server: &str, tool: &str) -> String {
    let raw = format!("{PREFIX}{server}{SEPARATOR}{tool}");
    let allowed = allowed(&raw);
    if allowed.len() <= MAX_BYTES {
        return allowed;
    }
    Sha1::digest(raw.as_bytes()).iter().fold(allowed[..KEPT_BYTES].to_owned(), |mut name, byte| {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
        name
    })
}

/// Returns a name with an `_` for every character the model API does not allow.
fn allowed(name: &str) -> String {
    name.chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() || matches!(character, '_' | '-') { character } else { '_' }
        })
        .collect()
}

/// The tools of several servers by the names the model knows them under.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    by_name: BTreeMap<String, (String, String)>,
}

impl Names {
    /// Gives each tool, as server and tool, its name. Of two that come to the same name the first keeps it.
    pub fn new<'a>(tools: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut names = Self::default();
        for (server, tool) in tools {
            let name = tool_name(server, tool);
            if let Some((other_server, other)) = names.by_name.get(&name) {
                tracing::warn!(%name, server, tool, other_server, other, "two tools have one name; the second is left out");
                continue;
            }
            names.by_name.insert(name, (server.to_owned(), tool.to_owned()));
        }
        names
    }

    /// Returns all names in their order, each with its server and tool.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.by_name.iter().map(|(name, (server, tool))| (name.as_str(), server.as_str(), tool.as_str()))
    }

    /// Returns the server and the tool a call means: by the name alone, or by the tool's own name and the namespace
    /// `mcp__<server>`.
    pub fn find(&self, namespace: Option<&str>, name: &str) -> Option<(&str, &str)> {
        let found = match namespace.and_then(|namespace| namespace.strip_prefix(PREFIX)) {
            Some(server) => {
                // Some models repeat the whole name within the namespace.
                let full = tool_name(server, name);
                self.by_name.get(&full).or_else(|| self.by_name.get(name).filter(|(of, _)| of == server))
            }
            None if namespace.is_none() => self.by_name.get(name),
            None => None,
        };
        found.map(|(server, tool)| (server.as_str(), tool.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    #[test]
    fn other_characters_become_underscores() {
        assert_eq!(tool_name("demo", "echo"), "mcp__demo__echo");
        assert_eq!(tool_name("demo", "dot.name!"), "mcp__demo__dot_name_");
        assert_eq!(tool_name("demo", "grün"), "mcp__demo__gr_n");
    }

    #[test]
    fn a_name_of_64_bytes_stays_and_a_longer_one_is_hashed() {
        let fits = "t".repeat(64 - "mcp__demo__".len());
        assert_eq!(tool_name("demo", &fits), format!("mcp__demo__{fits}"));
        let long = tool_name("demo", &format!("{fits}x"));
        assert_eq!(long.len(), 64);
        assert!(long.starts_with("mcp__demo__ttttttttttttt"), "{long}");
        assert!(long != tool_name("demo", &format!("{fits}y")));
    }

    #[test]
    fn calls_find_their_tools() {
        let names = Names::new([("b", "read"), ("a", "x.y"), ("a", "x!y")]);
        let listed: Vec<_> = names.iter().collect();
        assert_eq!(listed, [("mcp__a__x_y", "a", "x.y"), ("mcp__b__read", "b", "read")]);
        assert_eq!(names.find(None, "mcp__a__x_y"), Some(("a", "x.y")));
        assert_eq!(names.find(Some("mcp__b"), "read"), Some(("b", "read")));
        assert_eq!(names.find(Some("mcp__b"), "mcp__b__read"), Some(("b", "read")));
        assert_eq!(names.find(Some("mcp__a"), "x_y"), Some(("a", "x.y")));
        assert_eq!(names.find(Some("mcp__a"), "mcp__b__read"), None);
        assert_eq!(names.find(Some("other"), "read"), None);
        assert_eq!(names.find(None, "read"), None);
    }
}
