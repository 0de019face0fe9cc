//! A loaded thread: its settings, its conversation and at most one running turn.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app_server_config::DeprecationNotice;
use app_server_exec_policy::Rules;
use app_server_patch::TurnDiff;
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    ConfigWarningNotification, ErrorNotification, SandboxPolicy, ServerRequestResolvedNotification,
    TextPosition, TextRange, Thread, ThreadBackgroundTerminalsListResponse,
    ThreadBackgroundTerminalsTerminateResponse, ThreadResumeParams, ThreadResumeResponse,
    ThreadSettingsUpdatedNotification, ThreadShellCommandParams, ThreadShellCommandResponse, ThreadSource,
    ThreadStartParams, ThreadStartResponse, ThreadStatus, ThreadTokenUsage, Turn, TurnCompletedNotification,
    TurnError, TurnInterruptResponse, TurnItemsView, TurnSettingsUpdateParams, TurnSettingsUpdateResponse,
    TurnSettingsUpdateStatus, TurnStartParams, TurnStartResponse, TurnStartedNotification, TurnStatus,
    TurnSteerParams, TurnSteerResponse, TurnsPage, UserInput, WarningNotification,
};
use app_server_rollout::{BaseInstructions, RolloutWriter, SessionMeta, Source, WriterLock, timestamp_text};
use jiff::Zoned;
use serde::Serialize;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::actor::blocking;
use super::ops::pages::PageCursors;
use super::settings::{Overrides, Settings};
use super::shared::{Listener, SessionApprovals, ThreadShared};
use super::status::StatusBoard;
use super::{ThreadState, sections, stored};
use crate::agents::{self, Identity};
use crate::clock::{now_ms, now_s};
use crate::error::CoreError;
use crate::exec::{Terminal, Terminals};
use crate::git;
use crate::history::History;
use crate::hooks::{ThreadHooks, TurnHooks};
use crate::host::Reply;
use crate::item::{self, TurnPlace, Want};
use crate::mcp::McpView;
use crate::services::Services;
use crate::skills::ThreadSkills;
use crate::tools::{DynamicTools, UserCommand};
use crate::turn::{
    self, Adjustments, Conversation, SharedConversation, TOOL_SLOTS, TurnContext, TurnEnd, TurnInput,
    TurnOutcome, Work, interrupted_marker,
};
use crate::turns_text::TurnsText;

/// An idle thread nobody listens to is unloaded after this time (wire specification 4.8).
const ABANDONED_AFTER: Duration = Duration::from_secs(30 * 60);

/// The type of thread this server makes, in both references' words: clients and other programs filter by it.
const SOURCE: Source = Source::Vscode;

/// A stored thread that was loaded.
pub(super) struct Resumed {
    pub(super) loaded: Box<Loaded>,
    /// Empty unless asked for.
    pub(super) turns: TurnsText,
    pub(super) last_turn: Option<TurnPlace>,
    /// Records of the file that could not be read.
    pub(super) damaged: u64,
}

pub(super) struct Loaded {
    pub(super) shared: Arc<ThreadShared>,
    pub(super) meta: SessionMeta,
    pub(super) settings: Settings,
    pub(super) running: Option<Running>,
    /// When the thread is unloaded, while nobody listens.
    pub(super) abandoned_at: Option<Instant>,
    pub(super) preview: String,
    /// Of an ephemeral thread, whose name is stored nowhere.
    pub(super) name: Option<String>,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) recency_at: i64,
    pub(super) path: Option<PathBuf>,
    /// The turn that `usage_on_resume` is of.
    pub(super) usage_turn_id: Option<String>,
    pub(super) raw_events: bool,
    /// Held while the thread is loaded, so that no other process writes to the file.
    pub(super) _lock: Option<WriterLock>,
}

/// The running turn, as its thread sees it.
pub(super) struct Running {
    pub(super) turn: Turn,
    pub(super) started_at_ms: i64,
    pub(super) context: Arc<TurnContext>,
    pub(super) task: JoinHandle<TurnOutcome>,
}

/// A turn that is about to begin.
pub(super) struct Prepared {
    pub(super) turn: Turn,
    pub(super) context: TurnContext,
}

/// A turn that is asked for.
pub(super) struct TurnRequest {
    params: TurnStartParams,
}

impl TurnRequest {
    pub(super) fn new(params: TurnStartParams) -> Self {
        TurnRequest { params }
    }
}

