//! `shell` and `shell_command`: a command that is waited for; and what they share with terminals: reading the arguments,
//! planning, asking, the item.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use app_server_config::{child_environment, login_shell};
use app_server_exec_policy::{ApprovalPolicy, append_allow, looks_denied};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    AskForApproval, CommandExecutionSource, CommandExecutionStatus, ThreadActiveFlag, WarningNotification,
};
use app_server_sandbox::{Confinement, Stdio};
use serde::{Deserialize, Serialize};

use super::{Call, Output, apply_patch, aside, boundary, limit};
use crate::exec::{
    ApprovalQuestion, Attempt, Boundary, CommandEnd, CommandItem, Ended, ExecPlan, ExecRequest, Executor,
    ItemOutput, Refusal, Rejected, Session, plan, run_with_plan, truncate,
};
use crate::turn::{CommandAnswer, TurnContext, ask_about_command, text_message};

/// How long a command may take that names no time.
const DEFAULT_TIMEOUT: Duration = Duration::from_millis(10_000);
/// The exit code of a command whose time was over.
const TIMED_OUT: i32 = 124;

/// The arguments of every command tool that are about approval.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Permissions {
    #[serde(default)]
    sandbox_permissions: Option<String>,
    #[serde(default)]
    justification: Option<String>,
    #[serde(default)]
    prefix_rule: Option<Vec<String>>,
}

impl Permissions {
    fn escalated(&self) -> bool {
        self.sandbox_permissions.as_deref() == Some("require_escalated")
    }
}

/// A command as a tool wants it run.
pub(super) struct Command {
    pub(super) argv: Vec<String>,
    pub(super) cwd: PathBuf,
    pub(super) timeout: Option<Duration>,
    pub(super) stdio: Stdio,
    pub(super) permissions: Permissions,
    /// Added to the environment of the configuration.
    pub(super) env: &'static [(&'static str, &'static str)],
}

#[derive(Deserialize)]
struct ShellArguments {
    command: Vec<String>,
    #[serde(default)]
    workdir: Option<String>,
    #[serde(default, alias = "timeout")]
    timeout_ms: Option<u64>,
    #[serde(flatten)]
    permissions: Permissions,
}

#[derive(Deserialize)]
struct ShellCommandArguments {
    command: String,
    #[serde(default)]
    workdir: Option<String>,
    #[serde(default)]
    login: Option<bool>,
    #[serde(default, alias = "timeout")]
    timeout_ms: Option<u64>,
    #[serde(flatten)]
    permissions: Permissions,
}

pub(super) async fn shell(context: &Arc<TurnContext>, call: &Call) -> Result<Output, Output> {
    let ShellArguments { command, workdir, timeout_ms, permissions } = call.arguments()?;
    if command.is_empty() {
        return Err(Output::text("command must not be empty"));
    }
    let has_patch_tool = context.model_info.apply_patch_tool.is_some();
    run(context, call, command, workdir, timeout_ms, permissions, has_patch_tool).await
}

pub(super) async fn shell_command(context: &Arc<TurnContext>, call: &Call) -> Result<Output, Output> {
    let ShellCommandArguments { command, workdir, login, timeout_ms, permissions } = call.arguments()?;
    let shell = login_shell(context.thread.services.config.environment());
    let argv = shell_argv(context, &shell.to_string_lossy(), login, command)?;
    run(context, call, argv, workdir, timeout_ms, permissions, true).await
}

/// The words that run a script in a shell.
///
/// # Errors
/// When the configuration forbids login shells and the model insists on one.
pub(super) fn shell_argv(
    context: &TurnContext,
    shell: &str,
    login: Option<bool>,
    script: String,
) -> Result<Vec<String>, Output> {
    let allowed = context.settings.config.allow_login_shell;
    if login == Some(true) && !allowed {
        return Err(Output::text("login shells are disabled by the configuration; leave `login` out"));
    }
    let flag = if login.unwrap_or(allowed) { "-lc" } else { "-c" };
    Ok(vec![shell.to_owned(), flag.to_owned(), script])
}

/// Where a command runs: an empty name is none.
pub(super) fn workdir(context: &TurnContext, workdir: Option<String>) -> PathBuf {
    let cwd = &context.settings.cwd;
    workdir.filter(|dir| !dir.is_empty()).map_or_else(|| cwd.clone(), |dir| cwd.join(dir))
}

