//! The tools on offer, in the order and by the rules of each kind of model (tools specification 1). What they say of
//! themselves is in `prompts/tools`, a file each.

use std::sync::LazyLock;

use app_server_config::WebSearchMode;
use app_server_config::models::{ApplyPatchTool, ShellTool};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{agents, goal, shell_tool};
use crate::turn::TurnContext;

/// A tool's file, without the white space that makes it readable.
macro_rules! tool {
    ($name:literal) => {{
        static TOOL: LazyLock<Box<RawValue>> =
            LazyLock::new(|| compact(include_str!(concat!("../prompts/tools/", $name, ".json"))));
        TOOL.clone()
    }};
}

fn compact(file: &str) -> Box<RawValue> {
    let value: Value = serde_json::from_str(file).unwrap_or_default();
    serde_json::value::to_raw_value(&value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// The provider's own search.
#[derive(Serialize)]
struct WebSearch {
    r#type: &'static str,
    external_web_access: bool,
}

/// Puts the list together.
pub(crate) fn offered(context: &TurnContext, web_search: WebSearchMode) -> Vec<Box<RawValue>> {
    let mut tools = Vec::new();
    // The chat wire has functions only.
    let is_chat = context.settings.provider.is_chat();
    match shell_tool(context) {
        None => {}
        Some(ShellTool::Default) => tools.push(tool!("shell")),
        Some(ShellTool::Local) if is_chat => tools.push(tool!("shell")),
        Some(ShellTool::Local) => {
            tools.extend(serde_json::value::to_raw_value(&json!({ "type": "local_shell" })))
        }
        Some(ShellTool::ShellCommand) => tools.push(tool!("shell_command")),
        Some(ShellTool::UnifiedExec) => tools.extend([tool!("exec_command"), tool!("write_stdin")]),
    }
    if context.thread.mcp.has_servers() {
        tools.extend([
            tool!("list_mcp_resources"),
            tool!("list_mcp_resource_templates"),
            tool!("read_mcp_resource"),
        ]);
    }
    tools.extend([tool!("update_plan"), tool!("request_user_input")]);
    match context.model_info.apply_patch_tool {
        None => {}
        Some(ApplyPatchTool::Freeform) if !is_chat => tools.push(tool!("apply_patch_freeform")),
        Some(ApplyPatchTool::Freeform | ApplyPatchTool::Function) => tools.push(tool!("apply_patch")),
    }
    if web_search != WebSearchMode::Disabled && !is_chat {
        let external_web_access = web_search == WebSearchMode::Live;
        let search = WebSearch { r#type: "web_search", external_web_access };
        tools.extend(serde_json::value::to_raw_value(&search));
    }
    if context.settings.config.tools_view_image && context.model_info.supports_images {
        tools.push(tool!("view_image"));
    }
    if agents::is_on(context) {
        tools.extend([
            tool!("spawn_agent"),
            tool!("send_input"),
            tool!("wait_agent"),
            tool!("close_agent"),
            tool!("resume_agent"),
        ]);
    }
    if goal::is_on(context) {
        tools.extend([tool!("get_goal"), tool!("create_goal"), tool!("update_goal")]);
    }
    tools.extend_from_slice(context.thread.mcp.table().specs());
    for tool in context.thread.dynamic_tools.iter() {
        let tool = json!({
            "type": "function",
            "name": tool.full_name(),
            "description": tool.description,
            "strict": false,
            "parameters": sanitized(tool.input_schema.clone()),
        });
        tools.extend(serde_json::value::to_raw_value(&tool));
    }
    tools
}

/// A schema in the subset that models take: every level has one known type, objects have properties and lists have items
/// (tools specification 2).
pub(crate) fn sanitized(schema: Value) -> Value {
    let Value::Object(mut schema) = schema else {
        // `true` and the like allow anything, for which there is no word.
        return json!({ "type": "string" });
    };
    for key in ["properties", "$defs", "definitions"] {
        if let Some(Value::Object(members)) = schema.get_mut(key) {
            members.values_mut().for_each(|member| *member = sanitized(member.take()));
        }
    }
    if let Some(items) = schema.get_mut("items") {
        *items = sanitized(items.take());
    }
    for key in ["oneOf", "anyOf", "allOf", "prefixItems"] {
        if let Some(Value::Array(members)) = schema.get_mut(key) {
            members.iter_mut().for_each(|member| *member = sanitized(member.take()));
        }
    }
    if let Some(additional) = schema.get_mut("additionalProperties").filter(|value| value.is_object()) {
        *additional = sanitized(additional.take());
    }
    let known = |kind: &Value| match kind.as_str()? {
        "integer" | "number" => Some("number"),
        "object" => Some("object"),
        "array" => Some("array"),
        "string" => Some("string"),
        "boolean" => Some("boolean"),
        _ => None,
    };
    let stated = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().find_map(known),
        Some(kind) => known(kind),
        None => None,
    };
    let has = |keys: &[&str]| keys.iter().any(|key| schema.contains_key(*key));
    let kind = stated.unwrap_or_else(|| match () {
        () if has(&["properties", "required", "additionalProperties"]) => "object",
        () if has(&["items", "prefixItems"]) => "array",
        () if has(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]) => "number",
        () => "string",
    });
    schema.insert("type".to_owned(), kind.into());
    match kind {
        "object" => _ = schema.entry("properties").or_insert_with(|| json!({})),
        "array" => _ = schema.entry("items").or_insert_with(|| json!({ "type": "string" })),
        _ => {}
    }
    Value::Object(schema)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_json_and_says_what_it_is() {
        let tools = [
            tool!("shell"),
            tool!("shell_command"),
            tool!("exec_command"),
            tool!("write_stdin"),
            tool!("update_plan"),
            tool!("request_user_input"),
            tool!("apply_patch_freeform"),
            tool!("apply_patch"),
            tool!("view_image"),
            tool!("spawn_agent"),
            tool!("send_input"),
            tool!("wait_agent"),
            tool!("close_agent"),
            tool!("resume_agent"),
            tool!("get_goal"),
            tool!("create_goal"),
            tool!("update_goal"),
            tool!("list_mcp_resources"),
            tool!("list_mcp_resource_templates"),
            tool!("read_mcp_resource"),
        ];
        for tool in tools {
            let value: Value = serde_json::from_str(tool.get()).unwrap();
            assert!(value["description"].as_str().unwrap().len() > 40, "{value}");
            if value["type"] == "function" {
                let required = value["parameters"]["required"].as_array().unwrap();
                let properties = value["parameters"]["properties"].as_object().unwrap();
                assert!(required.iter().all(|name| properties.contains_key(name.as_str().unwrap())));
            }
        }
    }

    #[test]
    fn schemas_of_clients_are_brought_into_the_form_models_take() {
        let check = |schema: Value, expected: Value| assert_eq!(sanitized(schema), expected);
        check(
            json!({ "properties": { "a": { "type": "integer" }, "b": { "enum": ["x"] }, "c": true } }),
            json!({
                "properties": {
                    "a": { "type": "number" },
                    "b": { "enum": ["x"], "type": "string" },
                    "c": { "type": "string" },
                },
                "type": "object",
            }),
        );
        check(
            json!({ "type": ["null", "array"] }),
            json!({ "type": "array", "items": { "type": "string" } }),
        );
        check(json!({ "minimum": 1 }), json!({ "minimum": 1, "type": "number" }));
        check(json!({ "type": "object" }), json!({ "type": "object", "properties": {} }));
    }
}