impl Loaded {
    /// Makes a new thread. Its file comes with its first turn.
    pub(super) fn start(
        services: Arc<Services>,
        id: Uuid,
        mut params: ThreadStartParams,
        publish: watch::Sender<ThreadState>,
    ) -> Result<(Self, ThreadStartResponse), CoreError> {
        let overrides = Overrides::from(&mut params);
        tell_of_unknown_keys(&services, &overrides);
        let settings = Settings::load(&services.config, overrides, None)?;
        services.models.recall(&services, &settings.provider);
        let ephemeral = params.ephemeral == Some(true);
        let now = Zoned::now();
        let meta = new_meta(&services, id, &settings, &now, params.thread_source);
        let dynamic_tools = DynamicTools::new(params.dynamic_tools.take().unwrap_or_default())?;
        let (path, lock) = if ephemeral {
            (None, None)
        } else {
            let lock = WriterLock::acquire(services.store.codex_home(), id)?;
            (Some(services.store.new_path(id, &now)), Some(lock))
        };
        let rollout = path.as_ref().map(|path| RolloutWriter::pending(path.clone(), meta.clone()));
        let created_at = now.timestamp().as_second();
        let conversation = Conversation::new(History::default(), rollout, None, services.known_secrets());
        let loaded = Loaded {
            shared: share(services, id, &settings, conversation, dynamic_tools, publish),
            meta,
            settings,
            running: None,
            abandoned_at: None,
            preview: String::new(),
            name: None,
            created_at,
            updated_at: created_at,
            recency_at: created_at,
            path,
            usage_turn_id: None,
            raw_events: params.experimental_raw_events,
            _lock: lock,
        };
        let settings = &loaded.settings;
        let response = ThreadStartResponse {
            approval_policy: settings.approval_policy.clone(),
            approvals_reviewer: settings.approvals_reviewer,
            cwd: settings.wire_cwd(),
            disabled_plugin_ids: Vec::new(),
            instruction_sources: settings.instruction_sources(),
            model: settings.model.clone(),
            model_provider: settings.provider.id.clone(),
            reasoning_effort: settings.wire_effort(),
            sandbox: settings.sandbox.clone(),
            service_tier: settings.service_tier.clone(),
            thread: loaded.thread(),
        };
        Ok((loaded, response))
    }

    /// Loads a stored thread for going on with it.
    pub(super) async fn resume(
        services: Arc<Services>,
        id: Uuid,
        params: &mut ThreadResumeParams,
        path: PathBuf,
        publish: watch::Sender<ThreadState>,
    ) -> Result<Resumed, CoreError> {
        let lock = WriterLock::acquire(services.store.codex_home(), id)?;
        let with_turns = !params.exclude_turns;
        let (store, file) = (Arc::clone(&services), path.clone());
        let (stored, header, rollout) = blocking(move || {
            let stored = item::load(&store.store, &file, Want { turns: with_turns, history: true })?;
            let header = store.store.header(&file)?;
            let rollout = RolloutWriter::open_scanned(&file, &stored.report)?;
            Ok((stored, header, rollout))
        })
        .await?;
        if stored.meta.id != id {
            let path = path.display();
            return Err(CoreError::Invalid(format!("{path} holds thread {}, not {id}", stored.meta.id)));
        }
        if stored.report.damaged > 0 {
            tracing::warn!(path = %path.display(), damaged = stored.report.damaged, "records of a rollout were lost");
        }
        let overrides = Overrides::from(&mut *params);
        let keeps_model = !overrides.chooses_model();
        let mut settings = continued_settings(&services, overrides, &stored.meta)?;
        if keeps_model {
            settings.model = stored.model.unwrap_or(settings.model);
            settings.effort = stored.effort.or(settings.effort);
        }
        let mut conversation =
            Conversation::new(stored.history, Some(rollout), stored.usage, services.known_secrets());
        conversation.goal = stored.goal;
        let dynamic_tools = DynamicTools::default();
        let loaded = Loaded {
            shared: share(services, id, &settings, conversation, dynamic_tools, publish),
            settings,
            running: None,
            abandoned_at: None,
            preview: header.preview.unwrap_or_default(),
            name: None,
            created_at: header.created_at,
            updated_at: header.updated_at,
            recency_at: header.recency_at,
            path: Some(path),
            usage_turn_id: stored.usage_turn_id,
            raw_events: false,
            meta: stored.meta,
            _lock: Some(lock),
        };
        let turns = stored.turns.unwrap_or_default();
        let damaged = stored.report.damaged;
        Ok(Resumed { loaded: Box::new(loaded), turns, last_turn: stored.last_turn, damaged })
    }

