//! Commands and processes run for the client, not for the agent (wire specification 17).
#![allow(
    missing_docs,
    reason = "a field is named as on the wire; what is not plain from its name has a comment"
)]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::common::AbsolutePathBuf;
use super::compat;
use super::turn::SandboxPolicy;

/// Sent with `command/exec/outputDelta` as a streaming command writes; all of them come before the answer
/// to the request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct CommandExecOutputDeltaNotification {
    /// True in the last one of a stream that hit its limit; what came after was dropped.
    pub cap_reached: bool,
    /// Raw bytes in base64; a character may be split between two.
    pub delta_base64: String,
    pub process_id: String,
    pub stream: CommandExecOutputStream,
}

/// Which output; a terminal has only `stdout`.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum CommandExecOutputStream {
    Stdout,
    Stderr,
}

/// Runs a command to its end inside the configured sandbox. With `processId` its input and output can be
/// streamed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct CommandExecParams {
    /// Program and arguments; not a shell line. Must not be empty.
    pub command: Vec<String>,
    /// Relative to the server's own folder.
    #[serde(default)]
    pub cwd: Option<String>,
    /// Keeps all output; excludes `outputBytesCap`.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub disable_output_cap: bool,
    /// Lets it run for ever; excludes `timeoutMs`.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub disable_timeout: bool,
    /// Variables to set, or with null to remove.
    #[serde(default)]
    pub env: Option<BTreeMap<String, Option<String>>>,
    /// Limit per stream in bytes; 1 MiB when absent.
    #[serde(default)]
    pub output_bytes_cap: Option<usize>,
    /// The client's name for it, unique on its connection; needed to stream, write, resize or terminate.
    #[serde(default)]
    pub process_id: Option<String>,
    /// Null: the configured one.
    #[serde(default)]
    pub sandbox_policy: Option<SandboxPolicy>,
    /// Of the terminal; only with `tty`.
    #[serde(default)]
    pub size: Option<CommandExecTerminalSize>,
    /// Keeps its input open for `command/exec/write`.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub stream_stdin: bool,
    /// Sends output as notifications; the answer's texts are empty then.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub stream_stdout_stderr: bool,
    /// 10 seconds when absent.
    #[serde(default)]
    pub timeout_ms: Option<i64>,
    /// Gives it a terminal.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub tty: bool,
    #[serde(default)]
    #[schemars(extend("x-experimental" = "gated"))]
    pub permission_profile: Option<String>,
}

/// Changes the size of a running command's terminal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct CommandExecResizeParams {
    pub process_id: String,
    pub size: CommandExecTerminalSize,
}

/// Empty: resized.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct CommandExecResizeResponse {}

/// How the command ended. Sent after it has ended and after all its output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct CommandExecResponse {
    /// 124 after a timeout, 128 + n after signal n.
    pub exit_code: i32,
    /// Empty if it was streamed.
    pub stderr: String,
    /// Empty if it was streamed.
    pub stdout: String,
}

/// Size of a terminal in characters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct CommandExecTerminalSize {
    pub cols: u16,
    pub rows: u16,
}

/// Ends a running command; the request that started it answers then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct CommandExecTerminateParams {
    pub process_id: String,
}

/// Empty: the signal was sent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct CommandExecTerminateResponse {}

/// Writes to a command's input, closes it, or both; one of them must be asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct CommandExecWriteParams {
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub close_stdin: bool,
    /// Bytes in base64.
    #[serde(default)]
    pub delta_base64: Option<String>,
    pub process_id: String,
}

/// Empty: written.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct CommandExecWriteResponse {}

/// Sent with `process/exited` as the last word about a spawned process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ProcessExitedNotification {
    /// 128 + n after signal n.
    pub exit_code: i32,
    /// Whether output was cut because something kept the pipe open after the exit.
    #[serde(default)]
    pub output_drain_timed_out: Option<bool>,
    pub process_handle: String,
    /// Empty if it was streamed.
    pub stderr: String,
    pub stderr_cap_reached: bool,
    /// Empty if it was streamed.
    pub stdout: String,
    pub stdout_cap_reached: bool,
}

/// Kills a spawned process; `process/exited` follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ProcessKillParams {
    pub process_handle: String,
}

/// Empty: the signal was sent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ProcessKillResponse {}

/// Sent with `process/outputDelta` as a spawned process writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ProcessOutputDeltaNotification {
    /// True in the last one of a stream that hit its limit.
    pub cap_reached: bool,
    /// Raw bytes in base64.
    pub delta_base64: String,
    pub process_handle: String,
    pub stream: ProcessOutputStream,
}

/// Which output; a terminal has only `stdout`.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ProcessOutputStream {
    Stdout,
    Stderr,
}

/// Changes the size of a spawned process's terminal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ProcessResizePtyParams {
    pub process_handle: String,
    pub size: ProcessTerminalSize,
}

/// Empty: resized.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ProcessResizePtyResponse {}

/// Starts a process without a sandbox and answers at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ProcessSpawnParams {
    /// Program and arguments; not a shell line.
    pub command: Vec<String>,
    pub cwd: AbsolutePathBuf,
    /// Variables to set, or with null to remove.
    #[serde(default)]
    pub env: Option<BTreeMap<String, Option<String>>>,
    /// Limit per stream in bytes.
    #[serde(default)]
    pub output_bytes_cap: Option<usize>,
    /// Chosen by the client; one in use is refused.
    pub process_handle: String,
    #[serde(default)]
    pub size: Option<ProcessTerminalSize>,
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub stream_stdin: bool,
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub stream_stdout_stderr: bool,
    #[serde(default)]
    pub timeout_ms: Option<i64>,
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub tty: bool,
}

/// Empty: the process runs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ProcessSpawnResponse {}

/// Size of a terminal in characters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ProcessTerminalSize {
    pub cols: u16,
    pub rows: u16,
}

/// Writes to a spawned process's input, closes it, or both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ProcessWriteStdinParams {
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub close_stdin: bool,
    /// Bytes in base64.
    #[serde(default)]
    pub delta_base64: Option<String>,
    pub process_handle: String,
}

/// Empty: written.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct ProcessWriteStdinResponse {}
