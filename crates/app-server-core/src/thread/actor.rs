//! The actor of one thread: takes operations one after the other and owns what is loaded. Operations on a thread that
//! is only stored are done here too, so that they keep their order with the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    DeprecationNoticeNotification, Thread, ThreadArchiveResponse, ThreadArchivedNotification,
    ThreadBackgroundTerminalsCleanResponse, ThreadClosedNotification, ThreadNameUpdatedNotification,
    ThreadReadResponse, ThreadResumeParams, ThreadResumeResponse, ThreadSetNameResponse, ThreadStartParams,
    ThreadStartResponse, ThreadStartedNotification, ThreadStatus, ThreadStatusChangedNotification,
    ThreadTokenUsageUpdatedNotification, ThreadUnarchiveResponse, ThreadUnarchivedNotification,
    ThreadUnsubscribeResponse, ThreadUnsubscribeStatus, Turn,
};
use app_server_rollout::{Found, Scope};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::loaded::{Loaded, TurnRequest};
use super::{ThreadOp, ThreadState, stored};
use crate::error::CoreError;
use crate::host::Reply;
use crate::item::{self, Want};
use crate::services::Services;

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
            () = Loaded::changed(&mut actor.loaded) => actor.settle().await,
        }
        actor.services.host.drained().await;
    }
    actor.shut_down().await;
}

struct Actor {
    services: Arc<Services>,
    id: Uuid,
    loaded: Option<Box<Loaded>>,
    publish: watch::Sender<ThreadState>,
}

