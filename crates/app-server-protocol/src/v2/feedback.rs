//! Types of `feedback/upload` (decisions, "Wire").
#![allow(
    missing_docs,
    reason = "a field is named as on the wire; what is not plain from its name has a comment"
)]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::compat;

/// What the user thinks of a thread, to be kept as a bundle on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct FeedbackUploadParams {
    /// The client's word for the kind of feedback, e.g. `bug`.
    pub classification: String,
    /// The user's words.
    #[serde(default)]
    pub reason: Option<String>,
    /// The thread it is about.
    #[serde(default)]
    pub thread_id: Option<String>,
    /// Whether the thread's file and recent logs go into the bundle.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub include_logs: bool,
}

/// Result of `feedback/upload`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct FeedbackUploadResponse {
    /// The thread given, or a new id that names the bundle.
    pub thread_id: String,
}
