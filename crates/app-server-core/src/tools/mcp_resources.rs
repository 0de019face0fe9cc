//! `list_mcp_resources`, `list_mcp_resource_templates`, `read_mcp_resource`: what servers have to read. Each is an item as
//! a call of a tool of the server is.

use std::sync::Arc;

use app_server_mcp::{Connection, McpError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::mcp::McpItem;
use super::{Call, Output, limit};
use crate::exec::truncate;
use crate::mcp::{Members, RESOURCE_LIMIT, failed_to_start};
use crate::turn::TurnContext;

/// Shown as the server of a call that is about all of them.
const ALL: &str = "codex";

#[derive(Deserialize)]
struct ListArguments {
    #[serde(default)]
    server: Option<String>,
    #[serde(default)]
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct ReadArguments {
    server: String,
    uri: String,
}

/// What is listed.
#[derive(Clone, Copy)]
enum Listed {
    Resources,
    Templates,
}

impl Listed {
    /// The member of the answer, the server's and ours.
    fn key(self) -> &'static str {
        match self {
            Listed::Resources => "resources",
            Listed::Templates => "resourceTemplates",
        }
    }

    async fn page(self, connection: &Connection, cursor: Option<&str>) -> Result<Value, McpError> {
        match self {
            Listed::Resources => connection.list_resources(cursor, RESOURCE_LIMIT).await,
            Listed::Templates => connection.list_resource_templates(cursor, RESOURCE_LIMIT).await,
        }
    }

    async fn all(self, connection: &Connection) -> Result<Vec<Value>, McpError> {
        match self {
            Listed::Resources => connection.all_resources(RESOURCE_LIMIT).await,
            Listed::Templates => connection.all_resource_templates(RESOURCE_LIMIT).await,
        }
    }
}

pub(super) async fn call(context: &Arc<TurnContext>, call: &Call) -> Result<Output, Output> {
    match call.name.as_str() {
        "list_mcp_resources" => list(context, call, Listed::Resources).await,
        "list_mcp_resource_templates" => list(context, call, Listed::Templates).await,
        _ => read(context, call).await,
    }
}

async fn list(context: &Arc<TurnContext>, call: &Call, listed: Listed) -> Result<Output, Output> {
    let ListArguments { server, cursor } = call.arguments()?;
    if cursor.is_some() && server.is_none() {
        return Err(Output::text("a cursor is of one server: name it"));
    }
    let shown = server.as_deref().unwrap_or(ALL);
    let item =
        McpItem::begin(context, call, shown, &call.name, call.arguments::<Map<_, _>>().ok().as_ref(), None);
    let members = context.thread.mcp.attach(&context.thread);
    let work = async {
        match &server {
            Some(server) => of_one(context, &members, server, listed, cursor.as_deref()).await,
            None => Ok(of_all(context, &members, listed).await),
        }
    };
    Ok(finish(context, &item, Box::pin(work)).await)
}

async fn read(context: &Arc<TurnContext>, call: &Call) -> Result<Output, Output> {
    let ReadArguments { server, uri } = call.arguments()?;
    let item =
        McpItem::begin(context, call, &server, &call.name, call.arguments::<Map<_, _>>().ok().as_ref(), None);
    let members = context.thread.mcp.attach(&context.thread);
    let work = async {
        let connection = connection(context, &members, &server).await?;
        let read = connection.read_resource(&uri, RESOURCE_LIMIT).await.map_err(|error| error.to_string())?;
        let contents = read.get("contents").cloned().unwrap_or_else(|| json!([]));
        Ok(json!({ "server": server, "uri": uri, "contents": contents }))
    };
    Ok(finish(context, &item, Box::pin(work)).await)
}

/// Does the work unless the turn is interrupted, and ends the item.
async fn finish(
    context: &TurnContext,
    item: &McpItem<'_>,
    work: impl Future<Output = Result<Value, String>>,
) -> Output {
    let done = tokio::select! {
        biased;
        () = context.cancel.cancelled() => {
            item.failed("the turn was interrupted");
            return Output::text("aborted");
        }
        done = work => done,
    };
    match done {
        Ok(found) => {
            let text = json!({ "type": "text", "text": found.to_string() });
            let shown = item.answered(json!({ "content": [text] }));
            let text = shown.pointer("/content/0/text").and_then(Value::as_str).unwrap_or_default();
            Output::text(truncate(text, limit(context).of_history()).text)
        }
        Err(reason) => item.failed(&reason),
    }
}

async fn connection(context: &TurnContext, members: &Members, name: &str) -> Result<Connection, String> {
    let Some(server) = members.get(name).and_then(|member| member.server()) else {
        return Err(format!("unknown MCP server '{name}'"));
    };
    server.connection(&context.thread.services).await.map_err(|reason| failed_to_start(name, &reason))
}

async fn of_one(
    context: &TurnContext,
    members: &Members,
    name: &str,
    listed: Listed,
    cursor: Option<&str>,
) -> Result<Value, String> {
    let connection = connection(context, members, name).await?;
    let page = listed.page(&connection, cursor).await.map_err(|error| error.to_string())?;
    let mut found = json!({ "server": name });
    found[listed.key()] = page.get(listed.key()).cloned().unwrap_or_else(|| json!([]));
    if let Some(next) = page.get("nextCursor").filter(|next| !next.is_null()) {
        found["nextCursor"] = next.clone();
    }
    Ok(found)
}

/// What all servers have that are there; the others are left out.
async fn of_all(context: &TurnContext, members: &Members, listed: Listed) -> Value {
    let mut found = Vec::new();
    for name in members.keys() {
        let Ok(connection) = connection(context, members, name).await else { continue };
        let one = match listed.all(&connection).await {
            Ok(one) => one,
            Err(error) => {
                tracing::info!(server = %name, %error, "an MCP server does not list what it has");
                continue;
            }
        };
        found.extend(one.into_iter().map(|mut resource| {
            if let Some(members) = resource.as_object_mut() {
                members.insert("server".to_owned(), name.as_str().into());
            }
            resource
        }));
    }
    let mut all = json!({});
    all[listed.key()] = found.into();
    all
}
