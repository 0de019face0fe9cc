//! `thread/compact/start`: replaces the model's history by a summary.

use app_server_protocol::v2::ThreadCompactStartResponse;

use crate::error::CoreError;
use crate::host::Reply;
use crate::thread::actor::Actor;

impl Actor {
    pub(in crate::thread) async fn compact(&mut self, reply: Reply<ThreadCompactStartResponse>) {
        reply.send(self.live().and(Err(CoreError::NotYet("thread/compact/start"))));
    }
}
