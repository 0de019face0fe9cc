//! Reads HTTP/1.1 requests, as far as the clients under test send them.

use std::io;

use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// No test sends more; a client gone wild should fail and not fill the memory.
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;
const MAX_LINE_BYTES: u64 = 1024 * 1024;

/// A request the server has read.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// `POST`, ...
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Names in lower case, in the order sent.
    pub headers: Vec<(String, String)>,
    /// The body; null when there is none, a string when it is not JSON.
    pub body: Value,
}

impl RecordedRequest {
    /// Returns the first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// Returns `None` when the client is done with the connection.
pub(crate) async fn read_request(
    reader: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<RecordedRequest>> {
    let first = read_line(reader).await?;
    let mut words = first.split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return Ok(None) };
    let mut headers = Vec::new();
    loop {
        let line = read_line(reader).await?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    let mut request =
        RecordedRequest { method: method.to_owned(), path: path.to_owned(), headers, body: Value::Null };
    let bytes = read_body(&request, reader).await?;
    if !bytes.is_empty() {
        request.body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    }
    Ok(Some(request))
}

async fn read_body(
    request: &RecordedRequest,
    reader: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if request.header("transfer-encoding").is_some_and(|encoding| encoding.eq_ignore_ascii_case("chunked")) {
        loop {
            let size = read_line(reader).await?;
            let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            read_exactly(reader, size, &mut body).await?;
            // Every chunk ends with an empty line; so does the (empty) trailer after the last.
            read_line(reader).await?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    read_exactly(reader, length, &mut body).await?;
    Ok(body)
}

async fn read_exactly(
    reader: &mut (impl AsyncBufRead + Unpin),
    length: usize,
    body: &mut Vec<u8>,
) -> io::Result<()> {
    let start = body.len();
    if length > MAX_BODY_BYTES - start.min(MAX_BODY_BYTES) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the request is too large"));
    }
    body.resize(start + length, 0);
    reader.read_exact(&mut body[start..]).await?;
    Ok(())
}

/// Reads a line without its end; an empty one at the end of the connection.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<String> {
    let mut line = Vec::new();
    reader.take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await?;
    while matches!(line.last(), Some(b'\r' | b'\n')) {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}
