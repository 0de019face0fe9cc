//! `get_goal`, `create_goal` and `update_goal`: the model's view of what the thread works towards.

use std::sync::Arc;

use app_server_protocol::v2::{ThreadGoal, ThreadGoalStatus};
use serde::{Deserialize, Serialize};

use super::{Call, CallInput, Output};
use crate::clock::now_ms;
use crate::goal::{self, Change, Goal};
use crate::turn::{Conversation, TurnContext};

#[derive(Deserialize)]
struct Create {
    objective: String,
    #[serde(default)]
    token_budget: Option<i64>,
}

#[derive(Deserialize)]
struct Update {
    status: Status,
}

/// The ends of a goal that are the model's to say.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Status {
    Complete,
    Blocked,
    Paused,
}

/// The goal, in words for the model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    goal: Option<ThreadGoal>,
    remaining_tokens: Option<i64>,
    /// What it took in the end, where there was a budget.
    completion_budget_report: Option<String>,
}

/// Does a call of these tools at once, in the place where the model made it: what the response itself took is counted
/// after it. Returns `None` for calls of others.
pub(super) fn call(context: &Arc<TurnContext>, call: &Call) -> Option<Output> {
    // A client may have tools of these names in a group of its own.
    let is_ours = matches!(call.input, CallInput::Function(_)) && call.namespace.is_none();
    if !is_ours || !is_on(context) || context.cancel.is_cancelled() {
        return None;
    }
    let done = match call.name.as_str() {
        "get_goal" => Ok(report(context, &context.thread.conversation.lock())),
        "create_goal" => create(context, call),
        "update_goal" => update(context, call),
        _ => return None,
    };
    Some(done.unwrap_or_else(|output| output))
}

pub(super) fn is_on(context: &TurnContext) -> bool {
    !context.is_review() && context.settings.config.features.enabled("goals")
}

fn create(context: &Arc<TurnContext>, call: &Call) -> Result<Output, Output> {
    let Create { objective, token_budget } = call.arguments()?;
    let objective = context.thread.services.secrets().mask(&objective).into_owned();
    let mut conversation = context.thread.conversation.lock();
    if conversation.goal.as_ref().is_some_and(|goal| !goal.is_complete()) {
        return Err(Output::text(
            "this thread has a goal that is not complete; the user has to remove it before another is set",
        ));
    }
    let known = conversation.goal.take();
    let change = Change { objective: Some(objective), status: None, token_budget };
    let now = now_ms();
    match Goal::changed(None, context.thread.id(), change, now) {
        Ok(mut goal) => {
            goal.start_clock(now);
            conversation.goal = Some(goal);
        }
        Err(error) => {
            conversation.goal = known;
            return Err(Output::text(error.to_string()));
        }
    }
    goal::record(&mut conversation, context.thread.id(), Some(&context.turn_id));
    conversation.flush();
    goal::tell(&context.thread, &conversation, Some(&context.turn_id));
    Ok(report(context, &conversation))
}

fn update(context: &Arc<TurnContext>, call: &Call) -> Result<Output, Output> {
    let Update { status } = call.arguments()?;
    let status = match status {
        Status::Complete => ThreadGoalStatus::Complete,
        Status::Blocked => ThreadGoalStatus::Blocked,
        Status::Paused => ThreadGoalStatus::Paused,
    };
    let mut conversation = context.thread.conversation.lock();
    if conversation.goal.is_none() {
        return Err(Output::text("this thread has no goal"));
    }
    goal::update(&context.thread, &mut conversation, &context.turn_id, |goal, now| {
        goal.set_status(status, now);
    });
    Ok(report(context, &conversation))
}

fn report(context: &TurnContext, conversation: &Conversation) -> Output {
    let goal = conversation.goal.as_ref();
    let remaining_tokens = goal.and_then(Goal::tokens_left);
    let report = Report {
        goal: goal.map(|goal| goal.wire(context.thread.id())),
        remaining_tokens,
        completion_budget_report: goal
            .filter(|goal| goal.is_complete() && remaining_tokens.is_some())
            .map(|goal| format!("Tell the user what the goal took: {}.", goal.spent())),
    };
    match serde_json::to_string(&report) {
        Ok(text) => Output::text(text),
        Err(error) => Output::text(error.to_string()),
    }
}
