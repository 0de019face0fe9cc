//! The tools of a thread's servers as the model knows them.

use std::sync::Arc;

use app_server_mcp::{ListedTool, Names};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::server::Stage;
use super::view::Members;
use crate::tools::sanitized;

/// What a turn offers of the servers' tools. Made anew only when a server's list has changed.
#[derive(Default)]
pub(crate) struct ToolTable {
    /// The lists it was made of, by server.
    made_of: Vec<(String, Arc<Vec<ListedTool>>)>,
    names: Names,
    specs: Vec<Box<RawValue>>,
}

/// A tool that is called.
pub(crate) struct Found<'a> {
    pub(crate) server: &'a str,
    pub(crate) tool: &'a ListedTool,
}

impl ToolTable {
    /// The table for these servers, or `None` when nothing has changed since the one `before`. What a server offered the
    /// last time counts while it starts, not when it has failed to.
    pub(super) fn updated(before: &Self, members: &Members) -> Option<Self> {
        let mut made_of = Vec::new();
        let mut is_same = true;
        for (name, member) in members {
            let Some(server) = member.server() else { continue };
            let is_gone = match server.stage() {
                Stage::Failed(failure) => !failure.was_lost,
                Stage::Ended => true,
                Stage::Idle | Stage::Starting | Stage::Ready(_) => false,
            };
            let Some(tools) = server.tools().filter(|_| !is_gone) else { continue };
            let known = before.made_of.get(made_of.len());
            is_same &= known.is_some_and(|(of, known)| of == name && Arc::ptr_eq(known, &tools));
            made_of.push((name.clone(), tools));
        }
        if is_same && made_of.len() == before.made_of.len() {
            return None;
        }
        let wanted = made_of.iter().flat_map(|(server, tools)| {
            let member = members.get(server);
            let wants = move |tool: &&ListedTool| member.is_some_and(|member| member.wants(&tool.name));
            tools.iter().filter(wants).map(move |tool| (server.as_str(), tool.name.as_str()))
        });
        let names = Names::new(wanted);
        let mut table = ToolTable { made_of, names, specs: Vec::new() };
        table.specs =
            table.names.iter().filter_map(|(name, server, tool)| table.spec(name, server, tool)).collect();
        Some(table)
    }

    /// The tools as a request carries them, by name.
    pub(crate) fn specs(&self) -> &[Box<RawValue>] {
        &self.specs
    }

    /// The tool a call means.
    pub(crate) fn find(&self, namespace: Option<&str>, name: &str) -> Option<Found<'_>> {
        let (server, tool) = self.names.find(namespace, name)?;
        Some(Found { server, tool: self.tool(server, tool)? })
    }

    fn tool(&self, server: &str, tool: &str) -> Option<&ListedTool> {
        let (_, tools) = self.made_of.iter().find(|(name, _)| name == server)?;
        tools.iter().find(|listed| listed.name == tool)
    }

    fn spec(&self, name: &str, server: &str, tool: &str) -> Option<Box<RawValue>> {
        let tool = self.tool(server, tool)?;
        let schema =
            tool.definition.get("inputSchema").cloned().unwrap_or_else(|| json!({ "type": "object" }));
        let spec = json!({
            "type": "function",
            "name": name,
            "description": tool.definition.get("description").and_then(Value::as_str).unwrap_or_default(),
            "strict": false,
            "parameters": sanitized(schema),
        });
        serde_json::value::to_raw_value(&spec).ok()
    }
}
