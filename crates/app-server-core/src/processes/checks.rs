//! What requests may ask for, checked before anything starts. Pure.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use app_server_protocol::v2::{CommandExecParams, ProcessSpawnParams, SandboxPolicy};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::registry::Family;
use crate::error::CoreError;

/// How much of each stream is handed over unless the request says otherwise.
const DEFAULT_CAP_BYTES: usize = 1024 * 1024;
/// How long a command may take unless the request says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) rows: u16,
    pub(super) cols: u16,
}

/// Of terminals whose request names no size.
const DEFAULT_SIZE: Size = Size { rows: 24, cols: 80 };

/// What confines a process.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bounds {
    /// Nothing: it may do what the user may.
    None,
    /// What the configuration says.
    Configured,
    /// What the request says.
    Policy(SandboxPolicy),
}

/// A checked request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    pub(super) family: Family,
    pub(super) argv: Vec<String>,
    /// The client's name for it.
    pub(super) id: Option<String>,
    /// Where it runs; the server's own folder when absent, and relative to that.
    pub(super) cwd: Option<PathBuf>,
    /// Variables to set, or to remove.
    pub(super) env: BTreeMap<String, Option<String>>,
    /// Its terminal, if it has one.
    pub(super) terminal: Option<Size>,
    /// Whether the client writes to it.
    pub(super) takes_input: bool,
    /// Whether output is told of as it comes.
    pub(super) streams: bool,
    /// Of each stream, in bytes.
    pub(super) cap: Option<usize>,
    pub(super) timeout: Option<Duration>,
    pub(super) bounds: Bounds,
}

impl Order {
    /// Checks a `command/exec`.
    ///
    /// # Errors
    /// [`CoreError::InvalidParams`] where fields exclude each other, else [`CoreError::Invalid`].
    pub(super) fn command(params: CommandExecParams) -> Result<Self, CoreError> {
        const METHOD: &str = "command/exec";
        let streams = params.tty || params.stream_stdin || params.stream_stdout_stderr;
        not_empty(&params.command)?;
        if streams && params.process_id.is_none() {
            let text = format!("{METHOD} tty or streaming requires a client-supplied processId");
            return Err(CoreError::Invalid(text));
        }
        if params.output_bytes_cap.is_some() && params.disable_output_cap {
            return Err(excluded(METHOD, "outputBytesCap", "disableOutputCap"));
        }
        if params.timeout_ms.is_some() && params.disable_timeout {
            return Err(excluded(METHOD, "timeoutMs", "disableTimeout"));
        }
        let size = params.size.map(|size| Size { rows: size.rows, cols: size.cols });
        let timeout = timeout(METHOD, params.timeout_ms)?;
        let bounds = match (params.sandbox_policy, params.permission_profile) {
            (Some(_), Some(_)) => {
                let text = "`permissionProfile` cannot be combined with `sandboxPolicy`";
                return Err(CoreError::Invalid(text.to_owned()));
            }
            (Some(policy), None) => Bounds::Policy(policy),
            (None, Some(profile)) => Bounds::Policy(profile_policy(&profile)?),
            (None, None) => Bounds::Configured,
        };
        Ok(Order {
            family: Family::Command,
            argv: params.command,
            id: params.process_id,
            cwd: params.cwd.map(PathBuf::from),
            env: params.env.unwrap_or_default(),
            terminal: terminal(METHOD, params.tty, size)?,
            takes_input: params.stream_stdin || params.tty,
            streams: params.stream_stdout_stderr || params.tty,
            cap: (!params.disable_output_cap).then(|| params.output_bytes_cap.unwrap_or(DEFAULT_CAP_BYTES)),
            timeout: (!params.disable_timeout).then(|| timeout.unwrap_or(DEFAULT_TIMEOUT)),
            bounds,
        })
    }

    /// Checks a `process/spawn`. Such a process may take as long as it likes unless the request says otherwise.
    ///
    /// # Errors
    /// As [`Order::command`].
    pub(super) fn process(params: ProcessSpawnParams) -> Result<Self, CoreError> {
        const METHOD: &str = "process/spawn";
        not_empty(&params.command)?;
        if params.process_handle.is_empty() {
            return Err(CoreError::Invalid("processHandle must not be empty".to_owned()));
        }
        let size = params.size.map(|size| Size { rows: size.rows, cols: size.cols });
        Ok(Order {
            family: Family::Process,
            argv: params.command,
            id: Some(params.process_handle),
            cwd: Some(PathBuf::from(params.cwd.0)),
            env: params.env.unwrap_or_default(),
            terminal: terminal(METHOD, params.tty, size)?,
            takes_input: params.stream_stdin || params.tty,
            streams: params.stream_stdout_stderr || params.tty,
            cap: Some(params.output_bytes_cap.unwrap_or(DEFAULT_CAP_BYTES)),
            timeout: timeout(METHOD, params.timeout_ms)?,
            bounds: Bounds::None,
        })
    }

    /// What is said when it cannot be started.
    pub(super) fn failed(&self, why: impl Display) -> CoreError {
        let what = match self.family {
            Family::Command => "command",
            Family::Process => "process",
        };
        CoreError::Internal(format!("failed to spawn {what}: {why}"))
    }
}

fn not_empty(argv: &[String]) -> Result<(), CoreError> {
    match argv.first() {
        Some(program) if !program.is_empty() => Ok(()),
        _ => Err(CoreError::Invalid("command must not be empty".to_owned())),
    }
}

fn excluded(method: &str, one: &str, other: &str) -> CoreError {
    CoreError::InvalidParams(format!("{method} cannot set both {one} and {other}"))
}

