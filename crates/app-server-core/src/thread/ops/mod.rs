//! What can be asked of a thread, a file per capability. Most files add methods to the thread's actor; what is about
//! many threads is a function that runs beside the actors.
#![allow(
    clippy::needless_pass_by_value,
    reason = "all operations have one shape: the actor hands them what was asked and what answers it"
)]

mod compact;
mod cut;
mod delete;
mod fork;
mod goal;
mod inject;
mod metadata;
pub(in crate::thread) mod pages;
mod resume;
mod review;
mod search;
pub mod sections;
mod settings_update;

pub use fork::Forked;
pub use search::search;
