//! What a review is about and what it says, as text: labels, the reviewer's request, its answer. Knows nothing of turns.

mod output;
mod target;

pub(crate) use output::{FAILED, Output, interrupted_action};
pub(crate) use target::{base_of, check, label, request, sentence};

/// What the reviewer is told to be.
pub(crate) const INSTRUCTIONS: &str = include_str!("../prompts/review.md");
