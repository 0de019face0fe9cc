//! `thread/compact/start`: a turn that replaces what the model sees of the conversation by a summary.

use app_server_protocol::v2::ThreadCompactStartResponse;

use crate::error::CoreError;
use crate::host::Reply;
use crate::thread::actor::Actor;
use crate::thread::loaded::{Loaded, Prepared};
use crate::turn::{self, Work};

impl Actor {
    pub(in crate::thread) async fn compact(&mut self, reply: Reply<ThreadCompactStartResponse>) {
        match self.live() {
            Ok(loaded) => loaded.compact(reply).await,
            Err(error) => reply.send(Err(error)),
        }
    }
}

impl Loaded {
    async fn compact(&mut self, reply: Reply<ThreadCompactStartResponse>) {
        if let Some(running) = &self.running {
            if !running.context.cancel.is_cancelled() {
                let message = "cannot compact while a turn is in progress";
                return reply.send(Err(CoreError::Invalid(message.to_owned())));
            }
            // It is ending: this one comes after it.
            self.join_turn().await;
        }
        self.subscribe();
        let Prepared { turn, context } = self.prepare_turn(None);
        if let Err(error) = turn::store_start(&context) {
            return reply.send(Err(error));
        }
        reply.send(Ok(ThreadCompactStartResponse {}));
        self.begin_turn(turn, context, Work::Compact);
    }
}
