//! The tools the model may call: what is offered, and what a call does. A tool's failure is text for the model; the turn
//! goes on (agent-loop specification 5, tools specification).

mod agents;
mod apply_patch;
mod command;
mod dynamic;
mod gate;
mod goal;
mod mcp;
mod mcp_approval;
mod mcp_resources;
mod offered;
mod order;
mod plan;
mod terminal;
mod user_input;
mod user_shell;
mod view_image;

use std::sync::Arc;

use app_server_config::models::ShellTool;
use app_server_model_client::{OutputItem, OutputItemKind};
use app_server_protocol::v2::ImageDetail;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tracing::Instrument as _;

pub(crate) use dynamic::DynamicTools;
pub(crate) use offered::{offered, sanitized};
pub(crate) use order::{Order, Place};
pub(crate) use user_shell::UserCommand;

use crate::exec::{Boundary, Limit};
use crate::turn::TurnContext;

/// A call of a tool.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Of its item: that of the call, unless the model has used it before in this turn.
    pub(crate) id: String,
    /// What the output refers to.
    pub(crate) call_id: String,
    pub(crate) name: String,
    /// The group the tool is in, from models that group them.
    pub(crate) namespace: Option<String>,
    pub(crate) input: CallInput,
    /// What hooks add for the model, behind the output.
    added: Vec<String>,
}

/// What a call says.
#[derive(Debug, Clone)]
pub(crate) enum CallInput {
    /// JSON text, as the model wrote it: it may be anything.
    Function(String),
    /// Free text.
    Custom(String),
}

/// What a tool says to the model.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    content: Content,
}

#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// A part of an output that is more than text.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Part {
    InputText { text: String },
    InputImage { image_url: String, detail: ImageDetail },
}

impl Output {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Output { content: Content::Text(text.into()) }
    }

    pub(crate) fn parts(parts: Vec<Part>) -> Self {
        Output { content: Content::Parts(parts) }
    }

    /// The output as that of a line a terminal was opened for.
    pub(crate) fn nested(self) -> Self {
        match self.content {
            Content::Text(text) => Output::text(format!("Wall time: 0.0000 seconds\nOutput:\n{text}")),
            Content::Parts(parts) => Output::parts(parts),
        }
    }
}

impl Call {
    /// The call an item of the model is, if it is one.
    pub(crate) fn of(item: &OutputItem) -> Option<Self> {
        Some(match &item.kind {
            OutputItemKind::FunctionCall { call_id, name, namespace, arguments, .. } => Call {
                id: call_id.clone(),
                call_id: call_id.clone(),
                name: name.clone(),
                namespace: namespace.clone(),
                input: CallInput::Function(arguments.clone()),
                added: Vec::new(),
            },
            OutputItemKind::CustomToolCall { call_id, name, input, .. } => Call {
                id: call_id.clone(),
                call_id: call_id.clone(),
                name: name.clone(),
                namespace: None,
                input: CallInput::Custom(input.clone()),
                added: Vec::new(),
            },
            OutputItemKind::LocalShellCall { call_id, id, action } => Call {
                id: call_id.clone().or_else(|| id.clone()).unwrap_or_default(),
                call_id: call_id.clone().or_else(|| id.clone()).unwrap_or_default(),
                name: "local_shell".to_owned(),
                namespace: None,
                input: CallInput::Function(
                    serde_json::json!({
                        "command": action.command,
                        "workdir": action.working_directory,
                        "timeout_ms": action.timeout_ms,
                    })
                    .to_string(),
                ),
                added: Vec::new(),
            },
            _ => return None,
        })
    }

    /// The item that answers the call.
    pub(crate) fn output(&self, output: &Output) -> Box<RawValue> {
        #[derive(Serialize)]
        struct Answer<'a> {
            r#type: &'static str,
            call_id: &'a str,
            output: &'a Content,
        }
        let r#type = match self.input {
            CallInput::Function(_) => "function_call_output",
            CallInput::Custom(_) => "custom_tool_call_output",
        };
        #[allow(clippy::expect_used, reason = "strings and string keys always serialise")]
        serde_json::value::to_raw_value(&Answer { r#type, call_id: &self.call_id, output: &output.content })
            .expect("an output is always JSON")
    }

    /// Reads the arguments of a function.
    ///
    /// # Errors
    /// The text for the model when they are not what the tool takes.
    fn arguments<T: DeserializeOwned>(&self) -> Result<T, Output> {
        let text = match &self.input {
            CallInput::Function(text) | CallInput::Custom(text) => text,
        };
        // A function without arguments may be called with no text at all.
        let text = if text.trim().is_empty() { "{}" } else { text };
        serde_json::from_str(text)
            .map_err(|error| Output::text(format!("failed to parse function arguments: {error}")))
    }

    fn unsupported(&self) -> Output {
        match &self.input {
            CallInput::Function(_) => {
                let namespace = self.namespace.as_deref().unwrap_or_default();
                Output::text(format!("unsupported call: {namespace}{}", self.name))
            }
            CallInput::Custom(_) => Output::text(format!("unsupported custom tool call: {}", self.name)),
        }
    }
}

