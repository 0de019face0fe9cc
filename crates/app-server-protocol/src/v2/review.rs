//! Code reviews (wire specification 9).
#![allow(
    missing_docs,
    reason = "a field is named as on the wire; what is not plain from its name has a comment"
)]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::compat;
use super::turn::Turn;

/// Where a review runs: `inline` in the thread itself, `detached` in a fork of it.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ReviewDelivery {
    Inline,
    Detached,
}

/// Starts a review as a turn.
///
/// With `delivery`, null included, the thread shows the items `enteredReviewMode` and `exitedReviewMode`;
/// without it one `codeReview` item that starts with the label and completes with the text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ReviewStartParams {
    /// Null or absent: inline. Its presence, null included, chooses the form of two items.
    #[serde(default, deserialize_with = "compat::double_option", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ReviewDelivery>")]
    #[ts(as = "Option<ReviewDelivery>", optional = nullable)]
    pub delivery: Option<Option<ReviewDelivery>>,
    pub target: ReviewTarget,
    pub thread_id: String,
    /// In the `codeReview` form: true also adds the review to the thread as an assistant message.
    ///
    #[serde(default)]
    pub append_to_original_thread: Option<bool>,
}

/// The review's turn, with one user message item that says what is reviewed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ReviewStartResponse {
    /// The thread all of the review's notifications name; the thread itself unless detached.
    pub review_thread_id: String,
    pub turn: Turn,
}

/// What is to be reviewed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ReviewTarget {
    /// Staged, unstaged and untracked changes of the working folder.
    UncommittedChanges,
    /// What the current branch adds to another one.
    BaseBranch {
        /// Must not be blank.
        branch: String,
    },
    /// One commit.
    Commit {
        /// Must not be blank; may be abbreviated.
        sha: String,
        /// The commit's subject line, for labels only.
        #[serde(default)]
        title: Option<String>,
    },
    /// Whatever the instructions say.
    Custom {
        /// Must not be blank.
        instructions: String,
    },
}
