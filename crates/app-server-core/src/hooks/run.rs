//! Running hooks: all of an occasion beside each other, each told of at its beginning and at its end.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use app_server_config::{
    Hook, HookAction, HookEvent, HookPlace, LayerSource, child_environment, login_shell,
};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    AskForApproval, HookCompletedNotification, HookEventName, HookExecutionMode, HookHandlerType,
    HookOutputEntry, HookOutputEntryKind, HookRunStatus, HookRunSummary, HookScope, HookSource,
    HookStartedNotification, LegacyAppPathString, ModeKind, WarningNotification,
};
use app_server_sandbox::{Exit, Output, Process, StartFailure, Stdio};
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::answer::{Effects, Ended, verdict};
use super::{Occasion, Scene};
use crate::clock::now_s;
use crate::exec::{self, ExecPlan};

/// Bytes of each kind of output that are kept; the rest is read and thrown away.
const OUTPUT_BYTES: usize = 1024 * 1024;
/// Read at once.
const CHUNK_BYTES: usize = 32 * 1024;
/// What is said of a hook that did not come to its end.
const INTERRUPTED: &str = "interrupted";
/// How long output is waited for after the end of the hook: what it left in the background may hold the pipe.
const DRAIN: Duration = Duration::from_millis(100);

/// Runs the hooks that are meant, and returns what they want. Those that are not to be waited for go on by themselves and
/// want nothing.
pub(super) async fn run(scene: &Scene, occasion: Occasion<'_>) -> Effects {
    let meant = scene.thread.hooks.matching(occasion.event, occasion.names);
    if meant.is_empty() {
        return Effects::default();
    }
    let input: Arc<str> = told(scene, &occasion).to_string().into();
    let mut running = JoinSet::new();
    for index in meant {
        let one = Run::new(scene.clone(), index, &occasion, Arc::clone(&input));
        if one.is_async() {
            one.detach();
        } else {
            running.spawn(one.run());
        }
    }
    let mut effects = Effects::default();
    while let Some(finished) = running.join_next().await {
        match finished {
            Ok(one) => effects.add(one),
            Err(error) => tracing::error!(%error, "a hook was lost"),
        }
    }
    for message in &effects.messages {
        warn(scene, message);
    }
    effects
}

/// Runs the hooks that are meant without waiting for any of them.
pub(super) fn run_aside(scene: &Scene, occasion: &Occasion<'_>) {
    let meant = scene.thread.hooks.matching(occasion.event, occasion.names);
    if meant.is_empty() {
        return;
    }
    let input: Arc<str> = told(scene, occasion).to_string().into();
    for index in meant {
        Run::new(scene.clone(), index, occasion, Arc::clone(&input)).detach();
    }
}

/// Tells the user something a hook has to say.
pub(super) fn warn(scene: &Scene, message: &str) {
    let message = scene.thread.services.secrets().mask(message).into_owned();
    let thread_id = Some(scene.thread.id().to_owned());
    scene.thread.listener.notify(ServerNotification::Warning(WarningNotification { message, thread_id }));
}

/// What a hook reads on its standard input.
fn told(scene: &Scene, occasion: &Occasion<'_>) -> Value {
    let settings = &scene.settings;
    let path = scene.thread.conversation.lock().rollout.as_ref().map(|rollout| rollout.path().to_owned());
    let mode = match (&settings.approval_policy, settings.mode) {
        (_, ModeKind::Plan) => "plan",
        (AskForApproval::Never, _) => "bypassPermissions",
        _ => "default",
    };
    let mut told = Map::new();
    let mut add = |name: &str, value: Value| told.insert(name.to_owned(), value);
    add("session_id", scene.thread.id().into());
    if let Some(turn_id) = scene.turn_id.as_deref().filter(|_| occasion.event != HookEvent::SessionStart) {
        add("turn_id", turn_id.into());
    }
    add("transcript_path", json!(path));
    add("cwd", json!(settings.cwd));
    add("hook_event_name", occasion.event.name().into());
    add("model", settings.model.as_str().into());
    add("permission_mode", mode.into());
    if let Value::Object(more) = &occasion.input {
        told.extend(more.clone());
    }
    Value::Object(told)
}

/// One run of one hook.
struct Run {
    scene: Scene,
    index: usize,
    input: Arc<str>,
    summary: HookRunSummary,
    begun: Instant,
    /// Whatever ends it before its time.
    cancel: CancellationToken,
}

