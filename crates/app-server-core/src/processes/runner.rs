//! A process at work, in one task: what it says goes to the client, what the client writes goes to it, until it ends, is
//! ended, or its time is over. Nothing of it is left when this is done.
//!
//! While the client is slow, output that is told of as it comes is not read: the pipe fills and the process waits.

use std::sync::Arc;
use std::time::Duration;

use app_server_sandbox::{Confinement, Exit, Process, StartFailure, Stdio};
use tokio_util::sync::CancellationToken;

use super::caller::{Caller, Which};
use super::checks::Order;
use super::registry::{Family, Reins, Resize};
use super::stream::{Piece, Stream};
use crate::error::CoreError;
use crate::exec::{self, ExecPlan};
use crate::host::Host;
use crate::services::Services;

/// The exit code of what was killed.
pub(super) const KILLED: i32 = 128 + 9;
/// The exit code of what took too long.
const TIMED_OUT: i32 = 124;
/// The exit code of what did something it may not.
const VIOLATION: i32 = 1;

/// How long output is waited for that something in the background keeps open, and that a terminal still has.
const DRAIN: Duration = Duration::from_millis(100);
/// Read after the end, at most: what was written before it is in the pipe, whose size this exceeds.
const DRAIN_BYTES: usize = 4 * 1024 * 1024;
/// How long the end of what was left behind is waited for.
const END_WITHIN: Duration = Duration::from_secs(1);
/// Output that has not gone on for this long is told as it is, such as the question of a prompt.
const QUIET: Duration = Duration::from_millis(100);

/// How a process ended, and what was kept of its output.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) exit_code: i32,
    pub(super) stdout: Said,
    pub(super) stderr: Said,
    /// Whether something in the background kept the output open.
    pub(super) was_cut_short: bool,
}

/// What was kept of a stream.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) is_capped: bool,
}

impl Finished {
    /// The end of something that never said anything.
    pub(super) fn without_output(exit_code: i32) -> Self {
        Finished { exit_code, stdout: Said::default(), stderr: Said::default(), was_cut_short: false }
    }
}

/// Runs a plan to its end.
///
/// # Errors
/// [`CoreError::Internal`] when the process, or its sandbox, cannot be started.
pub(super) async fn run(
    services: &Services,
    order: &Order,
    plan: &ExecPlan,
    reins: &mut Reins,
    caller: &mut Caller,
) -> Result<Finished, CoreError> {
    let mut process =
        exec::start(&services.launcher, plan, &plan.confinement).map_err(|error| order.failed(error))?;
    reins.stdin.open(process.stdin.take());
    let secrets = services.secrets();
    let mut running = Running {
        stdout: Stream::new(process.stdout.take(), secrets.byte_masker(), order.cap),
        stderr: Stream::new(process.stderr.take(), secrets.byte_masker(), order.cap),
        process,
        streams: order.streams,
        is_terminal: matches!(plan.stdio, Stdio::Pty { .. }),
        host: &services.host,
        caller,
    };
    let (exit, is_late) = running.until_exit(reins, order.timeout, &services.closing).await;
    let was_cut_short = running.drain().await;
    running.end().await;
    let exit_code = match (exit, is_late) {
        (_, true) => TIMED_OUT,
        (Exit::Code(code), false) => code,
        (Exit::Signal(signal), false) => 128 + signal,
        (Exit::NotStarted(StartFailure::Program { message, code }), false) => {
            if order.family == Family::Command && plan.confinement == Confinement::Direct {
                return Err(order.failed(message));
            }
            running.explain(&message);
            code
        }
        (Exit::NotStarted(StartFailure::Sandbox(reason)), false) => {
            return Err(CoreError::Internal(format!("the sandbox cannot be set up: {reason}")));
        }
        (Exit::Violation(reason), false) => {
            running.explain(&reason);
            VIOLATION
        }
    };
    Ok(running.finished(exit_code, was_cut_short))
}

struct Running<'a> {
    process: Process,
    stdout: Stream,
    stderr: Stream,
    /// Whether output is told of as it comes.
    streams: bool,
    is_terminal: bool,
    host: &'a Arc<dyn Host>,
    caller: &'a mut Caller,
}

