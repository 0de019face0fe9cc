//! File search by fuzzy name (wire specification 19). Its types stand at the top of the schema and partly
//! in snake case, where clients of the first version expect them.
#![allow(
    missing_docs,
    reason = "a field is named as on the wire; what is not plain from its name has a comment"
)]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum FuzzyFileSearchMatchType {
    File,
    Directory,
}

/// Asks for files whose path resembles `query`. An empty query or no roots find nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields = nullable)]
pub struct FuzzyFileSearchParams {
    /// A new request with the same token ends the one before, which answers with what it has.
    #[serde(default)]
    pub cancellation_token: Option<String>,
    pub query: String,
    /// Absolute folders to search in.
    pub roots: Vec<String>,
}

/// At most 50 hits, best first, ties in order of the path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub struct FuzzyFileSearchResponse {
    pub files: Vec<FuzzyFileSearchResult>,
}

/// One hit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct FuzzyFileSearchResult {
    pub file_name: String,
    /// Positions in `path` that matched the query, for highlighting; null when not computed.
    #[serde(default)]
    pub indices: Option<Vec<u32>>,
    pub match_type: FuzzyFileSearchMatchType,
    /// Relative to `root`.
    pub path: String,
    /// Which of the asked roots it lies in.
    pub root: String,
    /// Higher is better; comparable within one answer only.
    pub score: u32,
}

/// Sent with `fuzzyFileSearch/sessionCompleted` when the latest query of a session has all its results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub struct FuzzyFileSearchSessionCompletedNotification {
    pub session_id: String,
}

/// Opens a search session that answers each keystroke with notifications.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields = nullable)]
pub struct FuzzyFileSearchSessionStartParams {
    pub roots: Vec<String>,
    /// Chosen by the client.
    pub session_id: String,
}

/// Empty: the session is open.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
pub struct FuzzyFileSearchSessionStartResponse {}

/// Closes a search session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields = nullable)]
pub struct FuzzyFileSearchSessionStopParams {
    pub session_id: String,
}

/// Empty: nothing more is sent for the session.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
pub struct FuzzyFileSearchSessionStopResponse {}

/// Gives a session a new query, replacing the one before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields = nullable)]
pub struct FuzzyFileSearchSessionUpdateParams {
    pub query: String,
    pub session_id: String,
}

/// Empty: results follow as notifications.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
pub struct FuzzyFileSearchSessionUpdateResponse {}

/// Sent with `fuzzyFileSearch/sessionUpdated` as results arrive; `files` replaces what was sent before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub struct FuzzyFileSearchSessionUpdatedNotification {
    pub files: Vec<FuzzyFileSearchResult>,
    /// The query these results belong to, perhaps not the latest one.
    pub query: String,
    pub session_id: String,
}
