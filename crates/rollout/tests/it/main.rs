//! Threads on disk: read, append, list and move made-up rollouts of both eras.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "the helpers of tests are tests too")]

mod append;
mod damage;
mod kept;
mod list;
mod manage;
mod parts;
mod read;
mod segments;
mod support;
