//! Scripted model server, scripted issuer of tokens, and helpers for tests.

pub mod home;
pub mod issuer;
pub mod login_ports;
pub mod mcp;
pub mod model;
pub mod processes;
pub mod server;
pub mod transcript;

pub use home::TempHome;
pub use issuer::{Endpoint, Person, Reply, ScriptedIssuer};
pub use login_ports::LoginPorts;
pub use model::{
    Answer, BlockingMockModel, Gate, MockModel, RecordedRequest, events, running_session, tool_output,
};
pub use server::{Connection, TestServer};
