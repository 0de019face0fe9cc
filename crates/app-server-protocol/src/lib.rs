//! The wire of the app-server: the JSON-RPC envelope, one table of all methods, their types, the older spellings
//! accepted on input, and the generators of TypeScript and JSON Schema.
//!
//! This crate does no I/O beyond writing generated files where it is told, and knows nothing of threads or tasks.
//!
//! - [`rpc`]: ids, the borrowed envelope, errors
//! - [`methods`]: the table
//! - [`v2`]: the types, by noun; `v2::compat` holds every older spelling
//! - [`experimental`]: which fields need the `experimentalApi` capability
//! - [`export`]: the generators

pub mod experimental;
pub mod export;
pub mod methods;
pub mod rpc;
pub mod v2;

pub use methods::{ClientMethod, ClientNotification, Request, ServerMethod, ServerNotification, Stability};
pub use rpc::{NoParams, RequestId, RpcError};
pub use v2::session::*;

/// The protocol level we speak, as the version clients read out of `userAgent` and compare.
///
/// Clients gate features on it, so it is the level's version and not the product's.
pub const WIRE_LEVEL: &str = "0.169.0";
