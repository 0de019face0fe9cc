//! Handlers by family: typed params in, typed result out, no ids, no JSON, no error codes.
#![allow(
    clippy::needless_pass_by_value,
    reason = "all handlers have one shape: dispatch hands them their params"
)]

pub(crate) mod account;
pub(crate) mod model;
pub(crate) mod review;
pub(crate) mod section;
pub(crate) mod session;
pub(crate) mod thread;
pub(crate) mod turn;
