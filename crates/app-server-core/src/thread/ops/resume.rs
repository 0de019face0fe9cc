//! `thread/resume`: goes on with a stored thread, or shows a loaded one.

use std::path::PathBuf;
use std::sync::Arc;

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    ThreadResumeParams, ThreadResumeResponse, ThreadStatus, ThreadTokenUsageUpdatedNotification,
    WarningNotification,
};
use app_server_rollout::{Found, Scope};
use uuid::Uuid;

use super::pages::PageCursors;
use crate::error::CoreError;
use crate::host::Reply;
use crate::thread::ThreadOp;
use crate::thread::actor::{Actor, blocking};
use crate::thread::loaded::{Loaded, Resumed};
use crate::turns_text::TurnsText;

impl Actor {
    pub(in crate::thread) async fn resume(
        &mut self,
        mut params: ThreadResumeParams,
        reply: Reply<ThreadResumeResponse>,
    ) {
        match self.owner_of_file(&params).await {
            Ok(None) => {}
            Ok(Some(id)) => {
                let op = ThreadOp::Resume(Box::new(params), reply);
                return self.services.host.hand_over(id, op);
            }
            Err(error) => return reply.send(Err(error)),
        }
        let (response, turns, damaged) = match self.resumed(&mut params).await {
            Ok(resumed) => resumed,
            Err(error) => return reply.send(Err(error)),
        };
        reply.send_with_turns(Ok((response, turns)));
        let (host, thread_id) = (&self.services.host, self.id.to_string());
        if let Some((turn_id, token_usage)) = self.loaded.as_ref().and_then(|loaded| loaded.usage_on_resume())
        {
            host.notify(ServerNotification::ThreadTokenUsageUpdated(ThreadTokenUsageUpdatedNotification {
                thread_id: thread_id.clone(),
                token_usage,
                turn_id,
            }));
        }
        if damaged > 0 {
            let records = if damaged == 1 { "1 record" } else { &format!("{damaged} records") };
            host.notify(ServerNotification::Warning(WarningNotification {
                message: format!("{records} of this thread's file could not be read."),
                thread_id: Some(thread_id),
            }));
        }
        if let Some(loaded) = &self.loaded {
            loaded.tell_goal();
        }
        self.start_servers();
    }

    /// Returns the thread that the file named is of, if that is another than this actor's.
    async fn owner_of_file(&self, params: &ThreadResumeParams) -> Result<Option<Uuid>, CoreError> {
        let Some(path) = self.file_named(params).filter(|_| !gives_history(params)) else { return Ok(None) };
        if self.loaded.as_ref().is_some_and(|loaded| loaded.path.as_ref() == Some(&path)) {
            // It may not be there yet.
            return Ok(None);
        }
        let services = Arc::clone(&self.services);
        let header = blocking(move || Ok(services.store.header(&path)?)).await;
        let header = header.map_err(|error| match error {
            // A file that the client named is its own mistake.
            CoreError::Internal(text) => CoreError::Invalid(text),
            error => error,
        })?;
        if header.archived {
            return Err(CoreError::Archived(header.meta.id.to_string()));
        }
        Ok(Some(header.meta.id).filter(|id| *id != self.id))
    }

    fn file_named(&self, params: &ThreadResumeParams) -> Option<PathBuf> {
        params.path.as_ref().map(|path| self.services.config.environment().working_dir().join(path))
    }

    /// Returns the answer, its turns, and the number of damaged records of a file that was read.
    async fn resumed(
        &mut self,
        params: &mut ThreadResumeParams,
    ) -> Result<(ThreadResumeResponse, TurnsText, u64), CoreError> {
        let page = params.initial_turns_page.take();
        let (turns, last_turn, damaged) = match &mut self.loaded {
            Some(loaded) => {
                loaded.subscribe();
                let turns = self.turns_of_loaded(!params.exclude_turns).await?;
                (turns, self.last_turn().await?, 0)
            }
            None => {
                let Resumed { loaded, turns, last_turn, damaged } = self.load(params).await?;
                self.keep(loaded);
                self.tell_status(ThreadStatus::Idle);
                (turns, last_turn, damaged)
            }
        };
        let page = match page {
            Some(page) => Some(self.first_page(page).await?),
            None => None,
        };
        let cursors = PageCursors::from(self.id, last_turn);
        Ok((self.live()?.resume_response(cursors, page), turns, damaged))
    }

    /// Loads what a resume names: a history that is given, before a file by its path, before a stored thread by its id.
    async fn load(&mut self, params: &mut ThreadResumeParams) -> Result<Resumed, CoreError> {
        if let Some(history) = params.history.take().filter(|history| !history.is_empty()) {
            return self.load_given(history, params).await;
        }
        let path = match self.file_named(params) {
            Some(path) => {
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
}

fn gives_history(params: &ThreadResumeParams) -> bool {
    params.history.as_ref().is_some_and(|history| !history.is_empty())
}
