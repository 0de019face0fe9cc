//! Servers of the Model Context Protocol: what a definition says, how their tools are named, and the connection to one.
//!
//! A connection runs over byte streams that somebody hands in, or over HTTP. The protocol itself is `rmcp`'s; none of its
//! types leave this crate. What servers say leaves it as JSON, the way they said it.
//!
//! What this crate must not know: how processes are started, environment variables, configuration files, threads and
//! turns, and the wire to our own clients.

mod connection;
mod definition;
mod error;
mod events;
mod handler;
mod http;
mod message;
mod naming;
mod stderr;
mod stdio;
mod tap;

pub use connection::{Connection, ListedTool, ServerInfo, ToolCall};
pub use definition::{Definition, DefinitionError, Filter, Http, Stdio, Transport, is_server_name};
pub use error::McpError;
pub use events::{Action, Answer, Answering, Elicitation, Listener, Progress};
pub use http::{Authorization, Endpoint, Token};
pub use naming::{Names, tool_name};
pub use stderr::Tail;