    pub(super) fn resume_response(
        &self,
        cursors: PageCursors,
        page: Option<TurnsPage>,
    ) -> ThreadResumeResponse {
        let settings = &self.settings;
        ThreadResumeResponse {
            approval_policy: settings.approval_policy.clone(),
            approvals_reviewer: settings.approvals_reviewer,
            collaboration_mode: None,
            cwd: settings.wire_cwd(),
            disabled_plugin_ids: Vec::new(),
            initial_turns_page: page,
            instruction_sources: settings.instruction_sources(),
            items_backwards_cursor: cursors.items,
            model: settings.model.clone(),
            model_provider: settings.provider.id.clone(),
            reasoning_effort: settings.wire_effort(),
            sandbox: settings.sandbox.clone(),
            service_tier: settings.service_tier.clone(),
            thread: self.thread(),
            turns_backwards_cursor: cursors.turns,
        }
    }

    /// The recorded token usage, told after a resume.
    pub(super) fn usage_on_resume(&self) -> Option<(String, ThreadTokenUsage)> {
        let usage = self.shared.conversation.lock().usage.clone()?;
        Some((self.usage_turn_id.clone()?, usage))
    }

    /// The thread as the wire shows it, without turns.
    pub(super) fn thread(&self) -> Thread {
        // Another process may have renamed it.
        let stored_name = self.shared.services.store.names().get(self.meta.id).unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read thread names");
            None
        });
        let placement = self.shared.services.store.sections().of(self.meta.id);
        Thread {
            created_at: self.created_at,
            cwd: self.settings.wire_cwd(),
            git_info: stored::git_info(self.shared.services.store.metadata().git_of(&self.meta)),
            model: Some(self.settings.model.clone()),
            model_provider: self.settings.provider.id.clone(),
            name: stored_name.or_else(|| self.name.clone()),
            preview: self.preview.clone(),
            reasoning_effort: self.settings.wire_effort(),
            recency_at: Some(self.recency_at),
            section: placement.as_ref().map(|placement| sections::wire(&placement.section)),
            section_entered_at: placement.as_ref().map(|placement| placement.entered_at),
            status: self.shared.status.get(),
            updated_at: self.updated_at,
            ..stored::from_meta(&self.meta, self.path.as_deref())
        }
    }

    /// Settings of the thread's configuration that have a better form.
    pub(super) fn deprecations(&self) -> &[DeprecationNotice] {
        &self.settings.config.deprecations
    }

    /// Sets the thread's MCP servers going, beside everything else. An ephemeral thread, which often is a client's for a
    /// title, starts them with its first turn.
    pub(super) fn start_servers(&self) {
        if !self.is_ephemeral() {
            self.shared.mcp.attach(&self.shared);
        }
    }

    pub(super) fn is_ephemeral(&self) -> bool {
        self.path.is_none()
    }

    /// The file, once there is something in it.
    pub(super) fn stored_path(&self) -> Option<PathBuf> {
        let path = self.path.clone()?;
        let conversation = self.shared.conversation.lock();
        let is_pending = conversation.rollout.as_ref().is_some_and(|rollout| !rollout.is_on_disk());
        (!is_pending).then_some(path)
    }

    /// Puts the file on disk, for operations that need one.
    pub(super) fn materialize(&mut self) -> Result<(), CoreError> {
        if let Some(rollout) = &mut self.shared.conversation.lock().rollout {
            rollout.materialize()?;
        }
        Ok(())
    }

    pub(super) fn set_name(&mut self, name: &str) {
        self.name = Some(name.to_owned());
    }

    pub(super) fn subscribe(&mut self) {
        self.shared.listener.subscribe();
        self.abandoned_at = None;
    }

    /// Returns whether anybody was subscribed.
    pub(super) fn unsubscribe(&mut self) -> bool {
        self.abandoned_at = Some(Instant::now() + ABANDONED_AFTER);
        self.shared.listener.unsubscribe()
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.running.is_none() && self.abandoned_at.is_some_and(|at| at <= Instant::now())
    }

    /// The running turn without its items.
    pub(super) fn running_turn(&self) -> Option<Turn> {
        self.running.as_ref().map(|running| running.turn.clone())
    }

    /// Waits until the running turn has ended and takes it in, or until the thread counts as abandoned. Returns whether a
    /// turn is due by itself.
    pub(super) async fn changed(loaded: &mut Option<Box<Loaded>>) -> bool {
        let Some(loaded) = loaded else { return std::future::pending().await };
        if loaded.running.is_some() {
            loaded.join_turn().await;
            return false;
        }
        if loaded.is_goal_due() {
            // What waits in the mailbox comes first.
            tokio::task::yield_now().await;
            return true;
        }
        match loaded.abandoned_at {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
        false
    }

    /// Starts a turn, or gives its input to the turn that runs (wire specification 5.6).
    pub(super) async fn start_turn(&mut self, mut request: TurnRequest, reply: Reply<TurnStartResponse>) {
        self.subscribe();
        let params = &mut request.params;
        if let Some(running) = &self.running {
            let is_ending = running.context.cancel.is_cancelled();
            if let Some(kind) = running.context.not_steerable.filter(|_| !is_ending) {
                return reply.send(Err(CoreError::NotSteerable(kind)));
            }
            let input = TurnInput::new(
                std::mem::take(&mut params.input),
                params.client_user_message_id.take(),
                &self.shared.services.secrets(),
            );
            let turn = running.turn.clone();
            match if is_ending { Err(input) } else { self.hand_in(input) } {
                Ok(()) => return reply.send(Ok(TurnStartResponse { turn })),
                Err(input) => {
                    // It is ending: this one comes after it.
                    params.input = input.content;
                    params.client_user_message_id = input.client_id;
                    self.join_turn().await;
                }
            }
        }
        let before = self.settings.clone();
        let has_changed = match self.settings.apply(params) {
            Ok(has_changed) => has_changed,
            Err(error) => return reply.send(Err(error)),
        };
        let Prepared { turn, context } = self.prepare_turn(Some(&mut request.params));
        // Whatever happens once it is answered, the thread can be read and has the turn.
        if let Err(error) = turn::store_start(&context) {
            self.settings = before;
            return reply.send(Err(error));
        }
        if has_changed {
            self.tell(ServerNotification::ThreadSettingsUpdated(ThreadSettingsUpdatedNotification {
                thread_id: self.shared.id().to_owned(),
                thread_settings: self.settings.wire(),
            }));
        }
        reply.send(Ok(TurnStartResponse { turn: turn.clone() }));
        let TurnStartParams { input, client_user_message_id, .. } = request.params;
        let input = TurnInput::new(input, client_user_message_id, &self.shared.services.secrets());
        if self.preview.is_empty() {
            self.preview = preview(&input.content);
        }
        self.recency_at = now_s();
        self.begin_turn(turn, context, Work::Model(input));
    }

    /// Gives input to the running turn. Returns it when there is none that takes it.
    fn hand_in(&mut self, input: TurnInput) -> Result<(), TurnInput> {
        let Some(running) = &self.running else { return Err(input) };
        // A turn that began with a command has no words of the user's yet.
        let words = self.preview.is_empty().then(|| preview(&input.content));
        running.context.pending.push(input)?;
        self.preview.extend(words);
        Ok(())
    }

    /// Puts a turn together. Nothing is told and nothing runs yet.
    pub(super) fn prepare_turn(&self, params: Option<&mut TurnStartParams>) -> Prepared {
        let turn_id = Uuid::now_v7().to_string();
        let turn = Turn {
            completed_at: None,
            duration_ms: None,
            error: None,
            id: turn_id.clone(),
            items: Vec::new(),
            items_view: TurnItemsView::NotLoaded,
            root_turn_id: Some(turn_id.clone()),
            started_at: None,
            status: TurnStatus::InProgress,
        };
        let (output_schema, service_tier) = match params {
            Some(params) => (params.output_schema.take(), params.service_tier_for_turn.take()),
            None => (None, None),
        };
        let context = TurnContext {
            thread: Arc::clone(&self.shared),
            conversation: self.shared.conversation.clone(),
            root_turn_id: turn_id.clone(),
            turn_id,
            started_at: Some(now_s()),
            agent: Identity::of(&self.meta),
            model_info: self.settings.model_info(&self.shared.services.models),
            settings: self.settings.clone(),
            cancel: CancellationToken::new(),
            pending: Arc::default(),
            not_steerable: None,
            output_schema: output_schema.and_then(|schema| serde_json::value::to_raw_value(&schema).ok()),
            adjustments: Adjustments::default(),
            service_tier,
            raw_events: self.raw_events,
            tool_slots: Semaphore::new(TOOL_SLOTS),
            call_ids: Mutex::default(),
            diff: Mutex::new(TurnDiff::new(&self.settings.cwd)),
            ended: CancellationToken::new(),
            leftovers: TaskTracker::new(),
            hooks: TurnHooks::default(),
            withdrawn: Mutex::default(),
        };
        Prepared { turn, context }
    }

    /// Tells of the turn and sets it going; whoever asked for it has been answered.
    pub(super) fn begin_turn(&mut self, mut turn: Turn, mut context: TurnContext, work: Work) {
        self.time_goal();
        self.shared.services.agents.began(self.meta.id);
        self.set_status(ThreadStatus::Active { active_flags: Vec::new() });
        turn.started_at = context.started_at;
        context.not_steerable = work.not_steerable();
        self.tell(ServerNotification::TurnStarted(TurnStartedNotification {
            thread_id: self.shared.id().to_owned(),
            turn: turn.clone(),
        }));
        let context = Arc::new(context);
        let task = tokio::spawn(turn::run_guarded(Arc::clone(&context), work));
        self.running = Some(Running { turn, started_at_ms: now_ms(), context, task });
    }

    /// Runs a command of the user's own: as a turn of its own, or within the one that runs (wire specification,
    /// `thread/shellCommand`).
    pub(super) async fn run_shell_command(
        &mut self,
        params: ThreadShellCommandParams,
        reply: Reply<ThreadShellCommandResponse>,
    ) {
        let command = UserCommand::new(params);
        let command = match command {
            Ok(command) => command,
            Err(error) => return reply.send(Err(error)),
        };
        self.subscribe();
        reply.send(Ok(ThreadShellCommandResponse {}));
        if let Some(running) = &self.running {
            if let Some(place) = running.context.pending.begin_command() {
                let context = Arc::clone(&running.context);
                tokio::spawn(async move {
                    command.run(&context).await;
                    drop(place);
                });
                return;
            }
            // It is ending: this one comes after it.
            self.join_turn().await;
        }
        let Prepared { turn, context } = self.prepare_turn(None);
        self.begin_turn(turn, context, Work::UserCommand(command));
    }

    /// The commands that run on in the background; the cursor is the number of the last one of the page before.
    pub(super) fn list_terminals(
        &self,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> ThreadBackgroundTerminalsListResponse {
        let mut data = self.shared.terminals.running();
        if let Some(cursor) = cursor {
            let start = data.iter().position(|terminal| terminal.process_id == cursor).map_or(0, |at| at + 1);
            data.drain(..start);
        }
        let limit = limit.map_or(usize::MAX, |limit| limit.max(1) as usize);
        let has_more = data.len() > limit;
        data.truncate(limit);
        let next_cursor = data.last().filter(|_| has_more).map(|last| last.process_id.clone());
        ThreadBackgroundTerminalsListResponse { data, next_cursor }
    }

    /// Ends one of them.
    pub(super) async fn end_terminal(&self, number: &str) -> ThreadBackgroundTerminalsTerminateResponse {
        let is_meant = |terminal: &Terminal| terminal.number.to_string() == number;
        ThreadBackgroundTerminalsTerminateResponse { terminated: self.shared.terminals.end(is_meant).await }
    }

    /// Ends all of them.
    pub(super) async fn end_terminals(&self) {
        self.shared.terminals.close().await;
    }

    pub(super) fn steer(&mut self, params: TurnSteerParams) -> Result<TurnSteerResponse, CoreError> {
        let none = CoreError::NoActiveTurn("steer");
        let Some(running) = self.running.as_ref().filter(|running| !running.context.cancel.is_cancelled())
        else {
            return Err(none);
        };
        if running.turn.id != params.expected_turn_id {
            let found = running.turn.id.clone();
            return Err(CoreError::OtherTurn { expected: params.expected_turn_id, found });
        }
        if let Some(kind) = running.context.not_steerable {
            return Err(CoreError::NotSteerable(kind));
        }
        if params.input.is_empty() {
            return Err(CoreError::Invalid("input must not be empty".to_owned()));
        }
        let secrets = self.shared.services.secrets();
        let input = TurnInput::new(params.input, params.client_user_message_id, &secrets);
        let turn_id = running.turn.id.clone();
        match self.hand_in(input) {
            Ok(()) => Ok(TurnSteerResponse { turn_id }),
            Err(_) => Err(none),
        }
    }

    /// Changes settings of the running turn, if it is the one that is meant and asks the model again.
    pub(super) fn adjust_turn(&self, params: TurnSettingsUpdateParams) -> TurnSettingsUpdateResponse {
        let is_meant = |running: &&Running| {
            running.turn.id == params.turn_id
                && !running.context.cancel.is_cancelled()
                && !running.context.pending.is_closed()
        };
        let status = match self.running.as_ref().filter(is_meant) {
            Some(running) => {
                running.context.adjustments.change(params);
                TurnSettingsUpdateStatus::Applied
            }
            None => TurnSettingsUpdateStatus::TargetUnavailable,
        };
        TurnSettingsUpdateResponse { status }
    }

    /// Tells the turn to stop. What follows comes when it has.
    pub(super) fn interrupt(&mut self, turn_id: &str) -> Result<TurnInterruptResponse, CoreError> {
        let Some(running) = self.running.as_ref().filter(|running| !running.context.cancel.is_cancelled())
        else {
            return Err(CoreError::NoActiveTurn("interrupt"));
        };
        if running.turn.id != turn_id {
            let found = running.turn.id.clone();
            return Err(CoreError::OtherTurn { expected: turn_id.to_owned(), found });
        }
        running.context.cancel.cancel();
        Ok(TurnInterruptResponse {})
    }

    /// Interrupts the running turn, if there is one, and waits for its end.
    pub(super) async fn stop_turn(&mut self) {
        if let Some(running) = &self.running {
            running.context.cancel.cancel();
            self.join_turn().await;
        }
    }

    /// Waits for the end of the running turn and completes it: record, status, notification. Dropping the future
    /// before that changes nothing.
    pub(super) async fn join_turn(&mut self) {
        let Some(running) = &mut self.running else { return };
        let joined = (&mut running.task).await;
        let Some(running) = self.running.take() else { return };
        let outcome = joined.unwrap_or_else(|error| {
            tracing::error!(%error, "a turn's task was lost");
            TurnOutcome::lost()
        });
        let Running { mut turn, started_at_ms, context, .. } = running;
        let mut conversation = self.shared.conversation.lock();
        self.usage_turn_id = Some(turn.id.clone());
        turn.completed_at = Some(now_s());
        turn.duration_ms = Some(now_ms() - started_at_ms);
        let mut status = ThreadStatus::Idle;
        match outcome.end {
            TurnEnd::Completed => {
                turn.status = TurnStatus::Completed;
                turn.items_view = if outcome.last_message.is_some() {
                    TurnItemsView::Summary
                } else {
                    TurnItemsView::NotLoaded
                };
                record_complete(&mut conversation, &turn, outcome.last_message.as_ref());
                turn.items.extend(outcome.last_message);
            }
            TurnEnd::Interrupted => {
                turn.status = TurnStatus::Interrupted;
                // A review has told the model in its own words, and of a compaction that did not come about it knows nothing.
                if context.not_steerable.is_none() {
                    context.record(&mut conversation, &interrupted_marker());
                }
                record_aborted(&mut conversation, &turn);
            }
            TurnEnd::Failed(error) => {
                turn.status = TurnStatus::Failed;
                turn.error = Some(*error);
                status = ThreadStatus::SystemError;
                record_complete(&mut conversation, &turn, outcome.last_message.as_ref());
            }
        }
        conversation.flush();
        drop(conversation);
        self.settle_goal(&turn, &context);
        self.updated_at = now_s();
        self.set_status(status);
        if let Some(error) = &turn.error {
            self.tell(ServerNotification::Error(ErrorNotification {
                error: error.clone(),
                thread_id: self.shared.id().to_owned(),
                turn_id: turn.id.clone(),
                will_retry: false,
            }));
        }
        let agent_state = agents::State::after(&turn);
        self.tell(ServerNotification::TurnCompleted(TurnCompletedNotification {
            thread_id: self.shared.id().to_owned(),
            turn,
        }));
        let withdrawn =
            std::mem::take(&mut *context.withdrawn.lock().unwrap_or_else(PoisonError::into_inner));
        for request_id in withdrawn {
            let thread_id = self.shared.id().to_owned();
            self.tell(ServerNotification::ServerRequestResolved(ServerRequestResolvedNotification {
                request_id,
                thread_id,
            }));
        }
        self.shared.services.agents.ended(self.meta.id, agent_state);
    }

    pub(super) fn set_status(&self, status: ThreadStatus) {
        self.shared.status.set(status);
    }

    pub(super) fn tell(&self, notification: ServerNotification) {
        self.shared.listener.notify(notification);
    }
}

/// Puts together what the thread's actor, turns and terminals share.
pub(super) fn share(
    services: Arc<Services>,
    id: Uuid,
    settings: &Settings,
    mut conversation: Conversation,
    dynamic_tools: DynamicTools,
    publish: watch::Sender<ThreadState>,
) -> Arc<ThreadShared> {
    if matches!(settings.sandbox, SandboxPolicy::ReadOnly { .. } | SandboxPolicy::WorkspaceWrite { .. }) {
        services.tell_of_sandbox();
    }
    tell_of_changed_folders(&services, settings);
    tell_of_refused_docs(&services, settings);
    let listener = Listener::new(Arc::clone(&services), &id.to_string());
    conversation.listener = Some(listener.clone());
    let hooks = ThreadHooks::of(&settings.config, &settings.cwd, conversation.history.len() > 0);
    if let Some(message) = hooks.notice() {
        let thread_id = Some(id.to_string());
        listener.notify(ServerNotification::Warning(WarningNotification { message, thread_id }));
    }
    let shared = Arc::new(ThreadShared {
        hooks,
        status: StatusBoard::new(listener.clone(), publish),
        listener,
        conversation: SharedConversation::new(conversation),
        approvals: SessionApprovals::default(),
        rules: Mutex::new(rules(&services, settings)),
        terminals: Terminals::default(),
        dynamic_tools,
        skills: ThreadSkills::default(),
        mcp: McpView::new(&settings.config, &settings.cwd),
        services,
    });
    shared.services.mcp.register(&shared);
    shared
}

/// Reads the rules of the user and of trusted projects. Rules that cannot be read are none at all, which asks more
/// often, and the client is told (approvals specification 9).
fn rules(services: &Services, settings: &Settings) -> Rules {
    let folders = settings.config.layers.rules_folders();
    Rules::load(&folders).unwrap_or_else(|error| {
        services.host.notify(ServerNotification::ConfigWarning(ConfigWarningNotification {
            details: Some(error.to_string()),
            path: Some(error.file().to_string_lossy().into_owned()),
            range: error.line().map(whole_line),
            summary: "The rules for commands cannot be read; none of them applies.".to_owned(),
        }));
        Rules::default()
    })
}

/// Tells of instructions of the project that were not read because they are links to somewhere else.
fn tell_of_refused_docs(services: &Services, settings: &Settings) {
    for path in &settings.docs.refused {
        services.host.notify(ServerNotification::ConfigWarning(ConfigWarningNotification {
            details: None,
            path: Some(path.to_string_lossy().into_owned()),
            range: None,
            summary: format!("{} is not read: it is a link that leads out of the project.", path.display()),
        }));
    }
}

/// The place of something of which only the line is known.
fn whole_line(line: usize) -> TextRange {
    let start = TextPosition { line, column: 1 };
    TextRange { start: start.clone(), end: start }
}

/// How the file of a new thread begins.
pub(super) fn new_meta(
    services: &Services,
    id: Uuid,
    settings: &Settings,
    now: &Zoned,
    thread_source: Option<ThreadSource>,
) -> SessionMeta {
    SessionMeta {
        id,
        timestamp: timestamp_text(now.timestamp()),
        cwd: settings.cwd.clone(),
        originator: services.client.originator.clone(),
        cli_version: services.version.to_owned(),
        source: SOURCE,
        model_provider: Some(settings.provider.id.clone()),
        base_instructions: Some(BaseInstructions { text: settings.base_instructions.to_string() }),
        git: git::info(&settings.cwd),
        thread_source: thread_source.map(|source| source.0),
        ..SessionMeta::default()
    }
}

/// The settings of a thread that goes on from what is stored: what is asked for, else what it began with. The model is
/// that of its last turn, which its beginning does not tell.
pub(super) fn continued_settings(
    services: &Services,
    mut overrides: Overrides,
    meta: &SessionMeta,
) -> Result<Settings, CoreError> {
    tell_of_unknown_keys(services, &overrides);
    if overrides.model_provider.is_none() {
        overrides.model_provider = known_provider(services, meta);
    }
    let base_is_given = overrides.base_instructions.is_some();
    let mut settings = Settings::load(&services.config, overrides, Some(&meta.cwd))?;
    services.models.recall(services, &settings.provider);
    if let Some(base) = meta.base_instructions.as_ref().filter(|_| !base_is_given) {
        settings.base_instructions = base.text.as_str().into();
    }
    Ok(settings)
}

/// A setting that nothing looks at is most likely misspelt.
pub(super) fn tell_of_unknown_keys(services: &Services, overrides: &Overrides) {
    let keys = overrides.unknown_keys();
    if !keys.is_empty() {
        services.host.notify(ServerNotification::ConfigWarning(ConfigWarningNotification {
            details: None,
            path: None,
            range: None,
            summary: format!("Unknown settings in the request have no effect: {}.", keys.join(", ")),
        }));
    }
}

/// The user trusted something else than what is there now, and should look at it.
fn tell_of_changed_folders(services: &Services, settings: &Settings) {
    let mut layers = settings.config.layers.iter().filter(|layer| layer.has_changed).peekable();
    let Some(first) = layers.peek() else { return };
    let path = first.source.file().map(|file| file.to_string_lossy().into_owned());
    let details: Vec<String> = layers.filter_map(|layer| layer.disabled_reason.clone()).collect();
    services.host.notify(ServerNotification::ConfigWarning(ConfigWarningNotification {
        details: Some(details.join("\n")),
        path,
        range: None,
        summary: "This project is not what you trusted; its configuration, rules and hooks are not in use."
            .to_owned(),
    }));
}

/// The file's provider, if it is still configured. A provider that is gone must not make the thread unreadable, so
/// the configured one takes over then.
fn known_provider(services: &Services, meta: &SessionMeta) -> Option<String> {
    let id = meta.model_provider.as_ref()?;
    let load = app_server_config::LoadRequest { cwd: Some(&meta.cwd), ..Default::default() };
    let is_known = services.config.load(&load).is_ok_and(|config| config.model_providers.contains_key(id));
    if !is_known {
        tracing::warn!(provider = %id, "a thread's model provider is no longer configured");
    }
    is_known.then(|| id.clone())
}

/// The first text of the input.
pub(super) fn preview(input: &[UserInput]) -> String {
    let text = input.iter().find_map(|part| match part {
        UserInput::Text { text, .. } => Some(text.clone()),
        _ => None,
    });
    text.unwrap_or_default()
}

fn record_complete(
    conversation: &mut Conversation,
    turn: &Turn,
    last_message: Option<&app_server_protocol::v2::ThreadItem>,
) {
    #[derive(Serialize)]
    struct Complete<'a> {
        turn_id: &'a str,
        root_turn_id: Option<&'a str>,
        last_agent_message: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<item::RecordedError<'a>>,
        started_at: Option<i64>,
        completed_at: Option<i64>,
        duration_ms: Option<i64>,
    }
    let last_agent_message = last_message.and_then(|item| match &item.kind {
        app_server_protocol::v2::ThreadItemKind::AgentMessage { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let error: Option<&TurnError> = turn.error.as_ref();
    conversation.event(
        "task_complete",
        &Complete {
            turn_id: &turn.id,
            root_turn_id: turn.root_turn_id.as_deref(),
            last_agent_message,
            error: error.map(item::RecordedError::new),
            started_at: turn.started_at,
            completed_at: turn.completed_at,
            duration_ms: turn.duration_ms,
        },
    );
}

fn record_aborted(conversation: &mut Conversation, turn: &Turn) {
    #[derive(Serialize)]
    struct Aborted<'a> {
        turn_id: &'a str,
        root_turn_id: Option<&'a str>,
        reason: &'static str,
        started_at: Option<i64>,
        completed_at: Option<i64>,
        duration_ms: Option<i64>,
    }
    conversation.event(
        "turn_aborted",
        &Aborted {
            turn_id: &turn.id,
            root_turn_id: turn.root_turn_id.as_deref(),
            reason: "interrupted",
            started_at: turn.started_at,
            completed_at: turn.completed_at,
            duration_ms: turn.duration_ms,
        },
    );
}