async fn run(
    context: &Arc<TurnContext>,
    call: &Call,
    argv: Vec<String>,
    dir: Option<String>,
    timeout_ms: Option<u64>,
    permissions: Permissions,
    as_text: bool,
) -> Result<Output, Output> {
    let cwd = workdir(context, dir);
    let timeout = timeout_ms.map_or(DEFAULT_TIMEOUT, Duration::from_millis);
    if let Some(output) = apply_patch::intercept(context, call, &argv, &cwd).await? {
        return Ok(output);
    }
    let command = Command { argv, cwd, timeout: Some(timeout), stdio: Stdio::Merged, permissions, env: &[] };
    let plan = planned(context, command).await?;
    let item = CommandItem::new(&call.id, &plan.argv, &plan.cwd, CommandExecutionSource::Agent);
    let mut executor = OneShot { asker: ItemAsker::new(context, item), output: item_output(context, call) };
    let ran = run_with_plan(&plan, &mut executor).await;
    let OneShot { asker, output } = executor;
    let ran = match ran {
        Ok(ran) => ran,
        Err(refusal) => return Err(asker.refused(refusal)),
    };
    asker.ended(&output, ran.exit_code(), ran.duration);
    Ok(ran.for_model(limit(context), as_text))
}

pub(super) fn item_output(context: &Arc<TurnContext>, call: &Call) -> Arc<ItemOutput> {
    Arc::new(ItemOutput::new(Arc::clone(context), &call.id))
}

/// Plans a command under the settings of the turn.
///
/// # Errors
/// The text for the model when it may not run.
pub(super) async fn planned(context: &Arc<TurnContext>, command: Command) -> Result<ExecPlan, Output> {
    let boundary = boundary(context).await?;
    let context = Arc::clone(context);
    aside(move || plan_within(&context, &command, &boundary)).await?
}

fn plan_within(context: &TurnContext, command: &Command, boundary: &Boundary) -> Result<ExecPlan, Output> {
    let services = &context.thread.services;
    let settings = &context.settings;
    let mut extra = vec![("CODEX_THREAD_ID", context.thread.id())];
    extra.extend_from_slice(command.env);
    let mut env = child_environment(&settings.config, services.config.environment(), &extra);
    services.aliases.add_to_path(&mut env);
    let permissions = &command.permissions;
    let request = ExecRequest {
        argv: command.argv.clone(),
        cwd: command.cwd.clone(),
        env,
        timeout: command.timeout,
        stdio: command.stdio,
        escalated: permissions.escalated(),
        justification: permissions.justification.as_deref(),
        prefix_rule: permissions.prefix_rule.as_deref(),
    };
    let rules = context.thread.rules.lock().unwrap_or_else(PoisonError::into_inner).clone();
    plan(request, approval_policy(&settings.approval_policy), boundary, &rules)
        .map_err(|Rejected(text)| Output::text(text))
}

pub(super) fn approval_policy(policy: &AskForApproval) -> ApprovalPolicy {
    match policy {
        AskForApproval::Untrusted => ApprovalPolicy::Untrusted,
        AskForApproval::OnFailure => ApprovalPolicy::OnFailure,
        AskForApproval::OnRequest => ApprovalPolicy::OnRequest,
        AskForApproval::Never => ApprovalPolicy::Never,
        AskForApproval::Granular { sandbox_approval, rules, .. } => {
            ApprovalPolicy::Granular { sandbox_approval: *sandbox_approval, rules: *rules }
        }
    }
}

/// A command's item, and the questions about it.
pub(super) struct ItemAsker<'a> {
    context: &'a Arc<TurnContext>,
    pub(super) item: CommandItem,
    is_started: bool,
}

impl<'a> ItemAsker<'a> {
    pub(super) fn new(context: &'a Arc<TurnContext>, item: CommandItem) -> Self {
        ItemAsker { context, item, is_started: false }
    }

    /// Tells that the item has begun, once.
    pub(super) fn start(&mut self) {
        if !self.is_started {
            self.is_started = true;
            self.context.started(self.item.in_progress(), self.item.started_at_ms);
        }
    }

