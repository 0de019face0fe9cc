//! The actor of one thread: takes operations one after the other and owns what is loaded. Operations on a thread that
//! is only stored are done here too, so that they keep their order with the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    DeprecationNoticeNotification, Thread, ThreadArchiveResponse, ThreadArchivedNotification,
    ThreadBackgroundTerminalsCleanResponse, ThreadClosedNotification, ThreadNameUpdatedNotification,
    ThreadReadResponse, ThreadSetNameResponse, ThreadStartParams, ThreadStartResponse,
    ThreadStartedNotification, ThreadStatus, ThreadStatusChangedNotification, ThreadUnarchiveResponse,
    ThreadUnarchivedNotification, ThreadUnsubscribeResponse, ThreadUnsubscribeStatus, Turn,
};
use app_server_rollout::{Found, Scope};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::loaded::{Loaded, TurnRequest};
use super::{ThreadOp, ThreadState, stored};
use crate::error::CoreError;
use crate::hooks;
use crate::host::Reply;
use crate::item::{self, Want};
use crate::services::Services;
use crate::turns_text::TurnsText;

/// Runs until the handle is dropped.
pub(super) async fn run(
    services: Arc<Services>,
    id: Uuid,
    mut mailbox: mpsc::Receiver<ThreadOp>,
    publish: watch::Sender<ThreadState>,
    unfinished: Arc<AtomicUsize>,
) {
    let mut actor = Actor { services, id, loaded: None, publish };
    loop {
        tokio::select! {
            op = mailbox.recv() => {
                let Some(op) = op else { break };
                actor.handle(op).await;
                let left = unfinished.fetch_sub(1, Ordering::AcqRel) - 1;
                if left == 0 && actor.loaded.is_none() {
                    actor.services.host.thread_idle(id);
                }
            }
            is_due = Loaded::changed(&mut actor.loaded) => actor.settle(is_due).await,
        }
        actor.services.host.drained().await;
    }
    actor.shut_down().await;
}

/// The operations themselves are here and, a file per capability, in [`super::ops`].
pub(super) struct Actor {
    pub(super) services: Arc<Services>,
    pub(super) id: Uuid,
    pub(super) loaded: Option<Box<Loaded>>,
    pub(super) publish: watch::Sender<ThreadState>,
}

