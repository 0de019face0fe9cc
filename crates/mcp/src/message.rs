//! JSON from a server to the library's messages, and results back to JSON.
//!
//! The library reads a result as the first of twenty shapes that fits, so that a result with a member it does not know can
//! become the wrong one. All results but that of the handshake therefore pass through it unread.

use rmcp::model::{
    CustomRequest, CustomResult, ErrorData, InitializeResult, RequestId, ServerJsonRpcMessage, ServerRequest,
    ServerResult,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// The request that is never read into the library's types, because its schemas are more than they hold.
pub(crate) const ELICITATION: &str = "elicitation/create";

/// The largest message that is taken from a server, in bytes.
pub(crate) const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// Reads a message. `initialize` says whether a response is the one of the handshake. None: it is no message, or one
/// nobody waits for.
pub(crate) fn decode(
    mut message: Value,
    initialize: impl FnOnce(&RequestId) -> bool,
) -> Option<ServerJsonRpcMessage> {
    let object = message.as_object_mut()?;
    let id = object.get("id").and_then(|id| RequestId::deserialize(id).ok());
    if let Some(method) = object.get("method").and_then(Value::as_str) {
        return match id {
            Some(id) if method == ELICITATION => {
                let request = CustomRequest::new(ELICITATION, object.remove("params"));
                Some(ServerJsonRpcMessage::request(ServerRequest::CustomRequest(request), id))
            }
            _ => serde_json::from_value(message).ok(),
        };
    }
    // A response without an id belongs to nobody.
    let id = id?;
    if let Some(result) = object.remove("result") {
        if !initialize(&id) {
            return Some(ServerJsonRpcMessage::response(CustomResult(result).into(), id));
        }
        return Some(match serde_json::from_value::<InitializeResult>(result) {
            Ok(result) => ServerJsonRpcMessage::response(result.into(), id),
            Err(error) => failure(id, format!("the answer to initialize cannot be read: {error}")),
        });
    }
    let error = object.remove("error").unwrap_or_default();
    Some(match serde_json::from_value::<ErrorData>(error) {
        Ok(error) => ServerJsonRpcMessage::error(error, Some(id)),
        Err(_) => failure(id, "the answer is neither a result nor an error".to_owned()),
    })
}

/// Returns an answer of ours to a request the server answered with something that cannot be used.
pub(crate) fn failure(id: RequestId, words: String) -> ServerJsonRpcMessage {
    ServerJsonRpcMessage::error(ErrorData::internal_error(words, None), Some(id))
}

/// Rewrites a message the library will read by itself so that it cannot misread it: a result becomes a string, which fits
/// only the shape that is kept as it is. [`result`] undoes it.
pub(crate) fn disguised(message: String) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(&message) else { return message };
    let Some(object) = value.as_object_mut().filter(|object| !object.contains_key("method")) else {
        return message;
    };
    let Some(id) = object.remove("id") else { return message };
    match (object.remove("result"), object.remove("error")) {
        (Some(result), _) => json!({"jsonrpc": "2.0", "id": id, "result": result.to_string()}),
        (None, Some(error)) if ErrorData::deserialize(&error).is_ok() => {
            json!({"jsonrpc": "2.0", "id": id, "error": error})
        }
        (None, _) => {
            let words = "the answer is neither a result nor an error";
            json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32603, "message": words}})
        }
    }
    .to_string()
}

/// Returns a result as the server sent it.
pub(crate) fn result(result: ServerResult) -> Value {
    match result {
        ServerResult::CustomResult(CustomResult(Value::String(disguised))) => {
            serde_json::from_str(&disguised).unwrap_or(Value::String(disguised))
        }
        ServerResult::CustomResult(CustomResult(value)) => value,
        other => serde_json::to_value(other).unwrap_or_default(),
    }
}

