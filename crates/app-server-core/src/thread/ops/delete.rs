//! `thread/delete`: removes a thread for good, and with it the threads its agents ran in.

use std::sync::Arc;

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{ThreadDeleteResponse, ThreadDeletedNotification};
use app_server_rollout::{Scope, WriterLock};
use uuid::Uuid;

use crate::error::CoreError;
use crate::host::Reply;
use crate::thread::ThreadOp;
use crate::thread::actor::{Actor, blocking};

impl Actor {
    pub(in crate::thread) async fn delete(&mut self, reply: Reply<ThreadDeleteResponse>) {
        let children = match self.delete_files().await {
            Ok(children) => children,
            Err(error) => return reply.send(Err(error)),
        };
        self.unload().await;
        reply.send(Ok(ThreadDeleteResponse {}));
        let host = &self.services.host;
        let thread_id = self.id.to_string();
        host.notify(ServerNotification::ThreadDeleted(ThreadDeletedNotification { thread_id }));
        // Each of them sees to its own. What cannot be deleted stays; there is nobody left to be told why.
        for child in children {
            let log = move |result: Result<_, CoreError>| {
                if let Err(error) = result {
                    tracing::warn!(%error, thread = %child, "the thread of an agent was not deleted");
                }
            };
            host.hand_over(child, ThreadOp::Delete(Reply::new(log)));
        }
    }

    /// Stops what runs and removes the files. Returns the threads that this one spawned.
    async fn delete_files(&mut self) -> Result<Vec<Uuid>, CoreError> {
        self.known_to_change()?;
        let (services, id) = (Arc::clone(&self.services), self.id);
        let children = blocking(move || Ok(services.store.children(id)?)).await?;
        let mut lock = None;
        match &mut self.loaded {
            Some(loaded) => {
                loaded.stop_turn().await;
                loaded.end_terminals().await;
            }
            None => lock = Some(WriterLock::acquire(self.services.store.codex_home(), id)?),
        }
        match (self.find(Scope::Any)?, &self.loaded) {
            (Some(found), _) => self.services.store.delete(&found.path)?,
            // A thread that never had a turn has no file yet.
            (None, Some(loaded)) if loaded.stored_path().is_none() => {}
            (None, _) => return Err(CoreError::NoRollout(id.to_string())),
        }
        // The thread is gone either way.
        if let Err(error) = self.services.store.sections().forget(id) {
            tracing::warn!(%error, thread = %id, "a deleted thread is left in its section");
        }
        if let Some(loaded) = &self.loaded {
            // Whoever still holds the conversation has nothing to write to.
            loaded.shared.conversation.lock().rollout = None;
        }
        drop(lock);
        Ok(children)
    }
}
