//! Questions of servers to the user: `mcpServer/elicitation/request` (wire specification 8.3). What a server writes is
//! foreign text: it is handed on as data, masked, and only in the forms the wire knows.

use app_server_mcp::{Action, Answer, Elicitation};
use app_server_protocol::v2::{
    AskForApproval, McpElicitationRequest, McpServerElicitationAction, McpServerElicitationRequestParams,
    McpServerElicitationRequestResponse, ServerRequestResolvedNotification, ThreadActiveFlag,
};
use app_server_protocol::{Request, ServerNotification, methods};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::calls::Scope;
use crate::host::NoReply;

type Asked = methods::server::McpServerElicitationRequest;

/// A longer question is not shown to anybody.
const MAX_BYTES: usize = 64 * 1024;

const DECLINED: Answer = Answer { action: Action::Decline, content: None };
const CANCELLED: Answer = Answer { action: Action::Cancel, content: None };

/// Asks the user for a server.
pub(super) async fn answer(scope: Scope, elicitation: Elicitation) -> Answer {
    if !may_ask(&scope) {
        return DECLINED;
    }
    let Some(request) = request(&scope, elicitation.params) else { return DECLINED };
    let is_form = matches!(request, McpElicitationRequest::Form { .. });
    let params = McpServerElicitationRequestParams {
        request,
        server_name: scope.server.clone(),
        thread_id: scope.thread.id().to_owned(),
        turn_id: scope.turn.as_ref().map(|turn| turn.turn_id.clone()),
    };
    match ask(&scope, &params, &elicitation.withdrawn).await {
        Ok(McpServerElicitationRequestResponse { action, content, .. }) => match action {
            McpServerElicitationAction::Accept if is_form => {
                Answer { action: Action::Accept, content: Some(content.unwrap_or_else(|| json!({}))) }
            }
            McpServerElicitationAction::Accept => Answer { action: Action::Accept, content: None },
            McpServerElicitationAction::Decline => DECLINED,
            McpServerElicitationAction::Cancel => CANCELLED,
        },
        Err(answer) => answer,
    }
}

/// Whether the turn's policy lets servers ask.
fn may_ask(scope: &Scope) -> bool {
    match scope.turn.as_ref().map(|turn| &turn.settings.approval_policy) {
        Some(AskForApproval::Never) => false,
        Some(AskForApproval::Granular { mcp_elicitations, .. }) => *mcp_elicitations,
        _ => true,
    }
}

/// The question in the wire's form; `None` for what the wire has no words for.
fn request(scope: &Scope, mut params: Value) -> Option<McpElicitationRequest> {
    let members = params.as_object_mut()?;
    members.entry("mode").or_insert_with(|| "form".into());
    let text = params.to_string();
    if text.len() > MAX_BYTES {
        tracing::warn!(server = %scope.server, bytes = text.len(), "a question of an MCP server is too long");
        return None;
    }
    let masked = scope.thread.services.secrets().mask(&text).into_owned();
    serde_json::from_str(&masked)
        .inspect_err(|error| {
            tracing::warn!(server = %scope.server, %error, "a question of an MCP server is not understood");
        })
        .ok()
}

/// Asks the client, and tells when the question is closed.
async fn ask(
    scope: &Scope,
    params: &McpServerElicitationRequestParams,
    withdrawn: &CancellationToken,
) -> Result<McpServerElicitationRequestResponse, Answer> {
    let params = serde_json::value::to_raw_value(params).map_err(|_| DECLINED)?;
    let thread = &scope.thread;
    let waiting = scope.turn.is_some().then(|| thread.status.wait(ThreadActiveFlag::WaitingOnApproval));
    let question = thread.services.host.ask(Asked::METHOD, &params);
    let turn_is_over = async {
        match &scope.turn {
            Some(turn) => turn.cancel.cancelled().await,
            None => std::future::pending().await,
        }
    };
    let answer = tokio::select! {
        biased;
        () = turn_is_over => {
            if let Some(waiting) = waiting {
                waiting.withdraw();
            }
            if let Some(turn) = &scope.turn {
                turn.withdraw_question(question.id);
            }
            return Err(CANCELLED);
        }
        () = withdrawn.cancelled() => None,
        answer = question.answer => Some(answer),
    };
    thread.listener.notify(ServerNotification::ServerRequestResolved(ServerRequestResolvedNotification {
        request_id: question.id,
        thread_id: thread.id().to_owned(),
    }));
    drop(waiting);
    match answer {
        None => Err(CANCELLED),
        Some(Ok(answer)) => serde_json::from_str(answer.get()).map_err(|error| {
            tracing::warn!(%error, "the client's answer to an MCP server is not understood");
            CANCELLED
        }),
        Some(Err(NoReply::UnknownMethod)) => Err(DECLINED),
        Some(Err(NoReply::Failed(reason))) => {
            tracing::info!(%reason, "no answer from the client for an MCP server");
            Err(CANCELLED)
        }
    }
}
