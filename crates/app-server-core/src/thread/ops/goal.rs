//! `thread/goal/*`: what a thread works towards, and the turns that begin by themselves because of it.

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    CodexErrorInfo, ModeKind, ThreadGoalClearResponse, ThreadGoalClearedNotification, ThreadGoalGetResponse,
    ThreadGoalSetParams, ThreadGoalSetResponse, Turn, TurnStatus,
};

use crate::clock::now_ms;
use crate::error::CoreError;
use crate::goal::{self, Change, Goal, TurnEnded};
use crate::host::Reply;
use crate::thread::actor::Actor;
use crate::thread::loaded::{Loaded, Prepared};
use crate::turn::{TurnContext, TurnInput, Work};

impl Actor {
    pub(in crate::thread) async fn set_goal(
        &mut self,
        params: ThreadGoalSetParams,
        reply: Reply<ThreadGoalSetResponse>,
    ) {
        let result = self.live().and_then(|loaded| loaded.change_goal(params));
        let is_done = result.is_ok();
        reply.send(result);
        if let Some(loaded) = self.loaded.as_ref().filter(|_| is_done) {
            loaded.tell_goal();
        }
    }

    pub(in crate::thread) async fn get_goal(&mut self, reply: Reply<ThreadGoalGetResponse>) {
        reply.send(self.live().map(|loaded| {
            let id = loaded.shared.id();
            let conversation = loaded.shared.conversation.lock();
            ThreadGoalGetResponse { goal: conversation.goal.as_ref().map(|goal| goal.wire(id)) }
        }));
    }

    /// A turn that runs for the goal goes on.
    pub(in crate::thread) async fn clear_goal(&mut self, reply: Reply<ThreadGoalClearResponse>) {
        let result = self.live().and_then(Loaded::clear_goal);
        let is_cleared = matches!(&result, Ok(true));
        reply.send(result.map(|cleared| ThreadGoalClearResponse { cleared }));
        if let Some(loaded) = self.loaded.as_ref().filter(|_| is_cleared) {
            let thread_id = loaded.shared.id().to_owned();
            loaded.tell(ServerNotification::ThreadGoalCleared(ThreadGoalClearedNotification { thread_id }));
        }
    }
}

impl Loaded {
    fn change_goal(&mut self, params: ThreadGoalSetParams) -> Result<ThreadGoalSetResponse, CoreError> {
        let secrets = self.shared.services.secrets();
        let objective = params.objective.map(|objective| secrets.mask(&objective).into_owned());
        let change = Change { objective, status: params.status, token_budget: params.token_budget };
        let id = self.shared.id().to_owned();
        let now = now_ms();
        let known = self.shared.conversation.lock().goal.clone();
        let mut goal = Goal::changed(known.as_ref(), &id, change, now)?;
        if self.running.is_some() {
            goal.start_clock(now);
        }
        let wire = goal.wire(&id);
        self.replace_goal(Some(goal))?;
        Ok(ThreadGoalSetResponse { goal: wire })
    }

    /// Returns whether there was one.
    fn clear_goal(&mut self) -> Result<bool, CoreError> {
        if self.shared.conversation.lock().goal.is_none() {
            return Ok(false);
        }
        self.replace_goal(None)?;
        Ok(true)
    }

    /// A file that cannot be written leaves the goal as it was.
    fn replace_goal(&mut self, goal: Option<Goal>) -> Result<(), CoreError> {
        self.materialize()?;
        let id = self.shared.id();
        let mut conversation = self.shared.conversation.lock();
        conversation.flush();
        let known = std::mem::replace(&mut conversation.goal, goal);
        goal::record(&mut conversation, id, None);
        let written = conversation.flush_or_drop();
        if written.is_err() {
            conversation.goal = known;
        }
        Ok(written?)
    }

    /// Tells of the goal, if there is one.
    pub(super) fn tell_goal(&self) {
        goal::tell(&self.shared, &self.shared.conversation.lock(), None);
    }

    /// Whether a turn should begin by itself. Plans are made with the user, so none does in plan mode.
    pub(in crate::thread) fn is_goal_due(&self) -> bool {
        self.settings.mode != ModeKind::Plan
            && self.running.is_none()
            && self.shared.conversation.lock().goal.as_ref().is_some_and(Goal::is_due)
    }

    /// Begins the turn that is due.
    pub(in crate::thread) fn pursue_goal(&mut self) {
        if !self.is_goal_due() {
            return;
        }
        let text = goal::continuation(&mut self.shared.conversation.lock());
        if let Some(text) = text {
            let Prepared { turn, context } = self.prepare_turn(None);
            self.begin_turn(turn, context, Work::Model(TurnInput::unseen(text)));
        }
    }

    /// A turn begins, whoever asked for it.
    pub(in crate::thread) fn time_goal(&self) {
        if let Some(goal) = &mut self.shared.conversation.lock().goal {
            goal.start_clock(now_ms());
        }
    }

    /// Takes in how a turn ended.
    pub(in crate::thread) fn settle_goal(&self, turn: &Turn, context: &TurnContext) {
        let is_limit = |info: &CodexErrorInfo| matches!(info, CodexErrorInfo::UsageLimitExceeded);
        let end = match turn.status {
            TurnStatus::Completed | TurnStatus::InProgress => {
                TurnEnded::Completed { used_tools: context.has_called_tools() }
            }
            TurnStatus::Interrupted => TurnEnded::Interrupted,
            TurnStatus::Failed => {
                let info = turn.error.as_ref().and_then(|error| error.codex_error_info.as_ref());
                TurnEnded::Failed { by_limit: info.is_some_and(is_limit) }
            }
        };
        goal::turn_ended(&self.shared, &mut self.shared.conversation.lock(), &turn.id, end);
    }

    /// Before the thread is let go of: the end of its turn says nothing of the goal, and whoever loads the thread next
    /// goes on with it.
    pub(in crate::thread) fn leave_goal(&self) {
        let mut conversation = self.shared.conversation.lock();
        if conversation.goal.is_some() {
            goal::record(&mut conversation, self.shared.id(), None);
            conversation.goal = None;
        }
    }
}
