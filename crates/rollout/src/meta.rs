//! `session_meta`, the line that starts a rollout, in both eras' spelling. Must not know where the file lies.

use std::path::PathBuf;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

/// Payload of a `session_meta` line (rollouts.md 2.2).
///
/// The first five fields are required: both reference versions refuse a file that lacks one. An optional field
/// whose value has an unexpected shape reads as absent, because a thread must not be lost over a detail.
/// Unknown fields are ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionMeta {
    /// Thread id. In a fork the first `session_meta` of the file is the one that counts.
    pub id: Uuid,
    /// Creation time, RFC 3339 UTC in milliseconds; may be empty.
    pub timestamp: String,
    /// Working directory at creation.
    pub cwd: PathBuf,
    /// Client that created the thread.
    pub originator: String,
    /// Version of the program that created the thread.
    pub cli_version: String,
    /// Kind of session that created the thread; `vscode` when absent.
    #[serde(default)]
    pub source: Source,
    /// Model provider; absent means the reader's default one.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub model_provider: Option<String>,
    /// Base instructions, used verbatim on resume. Left out of the headers a list returns.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub base_instructions: Option<BaseInstructions>,
    /// Thread this one was forked from.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub forked_from_id: Option<Uuid>,
    /// State of the git checkout at creation.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub git: Option<GitInfo>,
    /// Root of the session tree (0.169); absent means `id`.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Uuid>,
    /// Form of the history (0.169); absent means legacy.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub history_mode: Option<HistoryMode>,
    /// Whether the thread belongs to the signed-in account (0.169).
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub account_scoped: Option<bool>,
    /// Workspace roots at creation (0.169).
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub runtime_workspace_roots: Option<Vec<PathBuf>>,
    /// What started the thread, as the client named it (0.169).
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub thread_source: Option<String>,
    /// Thread that spawned this one (0.169).
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub parent_thread_id: Option<Uuid>,
    /// Nickname of a spawned agent (0.169).
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub agent_nickname: Option<String>,
    /// Role of a spawned agent (0.169).
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub agent_role: Option<String>,
    /// Path of a spawned agent in the tree of agents (0.169).
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub agent_path: Option<String>,
    /// Tools the client declared (0.169). Left out of the headers a list returns.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub dynamic_tools: Option<Value>,
    /// Memory setting of the thread (0.169), opaque.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub memory_mode: Option<Value>,
    /// Position in another rollout this history continues (0.169 forks and reverts); [`crate::Store::scan_history`] follows it.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub history_base: Option<HistoryBase>,
    /// First ordinal that belongs to a sub-agent itself (0.169).
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub subagent_history_start_ordinal: Option<u64>,
    /// Context window marker (0.169), opaque.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub context_window: Option<Value>,
    /// Version of the sub-agent protocol (0.169), opaque.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub multi_agent_version: Option<Value>,
}

impl SessionMeta {
    /// Returns the form of the history, which is legacy unless the file says otherwise.
    pub fn history_mode(&self) -> HistoryMode {
        self.history_mode.unwrap_or_default()
    }

    /// Returns the thread whose agent this one is: 0.169 says so in a field, 0.94 in the source.
    pub fn spawned_by(&self) -> Option<Uuid> {
        let in_source = || match &self.source {
            Source::SubAgent(kind) => {
                let parent = kind.get("thread_spawn")?.get("parent_thread_id")?.as_str()?;
                Uuid::try_parse(parent).ok()
            }
            _ => None,
        };
        self.parent_thread_id.or_else(in_source)
    }

    /// Drops what a list never shows and what would make a cache of many threads large.
    pub(crate) fn slim(mut self) -> Self {
        self.base_instructions = None;
        self.dynamic_tools = None;
        self
    }
}

/// Base instructions as stored in `session_meta`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseInstructions {
    /// The text itself.
    pub text: String,
}

/// Where the history of a 0.169 fork, or of a reverted thread, comes from (observed: the byte offset is there as well
/// and is not needed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryBase {
    /// Segment whose rollout holds the start of the history: the thread's id for the first file of a thread, for the
    /// file that a revert began the id behind the thread's in its name.
    pub thread_id: Uuid,
    /// First ordinal that is not part of it.
    pub end_ordinal_exclusive: u64,
}

/// State of the git checkout when the thread was created.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitInfo {
    /// Commit checked out.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub commit_hash: Option<String>,
    /// Branch checked out.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// URL of the remote.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub repository_url: Option<String>,
}

