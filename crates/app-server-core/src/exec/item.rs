//! The `commandExecution` item of a command, from its beginning to its end.

use std::path::Path;

use app_server_exec_policy::{Action, actions, join};
use app_server_protocol::v2::{
    CommandAction, CommandExecutionSource, CommandExecutionStatus, LegacyAppPathString, ThreadItemKind,
};

use crate::clock::now_ms;

/// What is known of a command before it runs.
#[derive(Debug, Clone)]
pub(crate) struct CommandItem {
    pub(crate) id: String,
    /// As a person reads it.
    pub(crate) command: String,
    pub(crate) cwd: LegacyAppPathString,
    pub(crate) actions: Vec<CommandAction>,
    pub(crate) source: CommandExecutionSource,
    /// Of a terminal: what `write_stdin` names it by.
    pub(crate) process_id: Option<String>,
    pub(crate) started_at_ms: i64,
}

/// How a command ended, as its item shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct CommandEnd {
    pub(crate) output: Option<String>,
    pub(crate) exit_code: Option<i32>,
    pub(crate) duration_ms: Option<i64>,
}

impl CommandItem {
    pub(crate) fn new(id: &str, argv: &[String], cwd: &Path, source: CommandExecutionSource) -> Self {
        CommandItem {
            id: id.to_owned(),
            command: join(argv),
            cwd: LegacyAppPathString(cwd.to_string_lossy().into_owned()),
            actions: actions(argv, cwd).into_iter().map(wire_action).collect(),
            source,
            process_id: None,
            started_at_ms: now_ms(),
        }
    }

    /// The item while the command waits or runs.
    pub(crate) fn in_progress(&self) -> ThreadItemKind {
        self.kind(CommandExecutionStatus::InProgress, CommandEnd::default())
    }

    /// The item of a command that was not run.
    pub(crate) fn not_run(&self, status: CommandExecutionStatus) -> ThreadItemKind {
        self.kind(status, CommandEnd::default())
    }

    /// The item of a command that has run: only exit code 0 counts as completed.
    pub(crate) fn ended(&self, end: CommandEnd) -> ThreadItemKind {
        let status = match end.exit_code {
            Some(0) => CommandExecutionStatus::Completed,
            _ => CommandExecutionStatus::Failed,
        };
        self.kind(status, end)
    }

    fn kind(&self, status: CommandExecutionStatus, end: CommandEnd) -> ThreadItemKind {
        ThreadItemKind::CommandExecution {
            id: self.id.clone(),
            plugin_id: None,
            script_path: None,
            command: self.command.clone(),
            cwd: self.cwd.clone(),
            process_id: self.process_id.clone(),
            source: self.source,
            status,
            command_actions: self.actions.clone(),
            aggregated_output: end.output.filter(|output| !output.is_empty()),
            exit_code: end.exit_code,
            duration_ms: end.duration_ms,
        }
    }
}

fn wire_action(action: Action) -> CommandAction {
    match action {
        Action::Read { command, name, path } => {
            let path = LegacyAppPathString(path.to_string_lossy().into_owned());
            CommandAction::Read { command, name, path }
        }
        Action::ListFiles { command, path } => CommandAction::ListFiles { command, path },
        Action::Search { command, query, path } => CommandAction::Search { command, path, query },
        Action::Unknown { command } => CommandAction::Unknown { command },
    }
}
