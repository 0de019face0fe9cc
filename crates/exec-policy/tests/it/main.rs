//! Tables: what must run, ask or be refused, what scripts consist of, what rules files say.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "the helpers of tests are tests too")]

mod actions;
mod corpus;
mod key;
mod matrix;
mod properties;
mod rules;
mod scripts;
mod support;
