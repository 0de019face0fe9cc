//! The two threads that own stdin and stdout. A blocked read must not hold up the end of the process, and a batch of
//! lines written at once is far cheaper than a write per line through the runtime.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::thread;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::message_processor::Event;
use crate::outgoing::{OutgoingMessageSender, Piece};

/// The longest line that is taken. A longer one is dropped with a warning; the connection goes on.
pub(crate) const MAX_LINE_BYTES: usize = 512 * 1024 * 1024;

/// Starts the thread that frames lines. It waits while the event queue is full, so the client's writes wait too.
pub(crate) fn spawn_reader(input: impl Read + Send + 'static, events: mpsc::Sender<Event>) -> io::Result<()> {
    thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut input = BufReader::with_capacity(64 * 1024, input);
        loop {
            match read_line(&mut input) {
                Ok(Some(line)) => {
                    if events.blocking_send(Event::Line(line)).is_err() {
                        return;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "stdin cannot be read");
                    break;
                }
            }
        }
        // Gone already when the server ends for another reason.
        let _ = events.blocking_send(Event::EndOfInput);
    })?;
    Ok(())
}

/// Reads one line without its end; `None` at the end of the input. A last line without an end counts.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = input.by_ref().take(MAX_LINE_BYTES as u64 + 1).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if read > MAX_LINE_BYTES {
        tracing::warn!(limit_bytes = MAX_LINE_BYTES, "dropped a line that is too long");
        line.clear();
        skip_line(input)?;
    }
    Ok(Some(line))
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let (skipped, is_end) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(skipped);
        if is_end {
            return Ok(());
        }
    }
}

/// Starts the thread that writes: everything queued, one write per batch. It ends when the queue is closed and empty,
/// or when nobody reads any more.
pub(crate) fn spawn_writer(
    mut output: impl Write + Send + 'static,
    outgoing: OutgoingMessageSender,
    stop_now: CancellationToken,
) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name("stdout".to_owned()).spawn(move || {
        let mut lines = Vec::new();
        while let Some(piece) = outgoing.take(std::mem::take(&mut lines)) {
            let is_written = match piece {
                Piece::Bytes(bytes) => {
                    lines = bytes;
                    output.write_all(&lines)
                }
                Piece::File(file, length) => copy(&file, length, &mut output),
            };
            if let Err(error) = is_written.and_then(|()| output.flush()) {
                tracing::info!(%error, "no more can be written to the client");
                outgoing.break_off();
                stop_now.cancel();
                return;
            }
            outgoing.written();
            // One huge answer must not hold its memory for the rest of the session.
            if lines.capacity() > 1024 * 1024 {
                lines = Vec::new();
            }
        }
    })
}

/// Writes so many bytes of the file. A line that breaks off in the middle would be taken for part of the next one, so a
/// file that cannot be read ends the connection.
fn copy(file: &File, length: u64, output: &mut impl Write) -> io::Result<()> {
    let copied = io::copy(&mut BufReader::with_capacity(64 * 1024, file.take(length)), output)?;
    if copied == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_framed_and_nothing_else() {
        let mut input = io::Cursor::new(b"a\n\n  b \r\n\xff\xfe\nlast".to_vec());
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut input).unwrap() {
            lines.push(line);
        }
        assert_eq!(
            lines,
            [b"a".to_vec(), Vec::new(), b"  b \r".to_vec(), b"\xff\xfe".to_vec(), b"last".to_vec()]
        );
    }
}
