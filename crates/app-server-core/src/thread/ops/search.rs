//! `thread/search` and `thread/searchOccurrences`: threads that have a text, and where.

use app_server_protocol::v2::{
    ThreadSearchOccurrencesParams, ThreadSearchOccurrencesResponse, ThreadSearchParams, ThreadSearchResponse,
};

use crate::error::CoreError;
use crate::host::Reply;
use crate::services::Services;
use crate::thread::actor::Actor;

/// Finds threads that have a text. Reads the disk.
///
/// # Errors
/// [`CoreError::NotYet`].
pub fn search(_services: &Services, _params: ThreadSearchParams) -> Result<ThreadSearchResponse, CoreError> {
    Err(CoreError::NotYet("thread/search"))
}

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
