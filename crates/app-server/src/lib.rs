//! The process: stdio, message processor, dispatch and the command line.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `stdio` | the two threads that own stdin and stdout |
//! | `message_processor` | the loop that owns the server's state |
//! | `dispatch` | method to handler, a line each |
//! | `handlers` | the handlers, by family |
//! | [`outgoing`] | the queue to the client and the answers it owes us |
//! | `rpc_error` | the only place that chooses error codes |
//! | `patch_helper` | the binary as `apply_patch` |
//! | [`demo`] | a conversation with the scripted model, for a first look |
//!
//! Nothing but the writer thread touches stdout; logs go to stderr.

pub mod cli;
pub mod demo;
pub mod outgoing;

mod dispatch;
mod handlers;
mod lanes;
mod logging;
mod message_processor;
mod patch_helper;
mod platform;
mod rpc_error;
mod schema;
mod server;
mod stdio;

pub use patch_helper::patch_main_if_invoked;
pub use server::{Options, run};

/// The product's own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
