//! The agent: threads, turns and items, without stdio and without error numbers.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`host`] | what the core asks of the process it lives in: notify, and wait while the client is slow |
//! | [`account`] | signing in and out, and what clients may know of it |
//! | `auth` | credentials: stored, in use, renewed |
//! | [`config_store`] | the user's configuration file: shown to clients, written for them |
//! | [`thread`] | a thread's actor: its settings, its history, its rollout, at most one running turn |
//! | `turn` | one turn: prompt, sampling, retries, the items that come of it |
//! | `agents` | threads begun by the model of another: who began whom, how each stands |
//! | `tools` | what the model may call |
//! | [`feedback`] | what users say of a thread, as a bundle on this machine |
//! | `logs` | the latest lines of the log, in memory |
//! | [`processes`] | commands and processes that run for the client |
//! | `exec` | running commands: plans, processes, their output, terminals |
//! | `item` | items as they are recorded in a rollout, and turns rebuilt from one |
//! | [`files`] | files for clients that edit remotely, and changes of them |
//! | [`searches`] | finding files by a few letters |
//! | `goal` | what a thread works towards: budgets, statuses |
//! | `endpoint` | where requests to a model's server go, and what they are signed with |
//! | [`models`] | the models of each provider, and the providers |
//! | `history` | what the model sees |
//! | [`skills`] | instructions in folders: which there are, what the model is told of them |
//! | `notify` | the program that is run after turns |
//! | `secrets` | the values that are masked in all of it |
//! | `trust` | which projects were trusted, and what they held then |
//! | [`hooks`] | commands of the user's that run at points of a turn |
//! | [`mcp`] | servers of the Model Context Protocol: shared by threads, their tools and questions |
//! | [`features`] | what may be switched and what an administrator allows |
//! | [`error`] | why a request is refused, in words and kinds |
//!
//! What this crate must not know: stdin and stdout, JSON-RPC ids, numeric error codes, the environment.

pub mod account;
pub mod config_store;
pub mod error;
pub mod features;
pub mod feedback;
pub mod files;
pub mod hooks;
pub mod host;
pub mod mcp;
pub mod models;
pub mod processes;
pub mod searches;
pub mod skills;
pub mod thread;

mod agents;
mod aliases;
mod atomic;
mod auth;
mod clock;
mod endpoint;
mod exec;
mod git;
mod goal;
mod history;
mod home_lock;
mod item;
mod logs;
mod notify;
mod pages;
mod rate_limits;
mod review;
mod secrets;
mod services;
mod tools;
mod trust;
mod turn;
mod turns_text;

pub use auth::signed_in;
pub use error::{ConfigWriteError, CoreError};
pub use host::{Host, NoReply, Question};
pub use logs::LogRing;
pub use secrets::KnownSecrets;
pub use services::{Client, Services};
pub use trust::TrustStore;
pub use turns_text::TurnsText;
