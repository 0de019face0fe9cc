//! Tools the client brought along with `thread/start`: a call of one is a request to the client (wire specification
//! 8.1).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use app_server_protocol::methods;
use app_server_protocol::v2::{
    DynamicToolCallOutputContentItem, DynamicToolCallParams, DynamicToolCallStatus, DynamicToolNamespaceTool,
    DynamicToolSpec, ImageDetail, ThreadItemKind,
};
use serde_json::Value;

use super::{Call, Output, Part, limit};
use crate::clock::now_ms;
use crate::error::CoreError;
use crate::exec::truncate;
use crate::turn::{TurnContext, ask};

/// Longest name of a tool, and of a group of tools.
const MAX_NAME: usize = 128;
const MAX_NAMESPACE: usize = 64;
/// Between a group and a tool in the name the model calls it by.
const SEPARATOR: &str = "__";
/// What a call without a usable answer says, to the model and in the item.
const FAILED: &str = "dynamic tool request failed";

/// Names no client may give to its tools.
const RESERVED: &[&str] = &[
    "shell",
    "container.exec",
    "local_shell",
    "shell_command",
    "exec_command",
    "write_stdin",
    "apply_patch",
    "update_plan",
    "view_image",
    "request_user_input",
    "web_search",
    "get_goal",
    "create_goal",
    "update_goal",
    "spawn_agent",
    "send_input",
    "wait_agent",
    "close_agent",
    "resume_agent",
    "list_mcp_resources",
    "list_mcp_resource_templates",
    "read_mcp_resource",
];

/// The tools of a thread's client.
#[derive(Debug, Default)]
pub(crate) struct DynamicTools(Vec<DynamicTool>);

#[derive(Debug)]
pub(super) struct DynamicTool {
    namespace: Option<String>,
    name: String,
    pub(super) description: String,
    pub(super) input_schema: Value,
}

impl DynamicTool {
    /// The name the model calls it by: groups are not known to every provider, so it is part of the name.
    pub(super) fn full_name(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}{SEPARATOR}{}", self.name),
            None => self.name.clone(),
        }
    }
}

