//! `thread/goal/*`: what a thread works towards.

use app_server_protocol::v2::{
    ThreadGoalClearResponse, ThreadGoalGetResponse, ThreadGoalSetParams, ThreadGoalSetResponse,
};

use crate::error::CoreError;
use crate::host::Reply;
use crate::thread::actor::Actor;

impl Actor {
    pub(in crate::thread) async fn set_goal(
        &mut self,
        _params: ThreadGoalSetParams,
        reply: Reply<ThreadGoalSetResponse>,
    ) {
        reply.send(self.live().and(Err(CoreError::NotYet("thread/goal/set"))));
    }

    pub(in crate::thread) async fn get_goal(&mut self, reply: Reply<ThreadGoalGetResponse>) {
        reply.send(self.live().and(Err(CoreError::NotYet("thread/goal/get"))));
    }

    pub(in crate::thread) async fn clear_goal(&mut self, reply: Reply<ThreadGoalClearResponse>) {
        reply.send(self.live().and(Err(CoreError::NotYet("thread/goal/clear"))));
    }
}
