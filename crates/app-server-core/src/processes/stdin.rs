//! What the client writes to a process: a queue, and how far its first entry has been written. It can be left at any
//! time and taken up again, so that it runs beside the reading of the output in one task: an answer to a write stands
//! before whatever the process says to it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app_server_sandbox::Input;
use tokio::sync::mpsc;

use super::registry::{Done, Family};
use crate::error::CoreError;

/// The character by which a terminal's input ends, at the beginning of a line.
const END_OF_TRANSMISSION: u8 = 4;

/// Something to write.
pub(super) struct Write {
    pub(super) bytes: Vec<u8>,
    /// Whether the input ends behind it.
    pub(super) close: bool,
    pub(super) done: Done,
}

/// The input of a process.
pub(super) struct Stdin {
    /// Nothing until the process has started, and when the input has ended.
    input: Option<Input>,
    queue: mpsc::Receiver<Write>,
    /// How many bytes wait, the current ones included.
    queued: Arc<AtomicUsize>,
    /// What is being written, at most one, and how far.
    current: VecDeque<Write>,
    written: usize,
    is_terminal: bool,
    /// Whether what was written last did not end a line.
    is_within_line: bool,
}

impl Stdin {
    pub(super) fn new(queue: mpsc::Receiver<Write>, queued: Arc<AtomicUsize>, is_terminal: bool) -> Self {
        Stdin {
            input: None,
            queue,
            queued,
            current: VecDeque::new(),
            written: 0,
            is_terminal,
            is_within_line: false,
        }
    }

    /// Takes the input of the started process.
    pub(super) fn open(&mut self, input: Option<Input>) {
        self.input = input;
    }

    /// Writes what comes. Never ends; loses nothing when dropped.
    pub(super) async fn work(&mut self) -> Infallible {
        loop {
            let Some(write) = self.current.front() else {
                match self.queue.recv().await {
                    Some(write) => self.take(write),
                    // Its process has been taken out of the table.
                    None => std::future::pending().await,
                }
                continue;
            };
            let rest = &write.bytes[self.written..];
            let result = match &mut self.input {
                None => Err(CoreError::Internal("the process's input is closed".to_owned())),
                Some(_) if rest.is_empty() => Ok(()),
                Some(input) => match input.write(rest).await {
                    Ok(count) => {
                        self.written += count;
                        continue;
                    }
                    Err(error) => {
                        Err(CoreError::Internal(format!("failed to write to the process: {error}")))
                    }
                },
            };
            self.finish(result);
        }
    }

    fn take(&mut self, mut write: Write) {
        if write.bytes.last().is_some() {
            self.is_within_line = write.bytes.last() != Some(&b'\n');
        }
        if write.close && self.is_terminal {
            // The first one only hands over a line that has begun.
            let count = if self.is_within_line { 2 } else { 1 };
            self.queued.fetch_add(count, Ordering::Relaxed);
            write.bytes.extend(std::iter::repeat_n(END_OF_TRANSMISSION, count));
            self.is_within_line = false;
        }
        self.current.push_back(write);
    }

    fn finish(&mut self, result: Result<(), CoreError>) {
        let Some(write) = self.current.pop_front() else { return };
        self.written = 0;
        self.queued.fetch_sub(write.bytes.len(), Ordering::Relaxed);
        if write.close && !self.is_terminal {
            self.input = None;
        }
        (write.done)(result);
    }

    /// Answers what can be written no more. To be called when nothing more can be queued.
    pub(super) fn refuse_rest(&mut self, family: Family, id: &str) {
        self.input = None;
        while let Some(write) = self.current.pop_front().or_else(|| self.queue.try_recv().ok()) {
            (write.done)(Err(family.unknown(id)));
        }
    }
}