/// Form in which a file keeps its history (rollouts.md 2 and 12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryMode {
    /// Lines without ordinals; readable by every version.
    #[default]
    Legacy,
    /// Lines numbered by `ordinal`, items as `item_completed` events only.
    Paginated,
    /// A form this version does not know: readable as far as it goes, never appended to.
    #[serde(other, skip_serializing)]
    Unknown,
}

/// Kind of session that created a thread.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Source {
    /// The terminal program.
    Cli,
    /// An editor, and everything made through the app server (both reference versions label it so).
    #[default]
    Vscode,
    /// A one-shot run.
    Exec,
    /// The MCP server.
    Mcp,
    /// The app server, where a writer labels it apart.
    AppServer,
    /// A string this version does not know.
    Unknown,
    /// A name of the client's own choice (0.169).
    Custom(String),
    /// A spawned agent; the value says which kind (`"review"`, `{"thread_spawn":..}`, ..).
    SubAgent(Value),
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match self {
            Self::Cli => "cli",
            Self::Vscode => "vscode",
            Self::Exec => "exec",
            Self::Mcp => "mcp",
            Self::AppServer => "appServer",
            Self::Unknown => "unknown",
            Self::Custom(name) => {
                return serializer.serialize_newtype_variant("Source", 6, "custom", name);
            }
            Self::SubAgent(kind) => {
                return serializer.serialize_newtype_variant("Source", 7, "subagent", kind);
            }
        };
        serializer.serialize_str(text)
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::String(text) => match text.as_str() {
                "cli" => Self::Cli,
                "vscode" | "vsCode" => Self::Vscode,
                "exec" => Self::Exec,
                "mcp" => Self::Mcp,
                "appServer" | "app_server" | "app-server" => Self::AppServer,
                _ => Self::Unknown,
            },
            Value::Null => Self::default(),
            Value::Object(map) => match map.into_iter().next() {
                Some((key, kind)) if matches!(key.as_str(), "subagent" | "subAgent" | "sub_agent") => {
                    Self::SubAgent(kind)
                }
                Some((key, Value::String(name))) if key == "custom" => Self::Custom(name),
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        })
    }
}

/// Reads a value that may be absent, null or of a shape this version does not know (which reads as absent).
fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let raw = Box::<RawValue>::deserialize(deserializer).map_err(D::Error::custom)?;
    Ok(serde_json::from_str::<Option<T>>(raw.get()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check_source(json: &str, expected: &Expect) {
        let source: Source = serde_json::from_str(json).unwrap();
        expected.assert_eq(&format!("{source:?} {}", serde_json::to_string(&source).unwrap()));
    }

    #[test]
    fn sources_of_both_eras_are_read() {
        check_source(r#""cli""#, &expect![[r#"Cli "cli""#]]);
        check_source(r#""vscode""#, &expect![[r#"Vscode "vscode""#]]);
        check_source(r#""appServer""#, &expect![[r#"AppServer "appServer""#]]);
        check_source(r#""never_heard_of""#, &expect![[r#"Unknown "unknown""#]]);
        check_source(r#"{"custom":"atlas"}"#, &expect![[r#"Custom("atlas") {"custom":"atlas"}"#]]);
        check_source(
            r#"{"subAgent":"review"}"#,
            &expect![[r#"SubAgent(String("review")) {"subagent":"review"}"#]],
        );
        check_source("[3]", &expect![[r#"Unknown "unknown""#]]);
    }

    #[test]
    fn an_odd_optional_field_does_not_lose_the_thread() {
        let meta: SessionMeta = serde_json::from_str(
            r#"{"id":"01950000-0000-7000-8000-000000000001","timestamp":"","cwd":"/w","originator":"o",
                "cli_version":"1","git":7,"base_instructions":{"text":"be kind","more":1},"forked_from_id":"x",
                "history_mode":"sharded","new_field":{}}"#,
        )
        .unwrap();
        assert_eq!(meta.git, None);
        assert_eq!(meta.forked_from_id, None);
        assert_eq!(meta.base_instructions, Some(BaseInstructions { text: "be kind".into() }));
        assert_eq!(meta.history_mode(), HistoryMode::Unknown);
        assert_eq!(meta.source, Source::Vscode);
    }

    #[test]
    fn a_required_field_is_required() {
        let json =
            r#"{"id":"01950000-0000-7000-8000-000000000001","timestamp":"","cwd":"/w","originator":"o"}"#;
        assert!(serde_json::from_str::<SessionMeta>(json).is_err());
    }
}
