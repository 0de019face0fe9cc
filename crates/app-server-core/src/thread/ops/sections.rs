//! `thread/section/move`: puts a thread into a section of the list, or takes it out.

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    ThreadSectionChangedNotification, ThreadSectionMoveParams, ThreadSectionMoveResponse,
};
use uuid::Uuid;

use crate::error::CoreError;
use crate::host::Reply;
use crate::thread::actor::Actor;
use crate::thread::parse_id;

impl Actor {
    pub(in crate::thread) fn move_to_section(
        &mut self,
        params: ThreadSectionMoveParams,
        reply: Reply<ThreadSectionMoveResponse>,
    ) {
        let section = match self.place(&params) {
            Ok(section) => section,
            Err(error) => return reply.send(Err(error)),
        };
        reply.send(Ok(ThreadSectionMoveResponse {}));
        self.services.host.notify(ServerNotification::ThreadSectionChanged(
            ThreadSectionChangedNotification {
                section_id: section.map(|id| id.to_string()),
                thread_id: self.id.to_string(),
            },
        ));
    }

    /// Returns the section the thread is in now.
    fn place(&self, params: &ThreadSectionMoveParams) -> Result<Option<Uuid>, CoreError> {
        self.known_to_change()?;
        let before = params.before_thread_id.as_deref().map(parse_id).transpose()?;
        Ok(self.services.store.sections().place(self.id, params.section_id.as_deref(), before)?)
    }
}