impl Actor {
    async fn handle(&mut self, op: ThreadOp) {
        match op {
            ThreadOp::Start(params, reply) => self.start(*params, reply),
            ThreadOp::Resume(params, reply) => self.resume(*params, reply).await,
            ThreadOp::Read(with_turns, reply) => {
                let result = self.read(with_turns).await;
                reply.send(result.map(|thread| ThreadReadResponse { thread }));
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
            ThreadOp::Shutdown(done) => {
                self.shut_down().await;
                // Whoever waited may have given up.
                let _ = done.send(());
            }
        }
    }

    /// Unloads the thread when nobody cared for it for too long.
    async fn settle(&mut self) {
        if self.loaded.as_ref().is_some_and(|loaded| loaded.is_abandoned()) {
            self.unload().await;
            let thread_id = self.id.to_string();
            self.services
                .host
                .notify(ServerNotification::ThreadClosed(ThreadClosedNotification { thread_id }));
        }
    }

    /// Takes over a loaded thread.
    fn keep(&mut self, loaded: Box<Loaded>) {
        self.publish.send_replace(ThreadState { is_loaded: true, status: ThreadStatus::Idle });
        self.loaded = Some(loaded);
    }

    /// The loaded thread, for methods of live threads.
    fn live(&mut self) -> Result<&mut Loaded, CoreError> {
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
            }
            Err(error) => reply.send(Err(error)),
        }
    }

    async fn resume(&mut self, mut params: ThreadResumeParams, reply: Reply<ThreadResumeResponse>) {
        let response = match &mut self.loaded {
            Some(loaded) => {
                loaded.subscribe();
                let turns = self.turns_of_loaded(!params.exclude_turns).await;
                turns.and_then(|turns| self.live().map(|loaded| loaded.resume_response(turns)))
            }
            None => self.load(&mut params).await.map(|(loaded, turns)| {
                let response = loaded.resume_response(turns);
                self.keep(loaded);
                self.tell_status(ThreadStatus::Idle);
                response
            }),
        };
        let is_resumed = response.is_ok();
        reply.send(response);
        let usage = self.loaded.as_ref().filter(|_| is_resumed).and_then(|loaded| loaded.usage_on_resume());
        if let Some((turn_id, token_usage)) = usage {
            let thread_id = self.id.to_string();
            self.services.host.notify(ServerNotification::ThreadTokenUsageUpdated(
                ThreadTokenUsageUpdatedNotification { thread_id, token_usage, turn_id },
            ));
        }
    }

    /// Finds and reads the stored thread that a resume names: by path, or by id.
    async fn load(&mut self, params: &mut ThreadResumeParams) -> Result<(Box<Loaded>, Vec<Turn>), CoreError> {
        if params.history.as_ref().is_some_and(|history| !history.is_empty()) {
            let message = "thread/resume.history is not yet available in this server";
            return Err(CoreError::Invalid(message.to_owned()));
        }
        let path = match params.path.take() {
            Some(path) => {
                let path = self.services.config.environment().working_dir().join(path);
                // A thread that was reverted is in several files of the home; only the newest is written to.
                let is_stored = path.starts_with(self.services.store.codex_home());
                self.find(Scope::Live)?.filter(|_| is_stored).map_or(path, |found| found.path)
            }
            None => match self.find(Scope::Any)? {
                Some(Found { archived: true, .. }) => return Err(CoreError::Archived(self.id.to_string())),
                Some(found) => found.path,
                None => return Err(CoreError::NoRollout(self.id.to_string())),
            },
        };
        Loaded::resume(Arc::clone(&self.services), self.id, params, path, self.publish.clone()).await
    }

    fn find(&self, scope: Scope) -> Result<Option<Found>, CoreError> {
        Ok(self.services.store.find(self.id, scope)?)
    }

    async fn read(&mut self, with_turns: bool) -> Result<Thread, CoreError> {
        if self.loaded.is_some() {
            if with_turns && self.live()?.is_ephemeral() {
                let message = format!("thread {} is ephemeral: its turns are not stored", self.id);
                return Err(CoreError::Invalid(message));
            }
            let turns = self.turns_of_loaded(with_turns).await?;
            let mut thread = self.live()?.thread();
            thread.turns = turns;
            return Ok(thread);
        }
        let found = self.find(Scope::Any)?.ok_or_else(|| CoreError::ThreadNotLoaded(self.id.to_string()))?;
        let services = Arc::clone(&self.services);
        blocking(move || {
            let header = services.store.header(&found.path)?;
            let mut thread = stored::thread(&header);
            if with_turns {
                let loaded = item::load(&services.store, &found.path, Want { turns: true, history: false })?;
                thread.turns = loaded.turns.unwrap_or_default();
            }
            Ok(thread)
        })
        .await
    }

    /// The turns of the loaded thread, read from its file: what was told is already there.
    async fn turns_of_loaded(&mut self, with_turns: bool) -> Result<Vec<Turn>, CoreError> {
        let loaded = self.live()?;
        let running = loaded.running_turn();
        let Some(path) = loaded.stored_path().filter(|_| with_turns) else { return Ok(Vec::new()) };
        let services = Arc::clone(&self.services);
        let mut turns = blocking(move || {
            let loaded = item::load(&services.store, &path, Want { turns: true, history: false })?;
            Ok(loaded.turns.unwrap_or_default())
        })
        .await?;
        if let Some(running) = running {
            match turns.iter_mut().rev().find(|turn| turn.id == running.id) {
                // The file has no end of it yet, which reads as "interrupted".
                Some(turn) => {
                    turn.status = running.status;
                    turn.completed_at = None;
                    turn.duration_ms = None;
                }
                None => turns.push(running),
            }
        }
        Ok(turns)
    }

    async fn archive(&mut self, reply: Reply<ThreadArchiveResponse>) {
        match self.archive_file().await {
            Ok(()) => {
                reply.send(Ok(ThreadArchiveResponse {}));
                let thread_id = self.id.to_string();
                self.services
                    .host
                    .notify(ServerNotification::ThreadArchived(ThreadArchivedNotification { thread_id }));
            }
            Err(error) => reply.send(Err(error)),
        }
    }

    async fn archive_file(&mut self) -> Result<(), CoreError> {
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
        self.services.store.archive(&found.path)?;
        drop(lock);
        self.unload().await;
        Ok(())
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
        match &mut self.loaded {
            Some(loaded) => loaded.set_name(name),
            None => {
                if self.find(Scope::Live)?.is_none() {
                    return Err(CoreError::NoRollout(self.id.to_string()));
                }
            }
        }
        if !self.loaded.as_ref().is_some_and(|loaded| loaded.is_ephemeral()) {
            self.services.store.names().set(self.id, name)?;
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
    async fn unload(&mut self) {
        if let Some(loaded) = self.loaded.take() {
            loaded.end_terminals().await;
            self.publish.send_replace(ThreadState { is_loaded: false, status: ThreadStatus::NotLoaded });
            self.tell_status(ThreadStatus::NotLoaded);
        }
    }

    fn tell_status(&self, status: ThreadStatus) {
        let thread_id = self.id.to_string();
        self.services.host.notify(ServerNotification::ThreadStatusChanged(ThreadStatusChangedNotification {
            status,
            thread_id,
        }));
    }

    /// Ends the turn and writes what is unwritten.
    async fn shut_down(&mut self) {
        if let Some(loaded) = &mut self.loaded {
            loaded.stop_turn().await;
            loaded.end_terminals().await;
        }
        self.loaded = None;
    }
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
