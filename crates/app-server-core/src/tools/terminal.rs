//! `exec_command` and `write_stdin`: commands that may run on while the model does something else (tools specification
//! 5.5).

use std::sync::Arc;
use std::time::{Duration, Instant};

use app_server_config::login_shell;
use app_server_exec_policy::looks_denied;
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{CommandExecutionSource, TerminalInteractionNotification};
use app_server_sandbox::{Confinement, Stdio};
use serde::Deserialize;

use super::command::{
    Command, ItemAsker, Permissions, aborted, item_output, no_sandbox, planned, shell_argv, with_reason,
    workdir,
};
use super::{Call, Output, apply_patch};
use crate::exec::{
    ApprovalQuestion, Attempt, CommandItem, Ended, ExecPlan, Executor, ItemOutput, Limit, MANY_OPEN, Refusal,
    Session, Terminal, run_with_plan, tokens, truncate,
};
use crate::turn::TurnContext;

/// Default and bounds of the time a call waits.
const EXEC_YIELD_MS: u64 = 10_000;
const WRITE_YIELD_MS: u64 = 250;
const MIN_YIELD_MS: u64 = 250;
const MAX_YIELD_MS: u64 = 30_000;
/// Bounds of a call that only listens.
const MIN_POLL_MS: u64 = 5_000;
const MAX_POLL_MS: u64 = 300_000;
/// Tokens of output in one answer, unless the model says otherwise.
const DEFAULT_OUTPUT_TOKENS: usize = 10_000;
/// The size of a terminal nobody looks at.
const PTY: Stdio = Stdio::Pty { rows: 24, cols: 80 };

/// What makes programs behave that are watched by a model: no colours, no pagers, no questions.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("NO_COLOR", "1"),
    ("TERM", "dumb"),
    ("LANG", "C.UTF-8"),
    ("LC_CTYPE", "C.UTF-8"),
    ("LC_ALL", "C.UTF-8"),
    ("COLORTERM", ""),
    ("PAGER", "cat"),
    ("GIT_PAGER", "cat"),
    ("GH_PAGER", "cat"),
    ("CODEX_CI", "1"),
];

#[derive(Deserialize)]
struct ExecArguments {
    cmd: String,
    #[serde(default)]
    workdir: Option<String>,
    #[serde(default)]
    shell: Option<String>,
    #[serde(default)]
    login: Option<bool>,
    #[serde(default)]
    tty: bool,
    #[serde(default)]
    yield_time_ms: Option<u64>,
    #[serde(default)]
    max_output_tokens: Option<usize>,
    #[serde(flatten)]
    permissions: Permissions,
}

#[derive(Deserialize)]
struct WriteArguments {
    session_id: i32,
    #[serde(default)]
    chars: String,
    #[serde(default)]
    yield_time_ms: Option<u64>,
    #[serde(default)]
    max_output_tokens: Option<usize>,
}

pub(super) async fn exec_command(context: &Arc<TurnContext>, call: &Call) -> Result<Output, Output> {
    let arguments: ExecArguments = call.arguments()?;
    let cwd = workdir(context, arguments.workdir);
    let environment = context.thread.services.config.environment();
    let shell = match &arguments.shell {
        Some(shell) => shell.clone(),
        None => login_shell(environment).to_string_lossy().into_owned(),
    };
    let argv = shell_argv(context, &shell, arguments.login, arguments.cmd.clone())?;
    if let Some(output) = apply_patch::intercept(context, call, &argv, &cwd).await? {
        return Ok(output.nested());
    }
    let wait = Duration::from_millis(
        arguments.yield_time_ms.unwrap_or(EXEC_YIELD_MS).clamp(MIN_YIELD_MS, MAX_YIELD_MS),
    );
    let command = Command {
        argv,
        cwd,
        timeout: None,
        stdio: if arguments.tty { PTY } else { Stdio::Merged },
        permissions: arguments.permissions,
        env: ENVIRONMENT,
    };
    let plan = planned(context, command).await?;
    let number = context.thread.terminals.number();
    let item = CommandItem::new(&call.id, &plan.argv, &plan.cwd, CommandExecutionSource::Agent);
    let mut executor = Opening {
        context,
        asker: ItemAsker::new(context, item),
        output: item_output(context, call),
        number,
        wait,
    };
    let opened = run_with_plan(&plan, &mut executor).await;
    let Opening { asker, output, .. } = executor;
    let opened = match opened {
        Ok(opened) => opened,
        Err(refusal) => return Err(asker.refused(refusal)),
    };
    let report = Report { waited: opened.waited, max_tokens: arguments.max_output_tokens };
    match opened.state {
        State::Running(session) => {
            let (text, total) = session.take_output();
            let terminal = Terminal::new(
                number,
                asker.item,
                session,
                output,
                arguments.cmd,
                arguments.tty,
                opened.begun,
            );
            let open = context.thread.terminals.add(Arc::new(terminal));
            let mut text = report.text(Process::Running(number), &text, total);
            if open >= MANY_OPEN {
                text.push_str(&format!(
                    "\nWarning: {open} commands are running in the background. End those you do not need: the \
                     oldest are ended when there are more than 64."
                ));
            }
            Ok(Output::text(text))
        }
        State::Aborted => {
            asker.ended(&output, None, opened.waited);
            Ok(Output::text(aborted(opened.waited)))
        }
        State::Ended(ended, text, total) => {
            asker.ended(&output, Some(ended.exit_code()), opened.begun.elapsed());
            if let Ended::NoSandbox(reason) = &ended {
                return Ok(Output::text(no_sandbox(reason)));
            }
            let text = with_reason(&ended, &text);
            Ok(Output::text(report.text(Process::Exited(ended.exit_code()), &text, total.max(text.len()))))
        }
    }
}

