//! Items and turns on disk: how a completed item is recorded, and how turns come back from a rollout of any writer.

mod output;
mod rebuild;
mod recorded;
mod replay;

pub(crate) use recorded::{RecordedError, write_item};
pub(crate) use replay::{Want, load};

#[cfg(test)]
mod tests;
