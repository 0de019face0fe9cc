//! Handlers by family: typed params in, typed result out, no ids, no JSON, no error codes.
#![allow(
    clippy::needless_pass_by_value,
    reason = "all handlers have one shape: dispatch hands them their params"
)]

pub(crate) mod account;
pub(crate) mod command;
pub(crate) mod config;
pub(crate) mod features;
pub(crate) mod feedback;
pub(crate) mod files;
pub(crate) mod hooks;
pub(crate) mod mcp;
pub(crate) mod model;
pub(crate) mod process;
pub(crate) mod providers;
pub(crate) mod review;
pub(crate) mod search;
pub(crate) mod section;
pub(crate) mod session;
pub(crate) mod skills;
pub(crate) mod thread;
pub(crate) mod turn;