impl DynamicTools {
    /// Takes what the client declared.
    ///
    /// # Errors
    /// [`CoreError::Invalid`] for a name that is not usable, reserved, or given twice.
    pub(crate) fn new(specs: Vec<DynamicToolSpec>) -> Result<Self, CoreError> {
        let mut tools = Vec::new();
        for spec in specs {
            match spec {
                DynamicToolSpec::Function { description, input_schema, name, .. } => {
                    tools.push(DynamicTool { namespace: None, name, description, input_schema });
                }
                DynamicToolSpec::Namespace { name: namespace, tools: members, .. } => {
                    check_name("namespace", &namespace, MAX_NAMESPACE)?;
                    for member in members {
                        let DynamicToolNamespaceTool::Function { description, input_schema, name, .. } =
                            member;
                        let namespace = Some(namespace.clone());
                        tools.push(DynamicTool { namespace, name, description, input_schema });
                    }
                }
            }
        }
        let mut seen = HashSet::new();
        for tool in &tools {
            check_name("name", &tool.name, MAX_NAME)?;
            let name = tool.full_name();
            if RESERVED.contains(&name.as_str()) {
                return Err(CoreError::Invalid(format!("dynamic tool name is reserved: {name}")));
            }
            if !seen.insert(name.clone()) {
                return Err(CoreError::Invalid(format!("duplicate dynamic tool name: {name}")));
            }
        }
        Ok(DynamicTools(tools))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &DynamicTool> {
        self.0.iter()
    }

    /// Whether the call is of one of them.
    pub(crate) fn has(&self, call: &Call) -> bool {
        self.find(call).is_some()
    }

    fn find(&self, call: &Call) -> Option<&DynamicTool> {
        self.0.iter().find(|tool| match &call.namespace {
            Some(_) => call.namespace == tool.namespace && call.name == tool.name,
            None => call.name == tool.full_name(),
        })
    }
}

fn check_name(what: &str, name: &str, longest: usize) -> Result<(), CoreError> {
    let is_fine = !name.is_empty()
        && name.len() <= longest
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if is_fine {
        return Ok(());
    }
    Err(CoreError::Invalid(format!(
        "dynamic tool {what} must match ^[a-zA-Z0-9_-]+$ and have at most {longest} characters: {name}"
    )))
}

pub(super) async fn call(context: &Arc<TurnContext>, call: &Call) -> Result<Output, Output> {
    let arguments: Value = call.arguments()?;
    let Some(tool) = context.thread.dynamic_tools.find(call) else { return Err(call.unsupported()) };
    let (begun, started_at_ms) = (Instant::now(), now_ms());
    let item = |status, content_items: Option<Vec<_>>, success| ThreadItemKind::DynamicToolCall {
        id: call.id.clone(),
        namespace: tool.namespace.clone(),
        tool: tool.name.clone(),
        arguments: arguments.clone(),
        status,
        duration_ms: content_items.as_ref().and_then(|_| i64::try_from(begun.elapsed().as_millis()).ok()),
        content_items,
        success,
    };
    context.started(item(DynamicToolCallStatus::InProgress, None, None), started_at_ms);
    let params = DynamicToolCallParams {
        arguments: arguments.clone(),
        call_id: call.id.clone(),
        namespace: tool.namespace.clone(),
        thread_id: context.thread.id().to_owned(),
        tool: tool.name.clone(),
        turn_id: context.turn_id.clone(),
    };
    let answer = ask::<methods::server::ItemToolCall>(context, &params, None).await;
    let (mut content, success) = match answer {
        Ok(answer) => (answer.content_items, answer.success),
        Err(_) => (vec![DynamicToolCallOutputContentItem::InputText { text: FAILED.to_owned() }], false),
    };
    mask(context, &mut content);
    let status = if success { DynamicToolCallStatus::Completed } else { DynamicToolCallStatus::Failed };
    let kind = item(status, Some(content.clone()), Some(success));
    context.completed(&mut context.conversation.lock(), kind, started_at_ms, None);
    Ok(output(context, content))
}

fn mask(context: &TurnContext, content: &mut [DynamicToolCallOutputContentItem]) {
    let secrets = context.thread.services.secrets();
    for item in content {
        if let DynamicToolCallOutputContentItem::InputText { text } = item {
            *text = secrets.mask(text).into_owned();
        }
    }
}

/// One text stays a text; anything else goes to the model part by part.
fn output(context: &TurnContext, content: Vec<DynamicToolCallOutputContentItem>) -> Output {
    let limit = limit(context).of_history();
    let mut parts: Vec<Part> = content
        .into_iter()
        .map(|item| match item {
            DynamicToolCallOutputContentItem::InputText { text } => {
                Part::InputText { text: truncate(&text, limit).text }
            }
            DynamicToolCallOutputContentItem::InputImage { image_url } => {
                Part::InputImage { image_url, detail: ImageDetail::Auto }
            }
            DynamicToolCallOutputContentItem::InputAudio { .. } => {
                Part::InputText { text: "[A sound, which cannot be shown.]".to_owned() }
            }
        })
        .collect();
    match parts.as_mut_slice() {
        [] => Output::text(""),
        [Part::InputText { text }] => Output::text(std::mem::take(text)),
        _ => Output::parts(parts),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(specs: Value) -> Result<Vec<String>, String> {
        let specs: Vec<DynamicToolSpec> = serde_json::from_value(specs).unwrap();
        let tools = DynamicTools::new(specs).map_err(|error| error.to_string())?;
        Ok(tools.iter().map(DynamicTool::full_name).collect())
    }

    fn function(name: &str) -> Value {
        json!({ "type": "function", "name": name, "description": "", "inputSchema": {} })
    }

    #[test]
    fn names_are_checked() {
        assert_eq!(names(json!([function("a-1")])).unwrap(), ["a-1"]);
        let group = json!({ "type": "namespace", "name": "g", "description": "", "tools": [function("t")] });
        assert_eq!(names(json!([group, function("t")])).unwrap(), ["g__t", "t"]);
        assert_eq!(
            names(json!([function("lookup"), function("lookup")])).unwrap_err(),
            "duplicate dynamic tool name: lookup"
        );
        for bad in ["bad name!", "", "shell", &"x".repeat(129)] {
            assert!(names(json!([function(bad)])).is_err(), "{bad}");
        }
    }
}
