//! Calls of the tools of MCP servers: the item, the question whether it may run, and what the model reads (tools
//! specification 8).

use std::sync::Arc;
use std::time::Instant;

use app_server_mcp::{McpError, Progress, ToolCall};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    ImageDetail, McpToolCallError, McpToolCallProgressNotification, McpToolCallResult, McpToolCallStatus,
    ThreadItemKind,
};
use serde_json::{Map, Value};

use super::mcp_approval::{Approval, Asked, approve};
use super::{Call, CallInput, Output, Part, limit};
use crate::clock::now_ms;
use crate::exec::truncate;
use crate::mcp::{Scope, Server, failed_to_start};
use crate::turn::TurnContext;

/// Whether the call is of a tool of a server.
pub(super) fn has(context: &TurnContext, call: &Call) -> bool {
    matches!(call.input, CallInput::Function(_)) && find(context, call, |_, _| ()).is_some()
}

/// Whether the server says that the tool changes nothing, so that it may run beside others.
pub(super) fn is_read_only(context: &TurnContext, call: &Call) -> Option<bool> {
    find(context, call, |_, tool| tool.is_read_only())
}

fn find<T>(
    context: &TurnContext,
    call: &Call,
    look: impl FnOnce(&str, &app_server_mcp::ListedTool) -> T,
) -> Option<T> {
    let table = context.thread.mcp.table();
    let found = table.find(call.namespace.as_deref(), &call.name)?;
    Some(look(found.server, found.tool))
}

/// The item of a call that is open.
pub(super) struct McpItem<'a> {
    context: &'a TurnContext,
    id: String,
    server: String,
    tool: String,
    arguments: Value,
    read_only_hint: Option<bool>,
    begun: Instant,
    started_at_ms: i64,
}

impl<'a> McpItem<'a> {
    /// Begins the item and tells of it.
    pub(super) fn begin(
        context: &'a TurnContext,
        call: &Call,
        server: &str,
        tool: &str,
        arguments: Option<&Map<String, Value>>,
        read_only_hint: Option<bool>,
    ) -> Self {
        let item = McpItem {
            context,
            id: call.id.clone(),
            server: server.to_owned(),
            tool: tool.to_owned(),
            arguments: Value::Object(arguments.cloned().unwrap_or_default()),
            read_only_hint,
            begun: Instant::now(),
            started_at_ms: now_ms(),
        };
        context.started(item.kind(McpToolCallStatus::InProgress, None, None, None), item.started_at_ms);
        item
    }

    fn kind(
        &self,
        status: McpToolCallStatus,
        result: Option<McpToolCallResult>,
        error: Option<String>,
        duration_ms: Option<i64>,
    ) -> ThreadItemKind {
        ThreadItemKind::McpToolCall {
            id: self.id.clone(),
            server: self.server.clone(),
            tool: self.tool.clone(),
            status,
            arguments: self.arguments.clone(),
            app_context: None,
            mcp_app_resource_uri: None,
            mcp_app_ui: None,
            plugin_id: None,
            read_only_hint: self.read_only_hint,
            result,
            error: error.map(|message| McpToolCallError { message }),
            duration_ms,
        }
    }

    fn finish(&self, status: McpToolCallStatus, result: Option<McpToolCallResult>, error: Option<String>) {
        let duration_ms = i64::try_from(self.begun.elapsed().as_millis()).ok();
        let kind = self.kind(status, result, error, duration_ms);
        let context = self.context;
        context.completed(&mut context.conversation.lock(), kind, self.started_at_ms, None);
    }

    /// Ends the item without a result and returns what the model reads.
    pub(super) fn failed(&self, reason: &str) -> Output {
        let reason = self.context.thread.services.secrets().mask(reason).into_owned();
        let text = truncate(&format!("tool call error: {reason}"), limit(self.context).of_history()).text;
        self.finish(McpToolCallStatus::Failed, None, Some(reason));
        Output::text(text)
    }

    /// Ends the item with what the server gave, which is masked, and returns it as it was shown.
    pub(super) fn answered(&self, result: Value) -> Value {
        let result = self.masked(result);
        let is_error = result.get("isError").and_then(Value::as_bool) == Some(true);
        let member = |name: &str| result.get(name).filter(|value| !value.is_null()).cloned();
        let content = result.get("content").and_then(Value::as_array).cloned().unwrap_or_default();
        let shown = McpToolCallResult {
            meta: member("_meta"),
            content,
            structured_content: member("structuredContent"),
        };
        let status = if is_error { McpToolCallStatus::Failed } else { McpToolCallStatus::Completed };
        self.finish(status, Some(shown), None);
        result
    }

    fn masked(&self, value: Value) -> Value {
        let text = value.to_string();
        match self.context.thread.services.secrets().mask(&text) {
            std::borrow::Cow::Borrowed(_) => value,
            std::borrow::Cow::Owned(masked) => serde_json::from_str(&masked).unwrap_or(value),
        }
    }
}

/// The arguments of a call, which must be an object or nothing at all.
fn arguments(call: &Call) -> Result<Option<Map<String, Value>>, Output> {
    let (CallInput::Function(text) | CallInput::Custom(text)) = &call.input;
    match text.trim() {
        "" | "null" => Ok(None),
        _ => call.arguments().map(Some),
    }
}

