//! `update_plan`: the model's list of steps, shown to the client and kept nowhere.

use std::sync::Arc;

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{TurnPlanStep, TurnPlanStepStatus, TurnPlanUpdatedNotification};
use serde::Deserialize;

use super::{Call, Output};
use crate::turn::TurnContext;

#[derive(Deserialize)]
struct Arguments {
    #[serde(default)]
    explanation: Option<String>,
    plan: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    step: String,
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Pending,
    #[serde(alias = "inProgress")]
    InProgress,
    Completed,
}

pub(super) fn update_plan(context: &Arc<TurnContext>, call: &Call) -> Result<Output, Output> {
    let Arguments { explanation, plan } = call.arguments()?;
    let plan = plan.into_iter().map(|Step { step, status }| TurnPlanStep {
        status: match status {
            Status::Pending => TurnPlanStepStatus::Pending,
            Status::InProgress => TurnPlanStepStatus::InProgress,
            Status::Completed => TurnPlanStepStatus::Completed,
        },
        step,
    });
    context.notify(ServerNotification::TurnPlanUpdated(TurnPlanUpdatedNotification {
        explanation,
        plan: plan.collect(),
        thread_id: context.thread.id().to_owned(),
        turn_id: context.turn_id.clone(),
    }));
    Ok(Output::text("Plan updated"))
}