    pub(super) async fn ask(&mut self, plan: &ExecPlan, question: ApprovalQuestion) -> Result<(), Refusal> {
        let thread = &self.context.thread;
        if thread.approvals.has_command(&plan.key) {
            return Ok(());
        }
        let waiting = thread.status.wait(ThreadActiveFlag::WaitingOnApproval);
        self.start();
        let ApprovalQuestion { reason, amendment } = question;
        match ask_about_command(self.context, &self.item, waiting, reason, amendment).await {
            CommandAnswer::Accept => {}
            CommandAnswer::AcceptForSession => thread.approvals.add_command(plan.key.clone()),
            CommandAnswer::AcceptAndAllow(words) => self.allow(&words),
            CommandAnswer::Decline => return Err(Refusal::Declined),
            CommandAnswer::Cancel => return Err(Refusal::Cancelled),
            CommandAnswer::Failed => return Err(Refusal::Failed),
            CommandAnswer::Withdrawn => return Err(Refusal::Withdrawn),
        }
        Ok(())
    }

    /// Saves a rule that allows commands beginning with these words, and tells the model of it. A rule that cannot be
    /// saved still holds until the thread is unloaded.
    fn allow(&self, words: &[String]) {
        if words.is_empty() {
            return;
        }
        let thread = &self.context.thread;
        let file = thread.services.config.codex_home().join("rules").join("default.rules");
        if let Err(error) = append_allow(&file, words) {
            thread.listener.notify(ServerNotification::Warning(WarningNotification {
                message: format!("The rule could not be saved to {}: {error}", file.display()),
                thread_id: Some(thread.id().to_owned()),
            }));
        }
        thread.rules.lock().unwrap_or_else(PoisonError::into_inner).allow_prefix(words);
        let prefix = serde_json::to_string(words).unwrap_or_default();
        let text = format!("The user now allows every command that begins with these words:\n- {prefix}");
        let mut conversation = self.context.conversation.lock();
        self.context.record(&mut conversation, &text_message("developer", &text));
    }

    /// Completes the item of a command that did not run, and says so to the model.
    pub(super) fn refused(self, refusal: Refusal) -> Output {
        let (status, output) = match refusal {
            Refusal::Declined => {
                (CommandExecutionStatus::Declined, Output::text("exec command rejected by user"))
            }
            Refusal::Cancelled => {
                // At once: calls beside this one may wait for an answer that never comes.
                self.context.cancel.cancel();
                (CommandExecutionStatus::Declined, Output::text("exec command rejected by user"))
            }
            Refusal::Failed => (
                CommandExecutionStatus::Failed,
                Output::text("exec command not run: approval request failed"),
            ),
            Refusal::Withdrawn => (CommandExecutionStatus::Declined, Output::text(aborted(Duration::ZERO))),
        };
        self.complete(self.item.not_run(status));
        output
    }

    /// Completes the item of a command that has run.
    pub(super) fn ended(&self, output: &ItemOutput, exit_code: Option<i32>, duration: Duration) {
        let duration_ms = i64::try_from(duration.as_millis()).ok();
        self.complete(self.item.ended(CommandEnd { output: Some(output.text()), exit_code, duration_ms }));
    }

    fn complete(&self, kind: app_server_protocol::v2::ThreadItemKind) {
        let mut conversation = self.context.conversation.lock();
        self.context.completed(&mut conversation, kind, self.item.started_at_ms, None);
    }
}

/// What the model reads of a command that an interrupt cut short.
pub(super) fn aborted(after: Duration) -> String {
    format!("Wall time: {:.1} seconds\naborted by user", after.as_secs_f64().max(0.1))
}

/// Runs a command until its end, its time limit, or the end of the turn.
struct OneShot<'a> {
    asker: ItemAsker<'a>,
    output: Arc<ItemOutput>,
}

impl Executor for OneShot<'_> {
    type Attempt = Ran;

    async fn ask(&mut self, plan: &ExecPlan, question: ApprovalQuestion) -> Result<(), Refusal> {
        self.asker.ask(plan, question).await
    }

    async fn attempt(&mut self, plan: &ExecPlan, confinement: &Confinement) -> Ran {
        self.asker.start();
        let begun = Instant::now();
        let outcome = match Session::start(plan, confinement, &self.output) {
            Ok(session) => {
                let outcome = wait(self.asker.context, &session, plan.timeout).await;
                (outcome, session.take_output().0)
            }
            Err(error) => {
                let ended = Ended::NotStarted { code: 1, message: error.to_string() };
                (Outcome::Ended(ended), String::new())
            }
        };
        Ran { outcome: outcome.0, output: outcome.1, duration: begun.elapsed() }
    }
}

