//! `thread/shellCommand`: a command the user runs, beside the model. It runs as the user would run it, without a sandbox
//! and without a question, and the model reads of it with the next turn (agent-loop specification 16).

use std::sync::Arc;
use std::time::{Duration, Instant};

use app_server_config::{child_environment, login_shell};
use app_server_protocol::v2::{CommandExecutionSource, ThreadShellCommandParams};
use uuid::Uuid;

use super::limit;
use crate::error::CoreError;
use crate::exec::{CommandEnd, CommandItem, ExecPlan, ItemOutput, Session, truncate};
use crate::turn::{TurnContext, text_message};

/// How long a command may take that names no time.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// The exit code of a command whose time was over.
const TIMED_OUT: i32 = 124;

/// A command of the user's own.
#[derive(Debug)]
pub(crate) struct UserCommand {
    line: String,
    timeout: Duration,
}

impl UserCommand {
    /// Takes the request.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] for a blank line.
    pub(crate) fn new(params: ThreadShellCommandParams) -> Result<Self, CoreError> {
        if params.command.trim().is_empty() {
            return Err(CoreError::Invalid("command must not be empty".to_owned()));
        }
        let timeout = params.timeout_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        Ok(UserCommand { line: params.command, timeout: timeout.unwrap_or(DEFAULT_TIMEOUT) })
    }

    /// Runs it to its end, its time limit, or the end of the turn.
    pub(crate) async fn run(self, context: &Arc<TurnContext>) {
        let environment = context.thread.services.config.environment();
        let settings = &context.settings;
        let shell = login_shell(environment).to_string_lossy().into_owned();
        let argv = vec![shell, "-lc".to_owned(), self.line.clone()];
        let env =
            child_environment(&settings.config, environment, &[("CODEX_THREAD_ID", context.thread.id())]);
        let plan = ExecPlan::users_own(argv, &settings.cwd, env);
        let id = Uuid::now_v7().to_string();
        let item = CommandItem::new(&id, &plan.argv, &plan.cwd, CommandExecutionSource::UserShell);
        context.started(item.in_progress(), item.started_at_ms);
        let output = Arc::new(ItemOutput::new(Arc::clone(context), &id));
        let begun = Instant::now();
        let exit_code = match Session::start(&plan, &plan.confinement, &output) {
            Ok(session) => tokio::select! {
                biased;
                ended = session.wait(Some(self.timeout)) => match ended {
                    Some(ended) => Some(ended.exit_code()),
                    None => {
                        session.kill().await;
                        Some(TIMED_OUT)
                    }
                },
                () = context.cancel.cancelled() => {
                    session.kill().await;
                    None
                }
            },
            Err(error) => {
                tracing::warn!(%error, "a command of the user's cannot be started");
                Some(1)
            }
        };
        let duration = begun.elapsed();
        let text = output.text();
        let end = CommandEnd {
            output: Some(text.clone()),
            exit_code,
            duration_ms: i64::try_from(duration.as_millis()).ok(),
        };
        let told = format!(
            "<user_shell_command>\n<command>\n{}\n</command>\n<result>\nExit code: {}\nDuration: {:.4} seconds\n\
             Output:\n{}\n</result>\n</user_shell_command>",
            self.line,
            exit_code.map_or_else(|| "none, it was interrupted".to_owned(), |code| code.to_string()),
            duration.as_secs_f64(),
            truncate(&text, limit(context)).text
        );
        // What the user does is the thread's, whoever's turn it is.
        let mut conversation = context.thread.conversation.lock();
        let told = text_message("user", &told);
        context.completed(&mut conversation, item.ended(end), item.started_at_ms, Some(&told));
    }
}