/// Finds the id of a response of which only the beginning and the end are known. Some servers write the id first, some last.
pub(crate) fn id_of_fragments(head: &[u8], tail: &[u8]) -> Option<RequestId> {
    #[derive(Deserialize)]
    struct Identified {
        id: RequestId,
    }
    let head = String::from_utf8_lossy(head);
    let tail = String::from_utf8_lossy(tail);
    let identified =
        |text: &str| serde_json::from_str::<Identified>(text).ok().map(|identified| identified.id);
    let first = head
        .find("\"result\"")
        .and_then(|end| identified(&format!("{}}}", head[..end].trim_end().trim_end_matches(','))));
    first.or_else(|| tail.rfind("\"id\"").and_then(|start| identified(&format!("{{{}", &tail[start..]))))
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use rmcp::model::NumberOrString;

    use super::*;

    const NEVER: fn(&RequestId) -> bool = |_| false;

    #[test]
    fn a_result_nobody_knows_stays_as_it_is() {
        let sent = json!({"content": [{"type": "hologram", "data": 1}], "isError": false});
        let message = json!({"jsonrpc": "2.0", "id": 7, "result": sent});
        let Some(ServerJsonRpcMessage::Response(response)) = decode(message.clone(), NEVER) else { panic!() };
        assert_eq!(response.id, NumberOrString::Number(7));
        assert_eq!(result(response.result), sent);

        let read: ServerJsonRpcMessage = serde_json::from_str(&disguised(message.to_string())).unwrap();
        let ServerJsonRpcMessage::Response(response) = read else { panic!() };
        assert_eq!(result(response.result), sent);
    }

    #[test]
    fn an_answer_that_is_none_is_an_error_of_its_request() {
        for bad in [
            json!({"jsonrpc": "2.0", "id": 1}),
            json!({"jsonrpc": "2.0", "id": 1, "error": "no"}),
            json!({"jsonrpc": "2.0", "id": 1, "error": {"message": 3}}),
        ] {
            let read: ServerJsonRpcMessage = serde_json::from_str(&disguised(bad.to_string())).unwrap();
            for message in [decode(bad, NEVER).unwrap(), read] {
                let ServerJsonRpcMessage::Error(error) = message else { panic!() };
                assert_eq!(error.error.message, "the answer is neither a result nor an error");
            }
        }
        let handshake = json!({"jsonrpc": "2.0", "id": 0, "result": {"protocolVersion": 3}});
        assert!(matches!(decode(handshake, |_| true), Some(ServerJsonRpcMessage::Error(_))));
    }

    #[test]
    fn requests_and_notifications_stay_what_they_are() {
        let request = json!({"jsonrpc": "2.0", "id": "a", "method": ELICITATION,
                             "params": {"message": "?", "requestedSchema": {"odd": [1]}}});
        let Some(ServerJsonRpcMessage::Request(read)) = decode(request.clone(), NEVER) else { panic!() };
        let ServerRequest::CustomRequest(read) = read.request else { panic!() };
        assert_eq!(read.params.as_ref(), request.get("params"));
        assert_eq!(disguised(request.to_string()), request.to_string());
        let changed = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
        assert!(matches!(decode(changed, NEVER), Some(ServerJsonRpcMessage::Notification(_))));
        for nothing in [json!(3), json!([]), json!({"result": {}}), json!({})] {
            assert!(decode(nothing, NEVER).is_none());
        }
    }

    #[test]
    fn an_id_is_found_at_either_end() {
        let found = |head: &str, tail: &str| id_of_fragments(head.as_bytes(), tail.as_bytes());
        let id = Some(NumberOrString::Number(12));
        assert_eq!(found(r#"{"jsonrpc":"2.0","id":12,"result":{"content":[{"te"#, "xxx"), id);
        assert_eq!(found(r#"{"result":{"content":[{"#, r#"xxx"}]},"jsonrpc":"2.0","id":12}"#), id);
        assert_eq!(found(r#"{"result":{"content":[{"id":3"#, r#"xxx","id":4}]}}"#), None);
        assert_eq!(found("{", "}"), None);
    }
}