impl Running<'_> {
    /// Returns how it ended, and whether its time was over.
    async fn until_exit(
        &mut self,
        reins: &mut Reins,
        timeout: Option<Duration>,
        closing: &CancellationToken,
    ) -> (Exit, bool) {
        let Reins { stdin, sizes, kill } = reins;
        let mut timeout = std::pin::pin!(async {
            match timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        });
        let (mut is_killed, mut is_late) = (false, false);
        loop {
            let is_congested = self.streams && self.host.is_congested();
            let is_holding = self.streams && (self.stdout.is_holding() || self.stderr.is_holding());
            let (which, piece) = tokio::select! {
                biased;
                () = closing.cancelled(), if !is_killed => {
                    is_killed = true;
                    self.process.kill();
                    continue;
                }
                () = kill.cancelled(), if !is_killed => {
                    is_killed = true;
                    self.process.kill();
                    continue;
                }
                () = &mut timeout, if !is_killed => {
                    (is_killed, is_late) = (true, true);
                    self.process.kill();
                    continue;
                }
                // Before its output: a child in the background that never stops talking must not hide the end.
                exit = self.process.wait() => return (exit, is_late),
                Some(resize) = sizes.recv() => {
                    self.resize(resize);
                    continue;
                }
                never = stdin.work() => match never {},
                (_, piece) = self.stdout.read(), if !is_congested && self.stdout.is_open() => {
                    (Which::Stdout, piece)
                }
                (_, piece) = self.stderr.read(), if !is_congested && self.stderr.is_open() => {
                    (Which::Stderr, piece)
                }
                () = self.host.drained(), if is_congested => continue,
                () = tokio::time::sleep(QUIET), if is_holding && !is_congested => {
                    self.release();
                    continue;
                }
            };
            self.tell(which, piece);
        }
    }

    fn resize(&self, Resize { size, done }: Resize) {
        let result = self.process.resize(size.rows, size.cols);
        done(result.map_err(|error| CoreError::Internal(format!("failed to resize PTY: {error}"))));
    }

    /// Takes what was written before the end. Returns whether something in the background kept the output open.
    async fn drain(&mut self) -> bool {
        let mut limit = std::pin::pin!(tokio::time::sleep(DRAIN));
        let mut drained = 0;
        while (self.stdout.is_open() || self.stderr.is_open()) && drained < DRAIN_BYTES {
            let (which, (count, piece)) = tokio::select! {
                biased;
                came = self.stdout.read(), if self.stdout.is_open() => (Which::Stdout, came),
                came = self.stderr.read(), if self.stderr.is_open() => (Which::Stderr, came),
                // Nobody is left who could write; what a terminal holds may still be on its way.
                () = self.process.empty(), if !self.is_terminal => {
                    self.take_rest();
                    return false;
                }
                () = &mut limit => break,
            };
            drained += count;
            self.tell(which, piece);
        }
        let is_open = self.stdout.is_open() || self.stderr.is_open();
        self.release();
        is_open
    }

    fn take_rest(&mut self) {
        while let Some((_, piece)) = self.stdout.try_read() {
            self.tell(Which::Stdout, piece);
        }
        while let Some((_, piece)) = self.stderr.try_read() {
            self.tell(Which::Stderr, piece);
        }
        self.release();
    }

    /// Tells what was held back.
    fn release(&mut self) {
        let piece = self.stdout.release();
        self.tell(Which::Stdout, piece);
        let piece = self.stderr.release();
        self.tell(Which::Stderr, piece);
    }

    fn tell(&mut self, which: Which, piece: Option<Piece>) {
        let Some(piece) = piece else { return };
        if self.streams {
            return self.caller.output(self.host.as_ref(), which, &piece);
        }
        match which {
            Which::Stdout => self.stdout.keep(&piece),
            Which::Stderr => self.stderr.keep(&piece),
        }
    }

    /// Adds to the output why the program did not run, or not on.
    fn explain(&mut self, reason: &str) {
        let which = if self.is_terminal { Which::Stdout } else { Which::Stderr };
        self.tell(which, Some(Piece { bytes: format!("{reason}\n").into_bytes(), is_last: false }));
    }

    /// Ends what was left in the background.
    async fn end(&mut self) {
        self.process.kill();
        if tokio::time::timeout(END_WITHIN, self.process.empty()).await.is_err() {
            tracing::warn!("a process that was killed has not ended yet");
        }
    }

    fn finished(mut self, exit_code: i32, was_cut_short: bool) -> Finished {
        Finished {
            exit_code,
            stdout: Said { text: self.stdout.text(), is_capped: self.stdout.is_capped() },
            stderr: Said { text: self.stderr.text(), is_capped: self.stderr.is_capped() },
            was_cut_short,
        }
    }
}
