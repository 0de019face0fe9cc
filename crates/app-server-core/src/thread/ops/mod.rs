//! What can be asked of a thread, a file per capability, each of which adds methods to the thread's actor.
#![allow(
    clippy::needless_pass_by_value,
    reason = "all operations have one shape: the actor hands them what was asked and what answers it"
)]

mod agent;
mod compact;
mod cut;
mod delete;
mod fork;
mod given;
mod goal;
mod inject;
mod metadata;
pub(in crate::thread) mod pages;
mod resume;
mod review;
mod search;
mod sections;
mod settings_update;

pub use agent::{AgentInput, AgentOp, AgentSettings, Spawned};
pub use fork::Forked;
pub use review::DetachedReview;