impl Run {
    /// Tells of the beginning; the process comes with [`Run::run`].
    fn new(scene: Scene, index: usize, occasion: &Occasion<'_>, input: Arc<str>) -> Self {
        let hook = &scene.thread.hooks.found.hooks[index];
        let suffix = occasion.suffix.map(|suffix| format!(":{suffix}")).unwrap_or_default();
        let path = hook.source_path.to_string_lossy().into_owned();
        let is_async = matches!(hook.action, HookAction::Command { is_async: true, .. });
        let is_of_thread = matches!(hook.event, HookEvent::SessionStart | HookEvent::SessionEnd);
        let summary = HookRunSummary {
            completed_at: None,
            display_order: hook.display_order,
            duration_ms: None,
            entries: Vec::new(),
            event_name: wire_event(hook.event),
            execution_mode: if is_async { HookExecutionMode::Async } else { HookExecutionMode::Sync },
            handler_type: HookHandlerType::Command,
            id: format!("{}:{}:{path}{suffix}", hook.event.key().replace('_', "-"), hook.display_order),
            scope: if is_of_thread { HookScope::Thread } else { HookScope::Turn },
            source: wire_source(&hook.source),
            source_path: LegacyAppPathString(path),
            started_at: now_s(),
            status: HookRunStatus::Running,
            status_message: hook.status_message.clone(),
        };
        let run = Run { cancel: scene.cancel.clone(), scene, index, input, summary, begun: Instant::now() };
        run.tell(ServerNotification::HookStarted(HookStartedNotification {
            run: run.summary.clone(),
            thread_id: run.scene.thread.id().to_owned(),
            turn_id: run.scene.turn_id.clone(),
        }));
        run
    }

    fn hook(&self) -> &Hook {
        &self.scene.thread.hooks.found.hooks[self.index]
    }

    fn is_async(&self) -> bool {
        self.summary.execution_mode == HookExecutionMode::Async
    }

    fn tell(&self, notification: ServerNotification) {
        self.scene.thread.listener.notify(notification);
    }

    /// Goes on by itself; it ends with the session at the latest.
    fn detach(mut self) {
        let services = Arc::clone(&self.scene.thread.services);
        self.cancel = services.hooks.ends.clone();
        if services.hooks.tasks.is_closed() {
            self.cancel.cancel();
        }
        services.hooks.tasks.spawn(self.run());
    }

    /// Runs to the end, the time limit or the end of whoever waits.
    async fn run(mut self) -> Effects {
        let ended = self.execute().await;
        let hook = self.hook();
        let mut verdict = verdict(hook.event, &self.summary.id, hook.additional_context_limit, ended);
        let secrets = self.scene.thread.services.secrets();
        let mask = |text: &mut String| *text = secrets.mask(text).into_owned();
        verdict.entries.iter_mut().for_each(|entry| mask(&mut entry.text));
        verdict.effects.blocked.iter_mut().for_each(|(_, reason)| mask(reason));
        verdict.effects.contexts.iter_mut().for_each(|context| mask(&mut context.text));
        self.tell_end(verdict.status, verdict.entries);
        verdict.effects
    }

    fn tell_end(&mut self, status: HookRunStatus, entries: Vec<HookOutputEntry>) {
        self.summary.status = status;
        self.summary.entries = entries;
        self.summary.completed_at = Some(now_s());
        self.summary.duration_ms = i64::try_from(self.begun.elapsed().as_millis()).ok();
        self.tell(ServerNotification::HookCompleted(HookCompletedNotification {
            run: self.summary.clone(),
            thread_id: self.scene.thread.id().to_owned(),
            turn_id: self.scene.turn_id.clone(),
        }));
    }

    async fn execute(&self) -> Ended {
        let hook = self.hook();
        let HookAction::Command { command, .. } = &hook.action else {
            return Ended::Failed("hooks of this kind are not run".to_owned());
        };
        if self.cancel.is_cancelled() {
            return Ended::Failed(INTERRUPTED.to_owned());
        }
        let scene = self.scene.clone();
        let index = self.index;
        let unchanged = tokio::task::spawn_blocking(move || {
            let settings = &scene.settings;
            let place = HookPlace::of(&settings.config, &settings.cwd);
            scene.thread.hooks.found.hooks[index].is_unchanged(&place)
        });
        if !unchanged.await.unwrap_or(false) {
            return Ended::Failed("not run: a file that it runs has changed since it was trusted".to_owned());
        }
        let limit = Duration::from_secs(hook.timeout_s);
        let mut process = match self.start(command) {
            Ok(process) => process,
            Err(error) => return Ended::Failed(format!("the hook cannot be started: {error}")),
        };
        let ended = tokio::select! {
            biased;
            ended = finish(&mut process, &self.input) => ended,
            () = self.cancel.cancelled() => Ended::Failed(INTERRUPTED.to_owned()),
            () = tokio::time::sleep(limit) => {
                Ended::Failed(format!("timed out after {} s", hook.timeout_s))
            }
        };
        process.kill();
        ended
    }

