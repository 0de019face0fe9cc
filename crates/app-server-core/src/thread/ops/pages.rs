//! `thread/turns/list`, `thread/items/list` and `thread/items/read`: a thread in parts.

use app_server_protocol::v2::{
    ThreadItemsListParams, ThreadItemsListResponse, ThreadItemsReadParams, ThreadItemsReadResponse,
    ThreadTurnsListParams, ThreadTurnsListResponse,
};

use crate::error::CoreError;
use crate::host::Reply;
use crate::thread::actor::Actor;

/// Where paging begins that goes back from the end of a thread.
#[derive(Default)]
pub(in crate::thread) struct PageCursors {
    pub(in crate::thread) turns: Option<String>,
    pub(in crate::thread) items: Option<String>,
}

impl Actor {
    pub(in crate::thread) async fn list_turns(
        &mut self,
        _params: ThreadTurnsListParams,
        reply: Reply<ThreadTurnsListResponse>,
    ) {
        let known = self.known_to_read();
        reply.send(known.and(Err(CoreError::NotYet("thread/turns/list"))));
    }

    pub(in crate::thread) async fn list_items(
        &mut self,
        _params: ThreadItemsListParams,
        reply: Reply<ThreadItemsListResponse>,
    ) {
        let known = self.known_to_read();
        reply.send(known.and(Err(CoreError::NotYet("thread/items/list"))));
    }

    pub(in crate::thread) async fn read_items(
        &mut self,
        _params: ThreadItemsReadParams,
        reply: Reply<ThreadItemsReadResponse>,
    ) {
        let known = self.known_to_read();
        reply.send(known.and(Err(CoreError::NotYet("thread/items/read"))));
    }
}
