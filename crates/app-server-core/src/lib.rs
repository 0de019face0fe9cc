//! The agent: threads, turns and items, without stdio and without error numbers.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`host`] | what the core asks of the process it lives in: notify, and wait while the client is slow |
//! | [`account`] | signing in and out, and what clients may know of it |
//! | `auth` | credentials: stored, in use, renewed |
//! | [`thread`] | a thread's actor: its settings, its history, its rollout, at most one running turn |
//! | `turn` | one turn: prompt, sampling, retries, the items that come of it |
//! | `agents` | threads begun by the model of another: who began whom, how each stands |
//! | `tools` | what the model may call |
//! | `exec` | running commands: plans, processes, their output, terminals |
//! | `item` | items as they are recorded in a rollout, and turns rebuilt from one |
//! | `goal` | what a thread works towards: budgets, statuses |
//! | `history` | what the model sees |
//! | `secrets` | the values that are masked in all of it |
//! | [`error`] | why a request is refused, in words and kinds |
//!
//! What this crate must not know: stdin and stdout, JSON-RPC ids, numeric error codes, the environment.

pub mod account;
pub mod error;
pub mod host;
pub mod thread;

mod agents;
mod aliases;
mod auth;
mod clock;
mod exec;
mod git;
mod goal;
mod history;
mod item;
mod rate_limits;
mod review;
mod secrets;
mod services;
mod tools;
mod turn;
mod turns_text;

pub use auth::signed_in;
pub use error::CoreError;
pub use host::{Host, NoReply, Question};
pub use secrets::KnownSecrets;
pub use services::{Client, Services};
pub use turns_text::TurnsText;
