//! Servers of the Model Context Protocol for tests: one that is a process, and one that is reached over HTTP and can ask
//! for a sign-in.

mod http;
mod issuer;
mod protocol;
#[cfg(test)]
mod tests;

pub use http::HttpMcpServer;

/// Returns the path of the server that speaks over stdin and stdout; `python3` runs it. Its arguments are told of in the
/// file.
pub fn stdio_server() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/files/mcp_server.py")
}