/// Opens a terminal and waits a while for its command.
struct Opening<'a> {
    context: &'a Arc<TurnContext>,
    asker: ItemAsker<'a>,
    output: Arc<ItemOutput>,
    number: i32,
    wait: Duration,
}

/// What became of the command in that time.
struct Opened {
    state: State,
    begun: Instant,
    waited: Duration,
}

enum State {
    Running(Session),
    /// How it ended, what it said, and how much that was.
    Ended(Ended, String, usize),
    Aborted,
}

impl Executor for Opening<'_> {
    type Attempt = Opened;

    async fn ask(&mut self, plan: &ExecPlan, question: ApprovalQuestion) -> Result<(), Refusal> {
        self.asker.ask(plan, question).await
    }

    async fn attempt(&mut self, plan: &ExecPlan, confinement: &Confinement) -> Opened {
        self.asker.item.source = CommandExecutionSource::UnifiedExecStartup;
        self.asker.item.process_id = Some(self.number.to_string());
        self.asker.start();
        let begun = Instant::now();
        let state = match Session::start(plan, confinement, &self.output) {
            Ok(session) => tokio::select! {
                biased;
                ended = session.wait(Some(self.wait)) => match ended {
                    Some(ended) => {
                        let (text, total) = session.take_output();
                        State::Ended(ended, text, total)
                    }
                    None => State::Running(session),
                },
                () = self.context.cancel.cancelled() => {
                    session.kill().await;
                    State::Aborted
                }
            },
            Err(error) => {
                let ended = Ended::NotStarted { code: 1, message: error.to_string() };
                State::Ended(ended, String::new(), 0)
            }
        };
        Opened { state, begun, waited: begun.elapsed() }
    }
}

impl Attempt for Opened {
    fn is_denied(&self) -> bool {
        match &self.state {
            State::Ended(Ended::Code(code), text, _) => looks_denied(*code, text),
            State::Ended(Ended::Violation(_), ..) => true,
            _ => false,
        }
    }
}

pub(super) async fn write_stdin(context: &Arc<TurnContext>, call: &Call) -> Result<Output, Output> {
    let WriteArguments { session_id, chars, yield_time_ms, max_output_tokens } = call.arguments()?;
    let failed = |reason: &str| Output::text(format!("write_stdin failed: {reason}"));
    let terminals = &context.thread.terminals;
    let terminal =
        terminals.get(session_id).ok_or_else(|| failed(&format!("Unknown process id {session_id}")))?;
    let begun = Instant::now();
    let yield_ms = yield_time_ms.unwrap_or(WRITE_YIELD_MS);
    let wait = match chars.is_empty() {
        true => yield_ms.clamp(MIN_POLL_MS, MAX_POLL_MS),
        false => yield_ms.clamp(MIN_YIELD_MS, MAX_YIELD_MS),
    };
    if !chars.is_empty() {
        if !terminal.is_tty() {
            return Err(failed(
                "stdin is closed for this session; rerun exec_command with tty=true to keep stdin open",
            ));
        }
        context.notify(ServerNotification::ItemCommandExecutionTerminalInteraction(
            TerminalInteractionNotification {
                item_id: terminal.item.id.clone(),
                process_id: session_id.to_string(),
                stdin: chars.clone(),
                thread_id: context.thread.id().to_owned(),
                turn_id: terminal.turn_id().to_owned(),
            },
        ));
        // A terminal takes only so much that its command does not read.
        let written = tokio::select! {
            written = terminal.session.write(chars.as_bytes()) => written,
            () = tokio::time::sleep(Duration::from_millis(wait)) => {
                Err(std::io::Error::other("the command does not read its input; not all of it was written"))
            }
            () = context.cancel.cancelled() => return Err(Output::text(aborted(begun.elapsed()))),
        };
        if let Err(error) = written
            && terminal.session.ended().is_none()
        {
            return Err(failed(&error.to_string()));
        }
    }
    let ended = tokio::select! {
        ended = terminal.session.wait(Some(Duration::from_millis(wait))) => ended,
        () = context.cancel.cancelled() => return Err(Output::text(aborted(begun.elapsed()))),
    };
    let report = Report { waited: begun.elapsed(), max_tokens: max_output_tokens };
    let (text, total) = terminal.session.take_output();
    let process = match ended {
        Some(ended) => {
            // Its item is completed before the model goes on.
            terminal.settled().await;
            terminals.remove(session_id);
            Process::Exited(ended.exit_code())
        }
        None => Process::Running(session_id),
    };
    Ok(Output::text(report.text(process, &text, total)))
}

/// What is said of a process besides its output.
#[derive(Clone, Copy)]
enum Process {
    Exited(i32),
    Running(i32),
}

struct Report {
    waited: Duration,
    max_tokens: Option<usize>,
}

impl Report {
    /// The answer to the model; `total` is the size of all output, of which `text` may be a part.
    fn text(&self, process: Process, text: &str, total: usize) -> String {
        let chunk = fastrand::u32(..) & 0x00ff_ffff;
        let process = match process {
            Process::Exited(code) => format!("Process exited with code {code}"),
            Process::Running(number) => format!("Process running with session ID {number}"),
        };
        let truncated = truncate(text, Limit::Tokens(self.max_tokens.unwrap_or(DEFAULT_OUTPUT_TOKENS)));
        let count = tokens(total);
        let note = match truncated.is_cut {
            true => format!(
                "Warning: truncated output (original token count: {count})\nTotal output lines: {}\n\n",
                text.lines().count()
            ),
            false => String::new(),
        };
        format!(
            "Chunk ID: {chunk:06x}\nWall time: {:.4} seconds\n{process}\nOriginal token count: {count}\nOutput:\n{note}{}",
            self.waited.as_secs_f64(),
            truncated.text
        )
    }
}