impl Actor {
    async fn handle(&mut self, op: ThreadOp) {
        match op {
            ThreadOp::Start(params, reply) => self.start(*params, reply),
            ThreadOp::Resume(params, reply) => self.resume(*params, reply).await,
            ThreadOp::Read(with_turns, reply) => {
                let result = self.read(with_turns).await;
                reply.send_with_turns(result.map(|(thread, turns)| (ThreadReadResponse { thread }, turns)));
            }
            ThreadOp::Archive(reply) => self.archive(reply).await,
            ThreadOp::Unarchive(reply) => self.unarchive(reply),
            ThreadOp::SetName(name, reply) => self.set_name(&name, reply),
            ThreadOp::Unsubscribe(reply) => reply.send(Ok(self.unsubscribe())),
            ThreadOp::StartTurn(params, reply) => match self.live() {
                Ok(loaded) => loaded.start_turn(TurnRequest::new(*params), reply).await,
                Err(error) => reply.send(Err(error)),
            },
            ThreadOp::Steer(params, reply) => {
                let result = self.live().and_then(|loaded| loaded.steer(*params));
                reply.send(result);
            }
            ThreadOp::Interrupt(turn_id, reply) => {
                let result = self.live().and_then(|loaded| loaded.interrupt(&turn_id));
                reply.send(result);
            }
            ThreadOp::AdjustTurn(params, reply) => {
                reply.send(self.live().map(|loaded| loaded.adjust_turn(*params)));
            }
            ThreadOp::ShellCommand(params, reply) => match self.live() {
                Ok(loaded) => loaded.run_shell_command(params, reply).await,
                Err(error) => reply.send(Err(error)),
            },
            ThreadOp::ListTerminals(cursor, limit, reply) => {
                reply.send(self.live().map(|loaded| loaded.list_terminals(cursor.as_deref(), limit)));
            }
            ThreadOp::EndTerminal(number, reply) => {
                let result = match self.live() {
                    Ok(loaded) => Ok(loaded.end_terminal(&number).await),
                    Err(error) => Err(error),
                };
                reply.send(result);
            }
            ThreadOp::EndTerminals(reply) => match self.live() {
                Ok(loaded) => {
                    loaded.end_terminals().await;
                    reply.send(Ok(ThreadBackgroundTerminalsCleanResponse {}));
                }
                Err(error) => reply.send(Err(error)),
            },
            ThreadOp::Fork(params, reply) => self.fork(*params, reply).await,
            ThreadOp::BeginFork(forked, reply) => self.begin_fork(*forked, reply).await,
            ThreadOp::Rollback(turns, reply) => self.rollback(turns, reply).await,
            ThreadOp::Revert(turn_id, reply) => self.revert(turn_id, reply).await,
            ThreadOp::Delete(reply) => self.delete(reply).await,
            ThreadOp::UpdateMetadata(params, reply) => self.update_metadata(*params, reply).await,
            ThreadOp::InjectItems(items, reply) => self.inject_items(items, reply).await,
            ThreadOp::UpdateSettings(params, reply) => self.update_settings(*params, reply).await,
            ThreadOp::ListTurns(params, reply) => self.list_turns(*params, reply).await,
            ThreadOp::ListItems(params, reply) => self.list_items(*params, reply).await,
            ThreadOp::ReadItems(params, reply) => self.read_items(*params, reply).await,
            ThreadOp::Compact(reply) => self.compact(reply).await,
            ThreadOp::Review(params, reply) => self.review(*params, reply).await,
            ThreadOp::BeginReview(review, reply) => self.begin_review(*review, reply).await,
            ThreadOp::SetGoal(params, reply) => self.set_goal(*params, reply).await,
            ThreadOp::GetGoal(reply) => self.get_goal(reply).await,
            ThreadOp::ClearGoal(reply) => self.clear_goal(reply).await,
            ThreadOp::SearchOccurrences(params, reply) => self.search_occurrences(*params, reply).await,
            ThreadOp::MoveToSection(params, reply) => self.move_to_section(params, reply),
            ThreadOp::Agent(op) => self.do_agent_op(op).await,
            ThreadOp::TellConfig(answer) => {
                let told = self
                    .loaded
                    .as_ref()
                    .map(|loaded| (Arc::clone(&loaded.settings.config), loaded.settings.cwd.clone()));
                // Whoever asked may have given up.
                let _ = answer.send(told);
            }
            ThreadOp::Shutdown(done) => {
                self.shut_down().await;
                // Whoever waited may have given up.
                let _ = done.send(());
            }
        }
    }

    /// Unloads the thread when nobody cared for it for too long. Begins a turn when one is due by itself.
    async fn settle(&mut self, is_due: bool) {
        if self.loaded.as_ref().is_some_and(|loaded| loaded.is_abandoned()) {
            self.unload().await;
            let thread_id = self.id.to_string();
            self.services
                .host
                .notify(ServerNotification::ThreadClosed(ThreadClosedNotification { thread_id }));
        } else if let Some(loaded) = self.loaded.as_mut().filter(|_| is_due) {
            loaded.pursue_goal();
        }
    }

    /// Takes over a loaded thread.
    pub(super) fn keep(&mut self, loaded: Box<Loaded>) {
        self.services.agents.loaded(&loaded.meta);
        self.publish.send_replace(ThreadState { is_loaded: true, status: ThreadStatus::Idle });
        self.loaded = Some(loaded);
    }

    /// The loaded thread, for methods of live threads.
    pub(super) fn live(&mut self) -> Result<&mut Loaded, CoreError> {
        self.loaded.as_deref_mut().ok_or_else(|| CoreError::ThreadNotFound(self.id.to_string()))
    }

    fn start(&mut self, params: ThreadStartParams, reply: Reply<ThreadStartResponse>) {
        match Loaded::start(Arc::clone(&self.services), self.id, params, self.publish.clone()) {
            Ok((loaded, response)) => {
                let thread = response.thread.clone();
                let deprecations = loaded.deprecations().to_vec();
                self.keep(Box::new(loaded));
                reply.send(Ok(response));
                let host = &self.services.host;
                host.notify(ServerNotification::ThreadStarted(ThreadStartedNotification { thread }));
                for notice in deprecations {
                    host.notify(ServerNotification::DeprecationNotice(DeprecationNoticeNotification {
                        details: notice.details,
                        summary: notice.summary,
                    }));
                }
                self.start_servers();
            }
            Err(error) => reply.send(Err(error)),
        }
    }

