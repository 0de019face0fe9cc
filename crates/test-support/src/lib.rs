//! Scripted model server and helpers for tests.

pub mod home;
pub mod model;
pub mod processes;
pub mod server;
pub mod transcript;

pub use home::TempHome;
pub use model::{
    Answer, BlockingMockModel, Gate, MockModel, RecordedRequest, events, running_session, tool_output,
};
pub use server::{Connection, TestServer};
