//! One scripted reply, and how it is written.

use serde_json::Value;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::model::Gate;

/// What the issuer does with one request.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) content: Content,
    headers: Vec<(String, String)>,
    gate: Option<Gate>,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    /// What the endpoint says by itself.
    Usual,
    Whole {
        status: u16,
        content_type: &'static str,
        body: String,
    },
    /// The connection is closed without an answer.
    HangUp,
}

impl Reply {
    fn new(content: Content) -> Self {
        Self { content, headers: Vec::new(), gate: None }
    }

    /// What the endpoint answers when nothing is scripted; for holding that back at a gate. What the request changes,
    /// it changes when it comes.
    pub fn usual() -> Self {
        Self::new(Content::Usual)
    }

    /// A JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(Content::Whole { status, content_type: "application/json", body: body.to_string() })
    }

    /// A text body.
    pub fn text(status: u16, body: &str) -> Self {
        Self::new(Content::Whole { status, content_type: "text/plain", body: body.to_owned() })
    }

    /// Sends the client elsewhere, with the request's method and body.
    pub fn redirect(url: &str) -> Self {
        Self::text(307, "").header("location", url)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Closes the connection without an answer.
    pub fn hang_up() -> Self {
        Self::new(Content::HangUp)
    }

    /// Holds the answer back until the test opens the gate.
    #[must_use]
    pub fn gate(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// Writes the reply; `false` when the connection is to be closed.
    pub(crate) async fn play(self, writer: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<bool> {
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
        let Content::Whole { status, content_type, body } = self.content else { return Ok(false) };
        let mut answer = format!(
            "HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in &self.headers {
            answer.push_str(&format!("{name}: {value}\r\n"));
        }
        answer.push_str("\r\n");
        answer.push_str(&body);
        writer.write_all(answer.as_bytes()).await?;
        writer.flush().await?;
        Ok(true)
    }
}
