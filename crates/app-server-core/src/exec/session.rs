//! A process at work: its output goes to its item while a task of its own reads it, and whoever started it waits for
//! its end as long as it likes.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app_server_sandbox::{Confinement, Exit, Input, Output, Process, StartFailure, Stdio};
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio_util::sync::CancellationToken;

use super::output::{Capture, OutputPump};
use super::{ExecPlan, ItemOutput, start};

/// Read at once; also the size of a delta at most.
const CHUNK_BYTES: usize = 32 * 1024;
/// Read after the end of the command, at most: what was written before it is in the pipe, whose size this exceeds.
const DRAIN_BYTES: usize = 2 * 1024 * 1024;
/// A terminal hands over the last output a little after the end.
const PTY_DRAIN: Duration = Duration::from_millis(50);

/// Output that has not gone on for this long is told as it is, such as the question of a prompt.
const QUIET: Duration = Duration::from_millis(100);

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The exit code; 128 + n after signal n.
    Code(i32),
    /// The program could not be started: the exit code a shell would give, and why.
    NotStarted { code: i32, message: String },
    /// The sandbox could not be set up. Not the command's fault, and never shown as such.
    NoSandbox(String),
    /// It was killed for what it did.
    Violation(String),
}

/// A started process. Dropping it kills a command that has not ended; what a command has left in the background lives
/// until the turn ends.
pub(crate) struct Session {
    shared: Arc<Shared>,
    ended: watch::Receiver<Option<Ended>>,
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.start_kill();
        }
    }
}

struct Shared {
    /// Output that nobody has taken yet.
    fresh: Mutex<Capture>,
    input: AsyncMutex<Option<Input>>,
    kill: CancellationToken,
}

impl Session {
    /// Starts a process by its plan, under the given confinement.
    ///
    /// # Errors
    /// When the system refuses to start anything at all.
    pub(crate) fn start(
        plan: &ExecPlan,
        confinement: &Confinement,
        item: &Arc<ItemOutput>,
    ) -> io::Result<Self> {
        let launcher = &item.context().thread.services.launcher;
        let mut process = start(launcher, plan, confinement)?;
        let shared = Arc::new(Shared {
            fresh: Mutex::default(),
            input: AsyncMutex::new(process.stdin.take()),
            kill: CancellationToken::new(),
        });
        let (tell_end, ended) = watch::channel(None);
        let is_pty = matches!(plan.stdio, Stdio::Pty { .. });
        let reader = Reader {
            process,
            pump: OutputPump::new(Arc::clone(item)),
            item: Arc::clone(item),
            shared: Arc::clone(&shared),
            is_pty,
        };
        tokio::spawn(reader.run(tell_end));
        Ok(Session { shared, ended })
    }

    /// Waits for the end of the command, or until the time is over; `None` waits without a limit.
    pub(crate) async fn wait(&self, limit: Option<Duration>) -> Option<Ended> {
        let mut ended = self.ended.clone();
        let end = async {
            match ended.wait_for(Option::is_some).await {
                Ok(ended) => ended.clone(),
                // Its reader is gone, and with it the process.
                Err(_) => Some(Ended::Code(128 + 9)),
            }
        };
        match limit {
            None => end.await,
            Some(limit) => tokio::time::timeout(limit, end).await.unwrap_or(None),
        }
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&self) -> Option<Ended> {
        self.ended.borrow().clone()
    }

    /// Kills the command and everything it started, and waits for its end.
    pub(crate) async fn kill(&self) -> Ended {
        self.shared.kill.cancel();
        self.wait(None).await.unwrap_or(Ended::Code(128 + 9))
    }

    /// Tells the command to end, without waiting.
    pub(crate) fn start_kill(&self) {
        self.shared.kill.cancel();
    }

    /// Takes the output that has come since the last time: its text and its full size.
    pub(crate) fn take_output(&self) -> (String, usize) {
        let fresh = std::mem::take(&mut *self.shared.fresh.lock().unwrap_or_else(PoisonError::into_inner));
        (fresh.text(), fresh.total())
    }