    /// Starts the command as the user would: in a login shell, without a sandbox.
    fn start(&self, command: &str) -> io::Result<Process> {
        let services = &self.scene.thread.services;
        let settings = &self.scene.settings;
        let environment = services.config.environment();
        let argv = vec![
            login_shell(environment).to_string_lossy().into_owned(),
            "-lc".to_owned(),
            command.to_owned(),
        ];
        let env =
            child_environment(&settings.config, environment, &[("CODEX_THREAD_ID", self.scene.thread.id())]);
        let plan = ExecPlan { stdio: Stdio::PipesWithStdin, ..ExecPlan::users_own(argv, &settings.cwd, env) };
        exec::start(&services.launcher, &plan, &plan.confinement)
    }
}

/// A run that is given up, such as with the call it was for, has an end as well.
impl Drop for Run {
    fn drop(&mut self) {
        if self.summary.status == HookRunStatus::Running {
            let text = INTERRUPTED.to_owned();
            let entry = HookOutputEntry { kind: HookOutputEntryKind::Error, text };
            self.tell_end(HookRunStatus::Failed, vec![entry]);
        }
    }
}

/// Gives the hook its input and waits for its end and its output.
async fn finish(process: &mut Process, input: &str) -> Ended {
    let stdin = process.stdin.take();
    let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // A hook need not read it.
            let _ = stdin.write_all(input.as_bytes()).await;
            stdin.close();
        }
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = {
        let read = async {
            tokio::join!(keep(stdout, &mut out), keep(stderr, &mut err), write);
        };
        tokio::pin!(read);
        let mut is_read = false;
        let exit = tokio::select! {
            exit = process.wait() => exit,
            () = &mut read => {
                is_read = true;
                process.wait().await
            }
        };
        if !is_read && tokio::time::timeout(DRAIN, read).await.is_err() {
            tracing::debug!("a hook has left something in the background");
        }
        exit
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    match exit {
        Exit::Code(code) => Ended::Exited { code, stdout: text(out), stderr: text(err) },
        Exit::Signal(signal) => Ended::Failed(format!("ended by signal {signal}")),
        Exit::NotStarted(StartFailure::Program { message, .. } | StartFailure::Sandbox(message))
        | Exit::Violation(message) => Ended::Failed(message),
    }
}

/// Reads to the end and keeps the beginning.
async fn keep(output: Option<Output>, kept: &mut Vec<u8>) {
    let Some(mut output) = output else { return };
    let mut chunk = Vec::new();
    loop {
        chunk.clear();
        match output.read(&mut chunk, CHUNK_BYTES).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let room = OUTPUT_BYTES.saturating_sub(kept.len());
                kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
        }
    }
}

pub(super) fn wire_event(event: HookEvent) -> HookEventName {
    match event {
        HookEvent::PreModelRequest => HookEventName::PreModelRequest,
        HookEvent::PostModelRequest => HookEventName::PostModelRequest,
        HookEvent::PreToolUse => HookEventName::PreToolUse,
        HookEvent::PermissionRequest => HookEventName::PermissionRequest,
        HookEvent::PostToolUse => HookEventName::PostToolUse,
        HookEvent::PreCompact => HookEventName::PreCompact,
        HookEvent::PostCompact => HookEventName::PostCompact,
        HookEvent::SessionStart => HookEventName::SessionStart,
        HookEvent::SessionEnd => HookEventName::SessionEnd,
        HookEvent::UserPromptSubmit => HookEventName::UserPromptSubmit,
        HookEvent::SubagentStart => HookEventName::SubagentStart,
        HookEvent::SubagentStop => HookEventName::SubagentStop,
        HookEvent::Stop => HookEventName::Stop,
        HookEvent::Interrupt => HookEventName::Interrupt,
    }
}

pub(super) fn wire_source(source: &LayerSource) -> HookSource {
    match source {
        LayerSource::System { .. } => HookSource::System,
        LayerSource::User { .. } => HookSource::User,
        LayerSource::Project { .. } => HookSource::Project,
        LayerSource::SessionFlags => HookSource::SessionFlags,
        LayerSource::LegacyManaged { .. } => HookSource::LegacyManagedConfigFile,
    }
}
