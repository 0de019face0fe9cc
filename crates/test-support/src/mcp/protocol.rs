//! What the server over HTTP says to each message of the protocol.

use serde_json::{Value, json};

/// What becomes of a message.
pub(super) enum Said {
    /// Nothing is to be said.
    Nothing,
    /// One answer.
    Answer(Value),
    /// Messages before the answer; only over a stream of events.
    Told(Vec<Value>, Value),
    /// The client is asked something, and its answer becomes the result.
    Asked(Value),
}

fn result(message: &Value, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": message["id"], "result": result})
}

/// Returns a text as the result of a tool.
pub(super) fn text(message: &Value, text: &str) -> Value {
    result(message, &json!({"content": [{"type": "text", "text": text}]}))
}

/// Returns what is said to a message.
pub(super) fn say(message: &Value) -> Said {
    let params = &message["params"];
    match message["method"].as_str() {
        Some("initialize") => Said::Answer(result(
            message,
            &json!({
                "protocolVersion": params["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "http-server", "version": "4.5.6"},
            }),
        )),
        Some("tools/list") => {
            let tool =
                |name: &str| json!({"name": name, "description": name, "inputSchema": {"type": "object"}});
            let tools = ["echo", "count", "ask"].map(tool);
            Said::Answer(result(message, &json!({"tools": tools})))
        }
        Some("tools/call") => call(message, params),
        Some("ping") => Said::Answer(result(message, &json!({}))),
        Some(method) if message["id"].is_null() => {
            assert!(method.starts_with("notifications/"), "{message}");
            Said::Nothing
        }
        None => Said::Nothing,
        Some(method) => {
            let error = json!({"code": -32601, "message": format!("unknown method {method}")});
            Said::Answer(json!({"jsonrpc": "2.0", "id": message["id"], "error": error}))
        }
    }
}

fn call(message: &Value, params: &Value) -> Said {
    match params["name"].as_str().unwrap_or_default() {
        "echo" => Said::Answer(text(
            message,
            &format!("echo: {}", params["arguments"]["text"].as_str().unwrap_or_default()),
        )),
        "count" => {
            let told = (1..=3).map(|step| {
                let token = &params["_meta"]["progressToken"];
                let params =
                    json!({"progressToken": token, "progress": step, "message": format!("step {step}")});
                json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
            });
            Said::Told(told.collect(), text(message, "counted"))
        }
        "ask" => {
            let schema = json!({"type": "object", "properties": {"sure": {"type": "boolean"}}});
            let params = json!({"message": "Are you sure?", "requestedSchema": schema});
            Said::Asked(
                json!({"jsonrpc": "2.0", "id": "q1", "method": "elicitation/create", "params": params}),
            )
        }
        other => {
            let error = json!({"code": -32602, "message": format!("unknown tool {other}")});
            Said::Answer(json!({"jsonrpc": "2.0", "id": message["id"], "error": error}))
        }
    }
}
