//! Whether a tool of an MCP server may be called. The client is asked through an elicitation with a mark of its own, as
//! clients of today know it (tools specification 8).

use app_server_config::edit::{Change, Edit, Segment};
use app_server_mcp::{Definition, ListedTool};
use app_server_protocol::v2::{
    AskForApproval, McpElicitationObjectType, McpElicitationRequest, McpElicitationSchema,
    McpServerElicitationAction, McpServerElicitationRequestParams, McpServerElicitationRequestResponse,
    SandboxPolicy, ThreadActiveFlag, WarningNotification,
};
use app_server_protocol::{ServerNotification, methods};
use serde_json::{Map, Value, json};

use crate::config_store::{self, ConfigWrite};
use crate::turn::{NoAnswer, TurnContext, ask};

/// The mode of a tool in the configuration that the user has allowed for good.
const APPROVED: &str = "approve";

/// What was said of a call.
pub(super) enum Approval {
    Granted,
    /// In words, for the item and the model.
    Refused(&'static str),
    /// The turn ended first.
    Withdrawn,
}

/// The call in question.
pub(super) struct Asked<'a> {
    pub(super) server: &'a str,
    pub(super) tool: &'a ListedTool,
    pub(super) definition: &'a Definition,
    pub(super) arguments: Option<&'a Map<String, Value>>,
}

/// Asks whether the call may be made, if that is a question at all.
pub(super) async fn approve(context: &TurnContext, asked: &Asked<'_>) -> Approval {
    let view = &context.thread.mcp;
    let settings = &context.settings;
    let mode = asked.definition.approval_modes.get(&asked.tool.name).map(String::as_str);
    let is_granted = settings.approval_policy == AskForApproval::Never
        || settings.sandbox == SandboxPolicy::DangerFullAccess
        || asked.tool.is_read_only()
        || mode == Some(APPROVED)
        || view.is_approved(asked.server, &asked.tool.name);
    if is_granted {
        return Approval::Granted;
    }
    if matches!(settings.approval_policy, AskForApproval::Granular { mcp_elicitations: false, .. }) {
        return Approval::Refused("the approval policy does not allow questions about MCP tools");
    }
    let waiting = context.thread.status.wait(ThreadActiveFlag::WaitingOnApproval);
    let params = params(context, asked);
    let answer = ask::<methods::server::McpServerElicitationRequest>(context, &params, Some(waiting)).await;
    let McpServerElicitationRequestResponse { action, content, meta } = match answer {
        Ok(answer) => answer,
        Err(NoAnswer::Declined) => return Approval::Refused("rejected by user"),
        Err(NoAnswer::Failed) => return Approval::Refused("rejected: the client gave no usable answer"),
        Err(NoAnswer::Withdrawn) => return Approval::Withdrawn,
    };
    match action {
        McpServerElicitationAction::Accept => {}
        McpServerElicitationAction::Decline => return Approval::Refused("rejected by user"),
        McpServerElicitationAction::Cancel => return Approval::Refused("cancelled by user"),
    }
    let said = |value: &Option<Value>| Some(value.as_ref()?.get("persist")?.as_str()?.to_owned());
    let said = said(&meta).or_else(|| said(&content));
    if let Some("session" | "always") = said.as_deref() {
        view.approve(asked.server, &asked.tool.name);
    }
    if said.as_deref() == Some("always") {
        keep(context, asked).await;
    }
    Approval::Granted
}

/// Allows a tool for good, in the user's file. A server that is not defined there is left alone: half a definition would
/// be none.
async fn keep(context: &TurnContext, asked: &Asked<'_>) {
    let (server, tool) = (asked.server.to_owned(), asked.tool.name.clone());
    let write = ConfigWrite::planned(move |user| {
        let is_defined = user.get("mcp_servers").and_then(|servers| servers.get(&server)).is_some();
        let path = ["mcp_servers", &server, "tools", &tool, "approval_mode"];
        let edit = Edit {
            path: path.map(|key| Segment::Key(key.to_owned())).to_vec(),
            change: Change::Replace(APPROVED.into()),
        };
        Ok(is_defined.then_some(edit).into_iter().collect())
    });
    if let Err(error) = config_store::write(&context.thread.services, write).await {
        let message = format!(
            "The tool {} of {} could not be allowed for good: {error}",
            asked.tool.name, asked.server
        );
        context.notify(ServerNotification::Warning(WarningNotification {
            message,
            thread_id: Some(context.thread.id().to_owned()),
        }));
    }
}

fn params(context: &TurnContext, asked: &Asked<'_>) -> McpServerElicitationRequestParams {
    let tool = &asked.tool.definition;
    let text = |name: &str| tool.get(name).and_then(Value::as_str);
    let arguments = asked.arguments.cloned().unwrap_or_default();
    let display: Vec<Value> = arguments
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value, "display_name": name }))
        .collect();
    let mut meta = json!({
        "codex_approval_kind": "mcp_tool_call",
        "persist": ["session", "always"],
        "tool_name": asked.tool.name,
        "tool_params": arguments,
        "tool_params_display": display,
    });
    for (name, value) in [("tool_title", text("title")), ("tool_description", text("description"))] {
        if let Some(value) = value {
            meta[name] = value.into();
        }
    }
    McpServerElicitationRequestParams {
        request: McpElicitationRequest::Form {
            meta: Some(meta),
            message: format!("Run the tool \"{}\" of the MCP server \"{}\"?", asked.tool.name, asked.server),
            requested_schema: McpElicitationSchema {
                _schema: None,
                properties: Default::default(),
                required: None,
                r#type: McpElicitationObjectType::Object,
            },
        },
        server_name: asked.server.to_owned(),
        thread_id: context.thread.id().to_owned(),
        turn_id: Some(context.turn_id.clone()),
    }
}