    /// Sets the MCP servers of the loaded thread going; whoever asked for it has been answered.
    pub(super) fn start_servers(&self) {
        if let Some(loaded) = &self.loaded {
            loaded.start_servers();
        }
    }

    pub(super) fn find(&self, scope: Scope) -> Result<Option<Found>, CoreError> {
        Ok(self.services.store.find(self.id, scope)?)
    }

    /// Refuses what reads a thread that is neither loaded nor stored.
    pub(super) fn known_to_read(&self) -> Result<(), CoreError> {
        if self.loaded.is_none() && self.find(Scope::Any)?.is_none() {
            return Err(CoreError::ThreadNotLoaded(self.id.to_string()));
        }
        Ok(())
    }

    /// Refuses what reads turns where none are ever stored.
    pub(super) fn known_to_store_turns(&self) -> Result<(), CoreError> {
        if self.loaded.as_ref().is_some_and(|loaded| loaded.is_ephemeral()) {
            let message = format!("thread {} is ephemeral: its turns are not stored", self.id);
            return Err(CoreError::Invalid(message));
        }
        Ok(())
    }

    /// Refuses what needs a stored thread, or one that will be, where there is none.
    pub(super) fn known_to_change(&self) -> Result<(), CoreError> {
        let is_known = match &self.loaded {
            Some(loaded) => !loaded.is_ephemeral(),
            None => self.find(Scope::Any)?.is_some(),
        };
        if is_known { Ok(()) } else { Err(CoreError::NoRollout(self.id.to_string())) }
    }

    async fn read(&mut self, with_turns: bool) -> Result<(Thread, TurnsText), CoreError> {
        if self.loaded.is_some() {
            if with_turns {
                self.known_to_store_turns()?;
            }
            let turns = self.turns_of_loaded(with_turns).await?;
            return Ok((self.live()?.thread(), turns));
        }
        let found = self.find(Scope::Any)?.ok_or_else(|| CoreError::ThreadNotLoaded(self.id.to_string()))?;
        let services = Arc::clone(&self.services);
        blocking(move || {
            let header = services.store.header(&found.path)?;
            let turns = if with_turns {
                item::load(&services.store, &found.path, Want { turns: true, history: false })?.turns
            } else {
                None
            };
            Ok((stored::thread(&header), turns.unwrap_or_default()))
        })
        .await
    }

    /// The turns of the loaded thread, read from its file: what was told is already there.
    pub(super) async fn turns_of_loaded(&mut self, with_turns: bool) -> Result<TurnsText, CoreError> {
        let loaded = self.live()?;
        let running = loaded.running_turn();
        let Some(path) = loaded.stored_path().filter(|_| with_turns) else { return Ok(TurnsText::default()) };
        let services = Arc::clone(&self.services);
        blocking(move || {
            let store = &services.store;
            let outline = item::outline(store, &path)?;
            // It may be on record, or not yet.
            let mut missing = running.as_ref();
            let mut turns = item::turns_text(store, &outline, 0..outline.turns.len(), &mut |turn| {
                if let Some(running) = missing.take_if(|running| running.id == turn.id) {
                    show_running(turn, running);
                }
            })?;
            if let Some(running) = missing {
                turns.push(running)?;
            }
            Ok(turns.finish()?)
        })
        .await
    }

    async fn archive(&mut self, reply: Reply<ThreadArchiveResponse>) {
        match self.archive_file().await {
            Ok(children) => {
                reply.send(Ok(ThreadArchiveResponse {}));
                let thread_id = self.id.to_string();
                let host = &self.services.host;
                host.notify(ServerNotification::ThreadArchived(ThreadArchivedNotification { thread_id }));
                // Each of them sees to its own. One that is archived already refuses, and nobody waits for that.
                for child in children {
                    host.hand_over(child, ThreadOp::Archive(Reply::new(|_| {})));
                }
            }
            Err(error) => reply.send(Err(error)),
        }
    }

    /// Returns the threads that this one spawned.
    async fn archive_file(&mut self) -> Result<Vec<Uuid>, CoreError> {
        if let Some(loaded) = &mut self.loaded {
            if loaded.is_ephemeral() {
                return Err(CoreError::NoRollout(self.id.to_string()));
            }
            loaded.stop_turn().await;
            loaded.materialize()?;
        }
        let found = self.find(Scope::Live)?.ok_or_else(|| CoreError::NoRollout(self.id.to_string()))?;
        let lock = match &self.loaded {
            Some(_) => None,
            None => Some(app_server_rollout::WriterLock::acquire(self.services.store.codex_home(), self.id)?),
        };
        let (services, id) = (Arc::clone(&self.services), self.id);
        let children = blocking(move || Ok(services.store.children(id)?)).await?;
        self.services.store.archive(&found.path)?;
        drop(lock);
        self.unload().await;
        Ok(children)
    }

