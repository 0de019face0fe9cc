//! `thread/searchOccurrences`: where a thread has a text.

use app_server_protocol::v2::{ThreadSearchOccurrencesParams, ThreadSearchOccurrencesResponse};

use crate::error::CoreError;
use crate::host::Reply;
use crate::thread::actor::Actor;

impl Actor {
    pub(in crate::thread) async fn search_occurrences(
        &mut self,
        _params: ThreadSearchOccurrencesParams,
        reply: Reply<ThreadSearchOccurrencesResponse>,
    ) {
        let known = self.known_to_read();
        reply.send(known.and(Err(CoreError::NotYet("thread/searchOccurrences"))));
    }
}