fn terminal(method: &str, tty: bool, size: Option<Size>) -> Result<Option<Size>, CoreError> {
    match (tty, size) {
        (false, Some(_)) => Err(CoreError::InvalidParams(format!("{method} size requires tty: true"))),
        (false, None) => Ok(None),
        (true, size) => Ok(Some(size.unwrap_or(DEFAULT_SIZE))),
    }
}

fn timeout(method: &str, ms: Option<i64>) -> Result<Option<Duration>, CoreError> {
    let Some(ms) = ms else { return Ok(None) };
    match u64::try_from(ms) {
        Ok(ms) => Ok(Some(Duration::from_millis(ms))),
        Err(_) => Err(CoreError::InvalidParams(format!("{method} timeoutMs must be non-negative, got {ms}"))),
    }
}

/// The built-in permission profiles, which are the sandbox modes by other names.
fn profile_policy(profile: &str) -> Result<SandboxPolicy, CoreError> {
    match profile {
        ":read-only" => Ok(SandboxPolicy::ReadOnly { network_access: false }),
        ":workspace" => Ok(SandboxPolicy::WorkspaceWrite {
            exclude_slash_tmp: false,
            exclude_tmpdir_env_var: false,
            network_access: false,
            writable_roots: Vec::new(),
        }),
        ":danger-full-access" => Ok(SandboxPolicy::DangerFullAccess),
        _ => Err(CoreError::Invalid(format!("invalid permission profile: there is no `{profile}`"))),
    }
}

/// Decodes what is to be written.
///
/// # Errors
/// [`CoreError::InvalidParams`] when there is nothing to do, or the text is no base64.
pub(super) fn input(method: &str, delta: Option<&str>, close: bool) -> Result<Vec<u8>, CoreError> {
    match delta {
        None if close => Ok(Vec::new()),
        None => Err(CoreError::InvalidParams(format!("{method} requires deltaBase64 or closeStdin"))),
        Some(delta) => BASE64_STANDARD
            .decode(delta)
            .map_err(|error| CoreError::InvalidParams(format!("invalid deltaBase64: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use serde_json::{Value, json};

    use super::*;

    fn command(params: &Value) -> Result<Order, CoreError> {
        Order::command(serde_json::from_value(params.clone()).unwrap())
    }

    fn process(params: &Value) -> Result<Order, CoreError> {
        Order::process(serde_json::from_value(params.clone()).unwrap())
    }

    #[test]
    fn a_command_has_limits_unless_it_says_otherwise() {
        let order = command(&json!({"command": ["true"]})).unwrap();
        assert_eq!(
            (order.cap, order.timeout, order.streams, order.takes_input, &order.bounds),
            (Some(1024 * 1024), Some(Duration::from_secs(10)), false, false, &Bounds::Configured)
        );
        let order =
            command(&json!({"command": ["true"], "disableTimeout": true, "disableOutputCap": true})).unwrap();
        assert_eq!((order.cap, order.timeout), (None, None));
        let order = command(&json!({"command": ["true"], "tty": true, "processId": "p"})).unwrap();
        assert_eq!(
            (order.terminal, order.streams, order.takes_input),
            (Some(Size { rows: 24, cols: 80 }), true, true)
        );
        let order = command(&json!({"command": ["true"], "permissionProfile": ":read-only"})).unwrap();
        assert_eq!(order.bounds, Bounds::Policy(SandboxPolicy::ReadOnly { network_access: false }));
    }

    #[test]
    fn a_spawned_process_has_no_time_limit_and_no_sandbox() {
        let order = process(&json!({"command": ["true"], "cwd": "/", "processHandle": "h"})).unwrap();
        assert_eq!((order.cap, order.timeout, &order.bounds), (Some(1024 * 1024), None, &Bounds::None));
    }

    #[test]
    fn what_is_refused() {
        let cases = [
            (json!({"command": []}), "command must not be empty"),
            (
                json!({"command": ["a"], "tty": true}),
                "command/exec tty or streaming requires a client-supplied processId",
            ),
            (
                json!({"command": ["a"], "outputBytesCap": 1, "disableOutputCap": true}),
                "command/exec cannot set both outputBytesCap and disableOutputCap",
            ),
            (
                json!({"command": ["a"], "timeoutMs": 1, "disableTimeout": true}),
                "command/exec cannot set both timeoutMs and disableTimeout",
            ),
            (
                json!({"command": ["a"], "size": {"rows": 1, "cols": 1}}),
                "command/exec size requires tty: true",
            ),
            (
                json!({"command": ["a"], "timeoutMs": -1}),
                "command/exec timeoutMs must be non-negative, got -1",
            ),
            (
                json!({"command": ["a"], "permissionProfile": ":x"}),
                "invalid permission profile: there is no `:x`",
            ),
            (
                json!({"command": ["a"], "permissionProfile": ":x", "sandboxPolicy": {"type": "readOnly"}}),
                "`permissionProfile` cannot be combined with `sandboxPolicy`",
            ),
        ];
        for (params, text) in cases {
            assert_eq!(command(&params).unwrap_err().to_string(), text);
        }
        let spawn = json!({"command": ["a"], "cwd": "/", "processHandle": ""});
        assert_eq!(process(&spawn).unwrap_err().to_string(), "processHandle must not be empty");
    }

    #[test]
    fn what_can_be_written() {
        assert_eq!(input("m", Some("YWJj"), false).unwrap(), b"abc");
        assert_eq!(input("m", None, true).unwrap(), b"");
        let refused = |delta, close| input("m", delta, close).unwrap_err().to_string();
        assert_eq!(refused(None, false), "m requires deltaBase64 or closeStdin");
        assert_eq!(refused(Some("***"), true), "invalid deltaBase64: Invalid symbol 42, offset 0.");
    }
}