    fn unarchive(&mut self, reply: Reply<ThreadUnarchiveResponse>) {
        let result = self.unarchive_file();
        let is_done = result.is_ok();
        reply.send(result);
        if is_done {
            let thread_id = self.id.to_string();
            self.services
                .host
                .notify(ServerNotification::ThreadUnarchived(ThreadUnarchivedNotification { thread_id }));
        }
    }

    fn unarchive_file(&mut self) -> Result<ThreadUnarchiveResponse, CoreError> {
        let missing = || CoreError::NoArchivedRollout(self.id.to_string());
        let found = self.find(Scope::Archived)?.ok_or_else(missing)?;
        let path = self.services.store.unarchive(&found.path)?;
        let header = self.services.store.header(&path)?;
        Ok(ThreadUnarchiveResponse { thread: stored::thread(&header) })
    }

    fn set_name(&mut self, name: &str, reply: Reply<ThreadSetNameResponse>) {
        let name = name.trim();
        let result = self.store_name(name);
        let is_done = result.is_ok();
        reply.send(result.map(|()| ThreadSetNameResponse {}));
        if is_done {
            self.services.host.notify(ServerNotification::ThreadNameUpdated(ThreadNameUpdatedNotification {
                thread_id: self.id.to_string(),
                thread_name: Some(name.to_owned()),
            }));
        }
    }

    fn store_name(&mut self, name: &str) -> Result<(), CoreError> {
        if name.is_empty() {
            return Err(CoreError::Invalid("thread name must not be empty".to_owned()));
        }
        if self.loaded.is_none() && self.find(Scope::Live)?.is_none() {
            return Err(CoreError::NoRollout(self.id.to_string()));
        }
        if !self.loaded.as_ref().is_some_and(|loaded| loaded.is_ephemeral()) {
            self.services.store.names().set(self.id, name)?;
        }
        if let Some(loaded) = &mut self.loaded {
            loaded.set_name(name);
        }
        Ok(())
    }

    fn unsubscribe(&mut self) -> ThreadUnsubscribeResponse {
        let status = match &mut self.loaded {
            None => ThreadUnsubscribeStatus::NotLoaded,
            Some(loaded) => match loaded.unsubscribe() {
                true => ThreadUnsubscribeStatus::Unsubscribed,
                false => ThreadUnsubscribeStatus::NotSubscribed,
            },
        };
        ThreadUnsubscribeResponse { status }
    }

    /// Lets go of the loaded thread and tells that it is no longer loaded.
    pub(super) async fn unload(&mut self) {
        if let Some(loaded) = self.loaded.take() {
            loaded.end_terminals().await;
            hooks::thread_ends(&loaded.shared, &loaded.settings).await;
            self.let_go_of_agents();
            self.publish.send_replace(ThreadState { is_loaded: false, status: ThreadStatus::NotLoaded });
            self.tell_status(ThreadStatus::NotLoaded);
        }
    }

    pub(super) fn tell_status(&self, status: ThreadStatus) {
        let thread_id = self.id.to_string();
        self.services.host.notify(ServerNotification::ThreadStatusChanged(ThreadStatusChangedNotification {
            status,
            thread_id,
        }));
    }

    /// Ends the turn and writes what is unwritten.
    async fn shut_down(&mut self) {
        if let Some(loaded) = &mut self.loaded {
            loaded.leave_goal();
            loaded.stop_turn().await;
            loaded.end_terminals().await;
            hooks::thread_ends(&loaded.shared, &loaded.settings).await;
        }
        self.loaded = None;
    }
}

/// Shows a turn that runs as running: the file has no end of it yet, which reads as "interrupted".
pub(super) fn show_running(turn: &mut Turn, running: &Turn) {
    turn.status = running.status;
    turn.completed_at = None;
    turn.duration_ms = None;
}

/// Runs what reads much of the disk where it does not hold up other threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CoreError> + Send + 'static,
) -> Result<T, CoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(CoreError::Internal(format!("reading the thread failed: {error}"))),
    }
}