pub(super) async fn call(context: &Arc<TurnContext>, call: &Call) -> Result<Output, Output> {
    let found = find(context, call, |server, tool| (server.to_owned(), tool.clone()));
    let Some((server_name, tool)) = found else { return Err(call.unsupported()) };
    let arguments = arguments(call)?;
    let members = context.thread.mcp.attach(&context.thread);
    let used =
        members.get(&server_name).and_then(|member| Some((member.server()?, member.definition.as_ref()?)));
    let Some((server, definition)) = used else { return Err(call.unsupported()) };
    let hint = tool.definition.pointer("/annotations/readOnlyHint").and_then(Value::as_bool);
    let item = McpItem::begin(context, call, &server_name, &tool.name, arguments.as_ref(), hint);
    let asked = Asked { server: &server_name, tool: &tool, definition, arguments: arguments.as_ref() };
    match approve(context, &asked).await {
        Approval::Granted => {}
        Approval::Refused(reason) => {
            item.failed(reason);
            return Ok(Output::text(reason));
        }
        Approval::Withdrawn => {
            item.failed("the turn was interrupted");
            return Ok(Output::text("aborted"));
        }
    }
    let connected = tokio::select! {
        connected = server.connection(&context.thread.services) => connected,
        () = context.cancel.cancelled() => Err("the turn was interrupted".to_owned()),
    };
    let connection = match connected {
        Ok(connection) => connection,
        Err(reason) if context.cancel.is_cancelled() => return Ok(item.failed(&reason)),
        Err(reason) => return Ok(item.failed(&failed_to_start(&server_name, &reason))),
    };
    let scope =
        Scope { server: server_name, thread: Arc::clone(&context.thread), turn: Some(Arc::clone(context)) };
    let open = server.calls().open(scope);
    let request = ToolCall {
        tool: tool.name.clone(),
        arguments,
        meta: None,
        tag: open.tag,
        limit: definition.tool_timeout,
        progress: Some(progress(context, &call.id)),
        cancel: context.cancel.clone(),
    };
    let result = connection.call_tool(request).await;
    drop(open);
    context.keep_pace().await;
    Ok(match result {
        Ok(result) => output(context, &item.answered(result)),
        Err(McpError::Cancelled) => {
            item.failed("the turn was interrupted");
            Output::text("aborted")
        }
        Err(error) => item.failed(&reason(server, error).await),
    })
}

/// Why there was no result. A server that went away has last words.
async fn reason(server: &Server, error: McpError) -> String {
    match error {
        McpError::Closed(_) | McpError::Transport(_) => {
            server.why_lost().await.unwrap_or_else(|| error.to_string())
        }
        error => error.to_string(),
    }
}

/// Tells of a call's progress, unless the client is slow: what was missed is no loss.
fn progress(context: &Arc<TurnContext>, item_id: &str) -> Box<dyn Fn(Progress) + Send + Sync> {
    let (context, item_id) = (Arc::clone(context), item_id.to_owned());
    Box::new(move |progress| {
        let services = &context.thread.services;
        if services.host.is_congested() {
            return;
        }
        let message = match (progress.message, progress.total) {
            (Some(message), _) => services.secrets().mask(&message).into_owned(),
            (None, Some(total)) => format!("{}/{total}", progress.progress),
            (None, None) => progress.progress.to_string(),
        };
        context.notify(ServerNotification::ItemMcpToolCallProgress(McpToolCallProgressNotification {
            item_id: item_id.clone(),
            message,
            thread_id: context.thread.id().to_owned(),
            turn_id: context.turn_id.clone(),
        }));
    })
}

/// What the model reads of a result: the structured form if there is one, else the content, with images as images.
fn output(context: &TurnContext, result: &Value) -> Output {
    let limit = limit(context).of_history();
    let structured = result.get("structuredContent").filter(|value| !value.is_null());
    if let Some(structured) = structured {
        return Output::text(truncate(&structured.to_string(), limit).text);
    }
    let content = result.get("content").cloned().unwrap_or_else(|| Value::Array(Vec::new()));
    let blocks = content.as_array().map(Vec::as_slice).unwrap_or_default();
    if !context.model_info.supports_images || !blocks.iter().any(|block| image(block).is_some()) {
        let text = without_images(content).to_string();
        return Output::text(truncate(&text, limit).text);
    }
    let part = |block: &Value| match (image(block), block.get("text").and_then(Value::as_str)) {
        (Some(image_url), _) => Part::InputImage { image_url, detail: ImageDetail::Auto },
        (None, Some(text)) => Part::InputText { text: truncate(text, limit).text },
        (None, None) => Part::InputText { text: truncate(&block.to_string(), limit).text },
    };
    Output::parts(blocks.iter().map(part).collect())
}

/// The image a block of content is, as the model takes it.
fn image(block: &Value) -> Option<String> {
    if block.get("type")?.as_str()? != "image" {
        return None;
    }
    let (data, kind) = (block.get("data")?.as_str()?, block.get("mimeType")?.as_str()?);
    if data.starts_with("data:") {
        return Some(data.to_owned());
    }
    Some(format!("data:{kind};base64,{data}"))
}

/// The content for a model that takes no images: their bytes would only fill its window.
fn without_images(mut content: Value) -> Value {
    for block in content.as_array_mut().into_iter().flatten() {
        if image(block).is_some() {
            *block = serde_json::json!({ "type": "text", "text": "[An image, which this model cannot be shown.]" });
        }
    }
    content
}
