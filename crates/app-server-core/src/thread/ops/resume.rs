//! `thread/resume`: goes on with a stored thread, or shows a loaded one.

use std::sync::Arc;

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    ThreadResumeParams, ThreadResumeResponse, ThreadStatus, ThreadTokenUsageUpdatedNotification,
};
use app_server_rollout::{Found, Scope};

use super::pages::PageCursors;
use crate::error::CoreError;
use crate::host::Reply;
use crate::thread::actor::Actor;
use crate::thread::loaded::{Loaded, Resumed};

impl Actor {
    pub(in crate::thread) async fn resume(
        &mut self,
        mut params: ThreadResumeParams,
        reply: Reply<ThreadResumeResponse>,
    ) {
        let response = self.resumed(&mut params).await;
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

    async fn resumed(&mut self, params: &mut ThreadResumeParams) -> Result<ThreadResumeResponse, CoreError> {
        let page = params.initial_turns_page.take();
        let (turns, last_turn) = match &mut self.loaded {
            Some(loaded) => {
                loaded.subscribe();
                let turns = self.turns_of_loaded(!params.exclude_turns).await?;
                (turns, self.last_turn().await?)
            }
            None => {
                let Resumed { loaded, turns, last_turn } = self.load(params).await?;
                self.keep(loaded);
                self.tell_status(ThreadStatus::Idle);
                (turns, last_turn)
            }
        };
        let page = match page {
            Some(page) => Some(self.first_page(page).await?),
            None => None,
        };
        let cursors = PageCursors::from(self.id, last_turn);
        Ok(self.live()?.resume_response(turns, cursors, page))
    }

    /// Finds and reads the stored thread that a resume names: by path, or by id.
    async fn load(&mut self, params: &mut ThreadResumeParams) -> Result<Resumed, CoreError> {
        if params.history.as_ref().is_some_and(|history| !history.is_empty()) {
            return Err(CoreError::NotYet("thread/resume.history"));
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
}
