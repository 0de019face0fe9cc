//! Who asked for a process, and what they are told: the answer at its end, or an answer at once and a notification.

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    CommandExecOutputDeltaNotification, CommandExecOutputStream, CommandExecResponse,
    ProcessExitedNotification, ProcessOutputDeltaNotification, ProcessOutputStream, ProcessSpawnResponse,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::runner::Finished;
use super::stream::Piece;
use crate::error::CoreError;
use crate::host::{Host, Reply};

/// What a spawned process that could not be started after all is said to have ended with.
const NOT_STARTED: i32 = 126;

/// Who waits.
pub(super) enum Caller {
    /// Of `command/exec`; nothing is told of a command without an id.
    Command { id: Option<String>, reply: Reply<CommandExecResponse> },
    /// Of `process/spawn`; the reply until it has been given.
    Process { handle: String, reply: Option<Reply<ProcessSpawnResponse>> },
}

/// One of the streams of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Stdout,
    Stderr,
}

impl Caller {
    /// Says that nothing will run.
    pub(super) fn refuse(self, error: CoreError) {
        match self {
            Caller::Command { reply, .. } => reply.send(Err(error)),
            Caller::Process { reply: Some(reply), .. } => reply.send(Err(error)),
            Caller::Process { reply: None, .. } => {}
        }
    }

    /// Says that it is about to run.
    pub(super) fn begun(&mut self) {
        if let Caller::Process { reply, .. } = self
            && let Some(reply) = reply.take()
        {
            reply.send(Ok(ProcessSpawnResponse {}));
        }
    }

    /// Tells of output.
    pub(super) fn output(&self, host: &dyn Host, which: Which, piece: &Piece) {
        let cap_reached = piece.is_last;
        let delta_base64 = BASE64_STANDARD.encode(&piece.bytes);
        let notification = match self {
            Caller::Command { id, .. } => {
                let stream = match which {
                    Which::Stdout => CommandExecOutputStream::Stdout,
                    Which::Stderr => CommandExecOutputStream::Stderr,
                };
                let process_id = id.clone().unwrap_or_default();
                let delta =
                    CommandExecOutputDeltaNotification { cap_reached, delta_base64, process_id, stream };
                ServerNotification::CommandExecOutputDelta(delta)
            }
            Caller::Process { handle, .. } => {
                let stream = match which {
                    Which::Stdout => ProcessOutputStream::Stdout,
                    Which::Stderr => ProcessOutputStream::Stderr,
                };
                let process_handle = handle.clone();
                let delta =
                    ProcessOutputDeltaNotification { cap_reached, delta_base64, process_handle, stream };
                ServerNotification::ProcessOutputDelta(delta)
            }
        };
        host.notify(notification);
    }

    /// Tells how it ended.
    pub(super) fn finish(self, host: &dyn Host, finished: Result<Finished, CoreError>) {
        match (self, finished) {
            (Caller::Command { reply, .. }, finished) => {
                reply.send(finished.map(|finished| CommandExecResponse {
                    exit_code: finished.exit_code,
                    stderr: finished.stderr.text,
                    stdout: finished.stdout.text,
                }));
            }
            (caller @ Caller::Process { reply: Some(_), .. }, Err(error)) => caller.refuse(error),
            (Caller::Process { handle, .. }, finished) => {
                let finished = finished.unwrap_or_else(|error| {
                    let mut finished = Finished::without_output(NOT_STARTED);
                    finished.stderr.text = format!("{error}\n");
                    finished
                });
                host.notify(ServerNotification::ProcessExited(ProcessExitedNotification {
                    exit_code: finished.exit_code,
                    output_drain_timed_out: Some(finished.was_cut_short),
                    process_handle: handle,
                    stderr: finished.stderr.text,
                    stderr_cap_reached: finished.stderr.is_capped,
                    stdout: finished.stdout.text,
                    stdout_cap_reached: finished.stdout.is_capped,
                }));
            }
        }
    }
}
