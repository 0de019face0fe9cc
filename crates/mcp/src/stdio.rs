//! A connection over two byte streams: a JSON message per line. What is not JSON is passed over, since servers print
//! all sorts of things.

use std::collections::VecDeque;
use std::io;

use rmcp::RoleClient;
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, RequestId, ServerJsonRpcMessage};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::message::{MAX_MESSAGE, decode, failure, id_of_fragments};

/// How many messages may wait to be written; further ones wait where they come from.
const QUEUED: usize = 64;
/// How much of a line that is too long is kept, at either end.
const FRAGMENT: usize = 1024;

/// The two streams of a server.
pub(crate) struct StdioTransport<R> {
    lines: Lines<R>,
    /// Messages of a line that held several.
    queued: VecDeque<ServerJsonRpcMessage>,
    /// The handshake's request.
    initialize: Option<RequestId>,
    to_writer: mpsc::Sender<Outgoing>,
    writer: JoinHandle<()>,
}

/// A line to be written, and whom to tell.
struct Outgoing {
    line: Vec<u8>,
    written: oneshot::Sender<io::Result<()>>,
}

impl<R: AsyncRead + Unpin> StdioTransport<R> {
    /// Starts the task that writes; it ends with the transport.
    pub(crate) fn new<W>(from_server: R, to_server: W) -> Self
    where
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let (to_writer, outgoing) = mpsc::channel(QUEUED);
        Self {
            lines: Lines::new(from_server),
            queued: VecDeque::new(),
            initialize: None,
            to_writer,
            writer: tokio::spawn(write(to_server, outgoing)),
        }
    }

    fn take(&mut self, line: Line) {
        let value = match line {
            Line::Whole(line) => serde_json::from_slice::<Value>(&line),
            Line::TooLong { head, tail } => {
                let words = format!("the server's answer has more than {} MiB", MAX_MESSAGE >> 20);
                tracing::warn!("{words}");
                self.queued.extend(id_of_fragments(&head, &tail).map(|id| failure(id, words)));
                return;
            }
        };
        let is_initialize = |id: &RequestId| self.initialize.as_ref() == Some(id);
        match value {
            Ok(Value::Array(messages)) => {
                self.queued.extend(messages.into_iter().filter_map(|message| decode(message, is_initialize)));
            }
            Ok(message) => self.queued.extend(decode(message, is_initialize)),
            Err(_) => tracing::debug!("passed over a line that is not JSON"),
        }
    }
}

impl<R> Drop for StdioTransport<R> {
    fn drop(&mut self) {
        // A server that does not read would hold it, and with it the stream.
        self.writer.abort();
    }
}

impl<R: AsyncRead + Send + Unpin> Transport<RoleClient> for StdioTransport<R> {
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        if let ClientJsonRpcMessage::Request(request) = &item
            && matches!(request.request, ClientRequest::InitializeRequest(_))
        {
            self.initialize = Some(request.id.clone());
        }
        let (written, answer) = oneshot::channel();
        // Queued at once where there is room, so that messages leave in the order they were sent.
        let queued = serde_json::to_vec(&item).map_err(io::Error::other).map(|mut line| {
            line.push(b'\n');
            self.to_writer.try_send(Outgoing { line, written })
        });
        let to_writer = self.to_writer.clone();
        async move {
            match queued? {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(outgoing)) => {
                    to_writer.send(outgoing).await.map_err(|_| closed())?;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => return Err(closed()),
            }
            drop(to_writer);
            answer.await.unwrap_or_else(|_| Err(closed()))
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            if let Some(message) = self.queued.pop_front() {
                return Some(message);
            }
            match self.lines.next().await {
                Ok(Some(line)) => self.take(line),
                Ok(None) => return None,
                Err(error) => {
                    tracing::debug!(%error, "reading from a server failed");
                    return None;
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.writer.abort();
        Ok(())
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the server has closed its input")
}

async fn write<W: AsyncWrite + Unpin>(mut to_server: W, mut outgoing: mpsc::Receiver<Outgoing>) {
    while let Some(Outgoing { line, written }) = outgoing.recv().await {
        let result = match to_server.write_all(&line).await {
            Ok(()) => to_server.flush().await,
            Err(error) => Err(error),
        };
        let failed = result.is_err();
        // Whoever sent it may have gone.
        let _ = written.send(result);
        if failed {
            return;
        }
    }
}

enum Line {
    Whole(Vec<u8>),
    /// More than [`MAX_MESSAGE`]; only its ends are known.
    TooLong {
        head: Vec<u8>,
        tail: Vec<u8>,
    },
}

/// Lines of a stream, of bounded length. Waiting for the next one can be given up and taken up again.
struct Lines<R> {
    reader: BufReader<R>,
    /// What there is of the current line, or its end if it is too long.
    line: Vec<u8>,
    /// The beginning of the current line, if it is too long.
    head: Option<Vec<u8>>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    fn new(reader: R) -> Self {
        Self { reader: BufReader::with_capacity(32 * 1024, reader), line: Vec::new(), head: None }
    }

    async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let bytes = self.reader.fill_buf().await?;
            if bytes.is_empty() {
                let rest = !self.line.is_empty() || self.head.is_some();
                return Ok(rest.then(|| self.complete()));
            }
            let end = newline(bytes);
            let taken = end.unwrap_or(bytes.len());
            self.line.extend_from_slice(&bytes[..taken]);
            self.reader.consume(end.map_or(taken, |end| end + 1));
            self.bound();
            if end.is_some() {
                return Ok(Some(self.complete()));
            }
        }
    }

    fn bound(&mut self) {
        if self.head.is_some() {
            let too_many = self.line.len().saturating_sub(FRAGMENT);
            self.line.drain(..too_many);
        } else if self.line.len() > MAX_MESSAGE {
            self.head = Some(self.line[..FRAGMENT].to_vec());
            self.line = self.line[self.line.len() - FRAGMENT..].to_vec();
        }
    }

    fn complete(&mut self) -> Line {
        let line = std::mem::take(&mut self.line);
        match self.head.take() {
            None => Line::Whole(line),
            Some(head) => Line::TooLong { head, tail: line },
        }
    }
}

fn newline(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_whole_and_bounded() {
        let mut text = b"one\n\r\n".to_vec();
        text.extend_from_slice(br#"{"id":4,"result":""#);
        text.extend(std::iter::repeat_n(b'x', MAX_MESSAGE));
        text.extend_from_slice(b"\"}\nlast");
        let mut lines = Lines::new(text.as_slice());
        for expected in ["one", "\r"] {
            let Some(Line::Whole(line)) = lines.next().await.unwrap() else { panic!() };
            assert_eq!(String::from_utf8(line).unwrap(), expected);
        }
        let Some(Line::TooLong { head, tail }) = lines.next().await.unwrap() else { panic!() };
        assert_eq!((head.len(), tail.len()), (FRAGMENT, FRAGMENT));
        assert_eq!(id_of_fragments(&head, &tail), Some(RequestId::Number(4)));
        let Some(Line::Whole(line)) = lines.next().await.unwrap() else { panic!() };
        assert_eq!(line, b"last");
        assert!(lines.next().await.unwrap().is_none());
    }
}
