//! Carrying out a plan: ask if the plan says so, try, and try once more outside of the sandbox if the plan says so.

use app_server_exec_policy::{OnDenial, RETRY_REASON};
use app_server_sandbox::Confinement;

use super::ExecPlan;
use super::plan::ApprovalQuestion;

/// What is to be run, and who answers the questions about it: the client, or what it said earlier in the session.
pub(crate) trait Executor: Send {
    /// What came of one run.
    type Attempt: Attempt + Send;

    /// Asks; an error ends the plan.
    fn ask(
        &mut self,
        plan: &ExecPlan,
        question: ApprovalQuestion,
    ) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Runs it once.
    fn attempt(
        &mut self,
        plan: &ExecPlan,
        confinement: &Confinement,
    ) -> impl Future<Output = Self::Attempt> + Send;
}

/// One run.
pub(crate) trait Attempt {
    /// Whether it looks as if the sandbox had refused something (approvals specification 5).
    fn is_denied(&self) -> bool;
}

/// Why a plan was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Declined,
    /// Declined, and the turn is to end.
    Cancelled,
    /// The client gave no usable answer.
    Failed,
    /// The turn ended first.
    Withdrawn,
}

/// Carries out a plan.
///
/// # Errors
/// [`Refusal`]; nothing has run then, or only what ran in the sandbox.
pub(crate) async fn run_with_plan<E: Executor>(
    plan: &ExecPlan,
    executor: &mut E,
) -> Result<E::Attempt, Refusal> {
    if let Some(question) = &plan.approval {
        executor.ask(plan, question.clone()).await?;
    }
    let first = executor.attempt(plan, &plan.confinement).await;
    if matches!(plan.confinement, Confinement::Direct) || !first.is_denied() {
        return Ok(first);
    }
    match plan.on_denial {
        OnDenial::Report => return Ok(first),
        OnDenial::RetryDirect => {}
        OnDenial::AskThenRetryDirect => {
            let reason = Some(RETRY_REASON.to_owned());
            executor.ask(plan, ApprovalQuestion { reason, amendment: plan.retry_amendment.clone() }).await?;
        }
    }
    Ok(executor.attempt(plan, &Confinement::Direct).await)
}
