//! `review/start`: reviews changes, as a turn.

use app_server_protocol::v2::{ReviewStartParams, ReviewStartResponse};

use crate::error::CoreError;
use crate::host::Reply;
use crate::thread::actor::Actor;

impl Actor {
    pub(in crate::thread) async fn review(
        &mut self,
        _params: ReviewStartParams,
        reply: Reply<ReviewStartResponse>,
    ) {
        reply.send(self.live().and(Err(CoreError::NotYet("review/start"))));
    }
}
