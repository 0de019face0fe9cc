//! Asking the client while a turn runs: approvals, input, its own tools (wire specification 7 and 8).

use app_server_protocol::v2::{
    CommandExecutionApprovalDecision as CommandDecision, CommandExecutionApprovalKind,
    CommandExecutionRequestApprovalParams, CommandExecutionRequestApprovalResponse,
    FileChangeApprovalDecision, FileChangeRequestApprovalParams, FileChangeRequestApprovalResponse,
    ServerRequestResolvedNotification, ThreadActiveFlag,
};
use app_server_protocol::{Request, ServerNotification, methods};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::TurnContext;
use crate::clock::now_ms;
use crate::exec::CommandItem;
use crate::hooks::{self, Permission, ToolUse};
use crate::host::NoReply;
use crate::thread::Waiting;

/// What the client said of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CommandAnswer {
    Accept,
    AcceptForSession,
    /// Accept, and allow every command that begins with these words from now on.
    AcceptAndAllow(Vec<String>),
    Decline,
    /// Not this, and end the turn.
    Cancel,
    /// No usable answer, which counts as a refusal.
    Failed,
    /// The turn ended before there was one.
    Withdrawn,
}

/// What the client said of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatchAnswer {
    Accept,
    AcceptForSession,
    Decline,
    Cancel,
    Failed,
    Withdrawn,
}

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The client does not know the question, which counts as "no" (decisions, "Wire").
    Declined,
    /// The client could not answer, or what it answered is not understood.
    Failed,
    /// The turn ended first.
    Withdrawn,
}

/// Asks the client and waits, without a limit, for its answer or the end of the turn.
pub(crate) async fn ask<R>(
    context: &TurnContext,
    params: &R::Params,
    waiting: Option<Waiting>,
) -> Result<R::Response, NoAnswer>
where
    R: Request,
    R::Params: Serialize,
    R::Response: DeserializeOwned,
{
    let params = serde_json::value::to_raw_value(params).map_err(|error| {
        tracing::error!(%error, method = R::METHOD, "a question cannot be written");
        NoAnswer::Failed
    })?;
    let question = context.thread.services.host.ask(R::METHOD, &params);
    let is_told = waiting.is_some();
    let answer = tokio::select! {
        biased;
        () = context.cancel.cancelled() => {
            if let Some(waiting) = waiting {
                waiting.withdraw();
            }
            context.withdraw_question(question.id);
            return Err(NoAnswer::Withdrawn);
        }
        answer = question.answer => answer,
    };
    if is_told {
        context.notify(ServerNotification::ServerRequestResolved(ServerRequestResolvedNotification {
            request_id: question.id,
            thread_id: context.thread.id().to_owned(),
        }));
    }
    drop(waiting);
    let answer = answer.map_err(|reason| {
        tracing::info!(method = R::METHOD, %reason, "no answer from the client");
        match reason {
            NoReply::UnknownMethod => NoAnswer::Declined,
            NoReply::Failed(_) => NoAnswer::Failed,
        }
    })?;
    serde_json::from_str(answer.get()).map_err(|error| {
        tracing::warn!(method = R::METHOD, %error, "the client's answer is not understood");
        NoAnswer::Failed
    })
}

/// Asks whether a command may run.
pub(crate) async fn ask_about_command(
    context: &TurnContext,
    item: &CommandItem,
    waiting: Waiting,
    reason: Option<String>,
    amendment: Option<Vec<String>>,
) -> CommandAnswer {
    let line = app_server_exec_policy::shown(&item.command);
    let tool = ToolUse {
        names: vec!["Bash"],
        input: json!({"command": line, "description": reason}),
        call_id: &item.id,
    };
    match hooks::before_approval(context, tool).await {
        Some(Permission::Allow) => return CommandAnswer::Accept,
        Some(Permission::Deny) => return CommandAnswer::Decline,
        None => {}
    }
    let mut available_decisions = vec![CommandDecision::Accept];
    available_decisions.extend(
        amendment.clone().map(|execpolicy_amendment| CommandDecision::AcceptWithExecpolicyAmendment {
            execpolicy_amendment,
        }),
    );
    available_decisions.push(CommandDecision::Cancel);
    let params = CommandExecutionRequestApprovalParams {
        approval_id: None,
        // Nothing is cut off and nothing is hidden: what is shown is what runs.
        command: Some(line),
        command_actions: Some(item.actions.clone()),
        cwd: Some(item.cwd.clone()),
        environment_id: None,
        item_id: item.id.clone(),
        kind: CommandExecutionApprovalKind::Command,
        network_approval_context: None,
        proposed_execpolicy_amendment: amendment,
        proposed_network_policy_amendments: None,
        reason,
        started_at_ms: now_ms(),
        thread_id: context.thread.id().to_owned(),
        turn_id: context.turn_id.clone(),
        additional_permissions: None,
        available_decisions: Some(available_decisions),
    };
    let asked = ask::<methods::server::ItemCommandExecutionRequestApproval>(context, &params, Some(waiting));
    let decision = match asked.await {
        Ok(CommandExecutionRequestApprovalResponse { decision }) => decision,
        Err(NoAnswer::Declined) => return CommandAnswer::Decline,
        Err(NoAnswer::Failed) => return CommandAnswer::Failed,
        Err(NoAnswer::Withdrawn) => return CommandAnswer::Withdrawn,
    };
    match decision {
        CommandDecision::Accept => CommandAnswer::Accept,
        CommandDecision::AcceptForSession => CommandAnswer::AcceptForSession,
        CommandDecision::AcceptWithExecpolicyAmendment { execpolicy_amendment } => {
            CommandAnswer::AcceptAndAllow(execpolicy_amendment)
        }
        // There is no question about hosts, so this answers none of ours.
        CommandDecision::ApplyNetworkPolicyAmendment { .. } | CommandDecision::Decline => {
            CommandAnswer::Decline
        }
        CommandDecision::Cancel => CommandAnswer::Cancel,
    }
}

/// Asks whether files may be changed; what is to change stands in the item.
pub(crate) async fn ask_about_patch(
    context: &TurnContext,
    item_id: &str,
    reason: Option<String>,
) -> PatchAnswer {
    let names = vec!["apply_patch", "Edit", "Write"];
    let tool = ToolUse { names, input: json!({"description": reason}), call_id: item_id };
    match hooks::before_approval(context, tool).await {
        Some(Permission::Allow) => return PatchAnswer::Accept,
        Some(Permission::Deny) => return PatchAnswer::Decline,
        None => {}
    }
    let waiting = context.thread.status.wait(ThreadActiveFlag::WaitingOnApproval);
    let params = FileChangeRequestApprovalParams {
        grant_root: None,
        item_id: item_id.to_owned(),
        reason,
        started_at_ms: now_ms(),
        thread_id: context.thread.id().to_owned(),
        turn_id: context.turn_id.clone(),
    };
    match ask::<methods::server::ItemFileChangeRequestApproval>(context, &params, Some(waiting)).await {
        Ok(FileChangeRequestApprovalResponse { decision }) => match decision {
            FileChangeApprovalDecision::Accept => PatchAnswer::Accept,
            FileChangeApprovalDecision::AcceptForSession => PatchAnswer::AcceptForSession,
            FileChangeApprovalDecision::Decline => PatchAnswer::Decline,
            FileChangeApprovalDecision::Cancel => PatchAnswer::Cancel,
        },
        Err(NoAnswer::Declined) => PatchAnswer::Decline,
        Err(NoAnswer::Failed) => PatchAnswer::Failed,
        Err(NoAnswer::Withdrawn) => PatchAnswer::Withdrawn,
    }
}