async fn wait(context: &TurnContext, session: &Session, timeout: Option<Duration>) -> Outcome {
    tokio::select! {
        biased;
        ended = session.wait(timeout) => match ended {
            Some(ended) => Outcome::Ended(ended),
            None => {
                session.kill().await;
                Outcome::TimedOut
            }
        },
        () = context.cancel.cancelled() => {
            session.kill().await;
            Outcome::Aborted
        }
    }
}

/// One run of a command.
struct Ran {
    outcome: Outcome,
    /// Of this run alone.
    output: String,
    duration: Duration,
}

enum Outcome {
    Ended(Ended),
    TimedOut,
    Aborted,
}

impl Attempt for Ran {
    fn is_denied(&self) -> bool {
        match &self.outcome {
            Outcome::Ended(Ended::Code(code)) => looks_denied(*code, &self.output),
            Outcome::Ended(Ended::Violation(_)) => true,
            _ => false,
        }
    }
}

impl Ran {
    /// The exit code of the item; `None` when an interrupt cut it short.
    fn exit_code(&self) -> Option<i32> {
        match &self.outcome {
            Outcome::Ended(ended) => Some(ended.exit_code()),
            Outcome::TimedOut => Some(TIMED_OUT),
            Outcome::Aborted => None,
        }
    }

    /// What the model reads (tools specification 4).
    fn for_model(&self, limit: crate::exec::Limit, as_text: bool) -> Output {
        let output = match &self.outcome {
            Outcome::Aborted => return Output::text(aborted(self.duration)),
            Outcome::Ended(Ended::NoSandbox(reason)) => return Output::text(no_sandbox(reason)),
            Outcome::TimedOut => {
                let ms = self.duration.as_millis();
                format!("command timed out after {ms} milliseconds\n{}", self.output)
            }
            Outcome::Ended(ended) => with_reason(ended, &self.output),
        };
        let code = self.exit_code().unwrap_or_default();
        Output::text(reported(code, self.duration, &output, limit, as_text))
    }
}

/// What the model reads when the sandbox could not be set up: no fault of its command.
pub(super) fn no_sandbox(reason: &str) -> String {
    format!("The command was not run, because the server could not set up its sandbox: {reason}")
}

/// The output with the reason why there is none, where the server has one.
pub(super) fn with_reason(ended: &Ended, output: &str) -> String {
    let reason = match ended {
        Ended::NotStarted { message, .. } | Ended::Violation(message) => message,
        Ended::Code(_) | Ended::NoSandbox(_) => return output.to_owned(),
    };
    if output.contains(reason.as_str()) {
        return output.to_owned();
    }
    let line_break = if output.is_empty() || output.ends_with('\n') { "" } else { "\n" };
    format!("{output}{line_break}{reason}\n")
}

/// Exit code, time and output as the model reads them: as lines, or as an object in a string from models that know no
/// other form.
pub(super) fn reported(
    exit_code: i32,
    duration: Duration,
    output: &str,
    limit: crate::exec::Limit,
    as_text: bool,
) -> String {
    #[derive(Serialize)]
    struct Structured {
        output: String,
        metadata: Metadata,
    }
    #[derive(Serialize)]
    struct Metadata {
        exit_code: i32,
        duration_seconds: f64,
    }
    let duration_seconds = (duration.as_secs_f64() * 10.0).round() / 10.0;
    let truncated = truncate(output, limit);
    let lines = output.lines().count();
    if as_text {
        let total = if truncated.is_cut { format!("Total output lines: {lines}\n") } else { String::new() };
        return format!(
            "Exit code: {exit_code}\nWall time: {duration_seconds:.1} seconds\n{total}Output:\n{}",
            truncated.text
        );
    }
    let output = match truncated.is_cut {
        true => format!("Total output lines: {lines}\n\n{}", truncated.text),
        false => truncated.text,
    };
    let structured = Structured { output, metadata: Metadata { exit_code, duration_seconds } };
    serde_json::to_string(&structured).unwrap_or_default()
}

/// The folder a path of the model's counts from.
pub(super) fn base_dir(cwd: &Path, dir: Option<&str>) -> PathBuf {
    dir.map_or_else(|| cwd.to_owned(), |dir| cwd.join(dir))
}