/// Runs a call to its end, in its place among the calls of its response.
pub(crate) fn run(
    context: Arc<TurnContext>,
    mut call: Call,
    place: Place,
) -> impl Future<Output = Output> + Send {
    let done = goal::call(&context, &call);
    let span = tracing::error_span!("tool", name = %call.name, call = %call.call_id);
    let work = async move {
        tracing::debug!("called");
        if let Some(output) = done {
            return output;
        }
        tokio::select! {
            biased;
            () = context.cancel.cancelled() => Output::text("aborted"),
            _slot = place.reached(&context.tool_slots) => match gate::before(&context, &mut call).await {
                Some(output) => output,
                None => {
                    let output = dispatch(&context, &call).await;
                    gate::after(&context, &call, output).await
                }
            },
        }
    };
    // A task of its own does not know what it is of.
    work.instrument(span)
}

/// Whether a call may run beside others: if the model may call several tools at once, and this one changes nothing the
/// others could be looking at.
pub(crate) fn is_shared(context: &TurnContext, call: &Call) -> bool {
    let is_parallel = || mcp::is_read_only(context, call).unwrap_or_else(|| is_parallel(call));
    context.model_info.supports_parallel_tool_calls && is_parallel()
}

/// A patch and a plan change what later calls build on; input has a person in it.
fn is_parallel(call: &Call) -> bool {
    !matches!(call.name.as_str(), "apply_patch" | "update_plan" | "request_user_input")
}

async fn dispatch(context: &Arc<TurnContext>, call: &Call) -> Output {
    let has_shell = context.settings.config.features.enabled("shell_tool");
    let done = match (call.name.as_str(), &call.input) {
        // First: a server may call its tools what ours are called, within its namespace.
        _ if mcp::has(context, call) => mcp::call(context, call).await,
        ("shell" | "container.exec" | "local_shell", CallInput::Function(_)) if has_shell => {
            command::shell(context, call).await
        }
        ("shell_command", CallInput::Function(_)) if has_shell => command::shell_command(context, call).await,
        ("exec_command", CallInput::Function(_)) if has_shell => terminal::exec_command(context, call).await,
        ("write_stdin", CallInput::Function(_)) if has_shell => terminal::write_stdin(context, call).await,
        ("apply_patch", _) => apply_patch::apply_patch(context, call).await,
        ("update_plan", CallInput::Function(_)) => plan::update_plan(context, call),
        ("view_image", CallInput::Function(_)) => view_image::view_image(context, call).await,
        ("request_user_input", CallInput::Function(_)) => user_input::request(context, call).await,
        (
            "list_mcp_resources" | "list_mcp_resource_templates" | "read_mcp_resource",
            CallInput::Function(_),
        ) => mcp_resources::call(context, call).await,
        (_, CallInput::Function(_)) if context.thread.dynamic_tools.has(call) => {
            dynamic::call(context, call).await
        }
        (
            "spawn_agent" | "send_input" | "wait" | "wait_agent" | "close_agent" | "resume_agent",
            CallInput::Function(_),
        ) if agents::is_known(context, call) => agents::call(context, call).await,
        _ => Ok(call.unsupported()),
    };
    // Both ways are texts for the model; `Err` is the short way out of a tool.
    done.unwrap_or_else(|output| output)
}

/// Does what looks at the disk where it does not hold up other threads.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Output> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Output::text(error.to_string()))
}

/// What the calls of a turn may touch.
async fn boundary(context: &Arc<TurnContext>) -> Result<Boundary, Output> {
    let context = Arc::clone(context);
    aside(move || Boundary::of(&context.thread.services, &context.settings.sandbox, &context.settings.cwd))
        .await
}

/// How much of an output the model may read.
fn limit(context: &TurnContext) -> Limit {
    Limit::of(context.model_info.truncation, context.settings.config.tool_output_token_limit)
}

/// The form in which the model runs commands: the configuration may ask for terminals.
fn shell_tool(context: &TurnContext) -> Option<ShellTool> {
    let features = &context.settings.config.features;
    if !features.enabled("shell_tool") {
        return None;
    }
    Some(if features.enabled("unified_exec") {
        ShellTool::UnifiedExec
    } else {
        context.model_info.shell_tool
    })
}