    /// Writes to the command's input.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] when it has none, or has closed it.
    pub(crate) async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        match &mut *self.shared.input.lock().await {
            Some(input) => input.write_all(bytes).await,
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Tells the command that there is no more input.
    pub(crate) async fn close_input(&self) {
        *self.shared.input.lock().await = None;
    }
}

/// The task that reads a process's output until its end, and guards what it left behind until the turn's end.
struct Reader {
    process: Process,
    pump: OutputPump,
    item: Arc<ItemOutput>,
    shared: Arc<Shared>,
    is_pty: bool,
}

impl Reader {
    async fn run(mut self, tell_end: watch::Sender<Option<Ended>>) {
        // Plans have one stream for both kinds of output, which keeps their order.
        let mut output = self.process.stdout.take();
        let exit = self.until_exit(&mut output).await;
        if let Some(output) = &mut output {
            self.drain(output).await;
        }
        let text = self.pump.finish();
        self.keep(&text);
        let end = ended(exit);
        if let Ended::NotStarted { message, .. } | Ended::Violation(message) = &end {
            // Where there is a reason, whoever looks at the output should find it there.
            let text =
                [self.pump.push(message.as_bytes()), self.pump.push(b"\n"), self.pump.finish()].concat();
            self.keep(&text);
        }
        // Taken before anybody learns of the end, so that the turn's end waits for what is left.
        let left = self.item.context().leftovers.token();
        tell_end.send_replace(Some(end));
        self.guard(output).await;
        drop(left);
    }

    async fn until_exit(&mut self, output: &mut Option<Output>) -> Exit {
        let mut bytes = Vec::with_capacity(CHUNK_BYTES);
        let kill = self.shared.kill.clone();
        let (mut is_killed, mut is_quiet) = (false, true);
        loop {
            bytes.clear();
            let is_over = tokio::select! {
                biased;
                () = kill.cancelled(), if !is_killed => {
                    is_killed = true;
                    self.process.kill();
                    continue;
                }
                // Before its output: a child in the background that never stops talking must not hide the end.
                exit = self.process.wait() => return exit,
                is_over = read(output, &mut bytes), if output.is_some() => is_over,
                () = tokio::time::sleep(QUIET), if !is_quiet => {
                    is_quiet = true;
                    let text = self.pump.pause();
                    self.keep(&text);
                    continue;
                }
            };
            is_quiet = false;
            let text = self.pump.push(&bytes);
            self.keep(&text);
            if is_over {
                *output = None;
            }
            tokio::select! {
                () = self.item.context().keep_pace() => {}
                () = kill.cancelled() => {}
            }
        }
    }

    /// Takes what was written before the end. A child in the background that keeps the pipe open is not waited for.
    async fn drain(&mut self, output: &mut Output) {
        let mut bytes = Vec::with_capacity(CHUNK_BYTES);
        let mut drained = 0;
        while drained < DRAIN_BYTES {
            bytes.clear();
            let read = match output.try_read(&mut bytes, CHUNK_BYTES) {
                Ok(None) if self.is_pty => {
                    let read = output.read(&mut bytes, CHUNK_BYTES);
                    tokio::time::timeout(PTY_DRAIN, read).await.map_or(0, |read| read.unwrap_or(0))
                }
                Ok(Some(read)) => read,
                Ok(None) | Err(_) => 0,
            };
            if read == 0 {
                break;
            }
            drained += read;
            let text = self.pump.push(&bytes);
            self.keep(&text);
        }
    }

    fn keep(&self, text: &str) {
        self.shared.fresh.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// Lets processes in the background live until the turn ends; what they say is read and thrown away, so that they
    /// do not stop for it.
    async fn guard(mut self, mut output: Option<Output>) {
        let ended = self.item.context().ended.clone();
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            tokio::select! {
                biased;
                () = self.process.empty() => return,
                () = ended.cancelled() => break,
                () = self.shared.kill.cancelled() => break,
                is_over = read(&mut output, &mut bytes), if output.is_some() => {
                    if is_over {
                        output = None;
                    }
                }
            }
        }
        self.process.kill();
        self.process.empty().await;
    }
}

/// Reads what there is. Returns whether the output is over.
async fn read(output: &mut Option<Output>, bytes: &mut Vec<u8>) -> bool {
    match output {
        Some(output) => !matches!(output.read(bytes, CHUNK_BYTES).await, Ok(1..)),
        None => std::future::pending().await,
    }
}

fn ended(exit: Exit) -> Ended {
    match exit {
        Exit::Code(code) => Ended::Code(code),
        Exit::Signal(signal) => Ended::Code(128 + signal),
        Exit::NotStarted(StartFailure::Program { message, code }) => Ended::NotStarted { code, message },
        Exit::NotStarted(StartFailure::Sandbox(reason)) => Ended::NoSandbox(reason),
        Exit::Violation(reason) => Ended::Violation(reason),
    }
}

impl Ended {
    /// The exit code an item shows.
    pub(crate) fn exit_code(&self) -> i32 {
        match self {
            Ended::Code(code) | Ended::NotStarted { code, .. } => *code,
            Ended::NoSandbox(_) | Ended::Violation(_) => 1,
        }
    }
}
