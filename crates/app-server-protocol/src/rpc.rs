//! The JSON-RPC envelope without the `jsonrpc` member: request ids, the borrowed incoming message, error objects,
//! and the owned message types of the schema. Nothing here knows a method.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use ts_rs::TS;

/// The id of a request: a string or a signed 64-bit integer, echoed with its JSON type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, TS)]
#[serde(untagged)]
pub enum RequestId {
    /// A string id.
    String(String),
    /// An integer id.
    Integer(i64),
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RequestId::String(id) => f.write_str(id),
            RequestId::Integer(id) => write!(f, "{id}"),
        }
    }
}

/// Standard and borrowed error codes (wire specification 1.6).
pub mod code {
    /// Parse failures, unknown ids, wrong state: by far the most common.
    pub const INVALID_REQUEST: i64 = -32600;
    /// Only where a store cannot page items; clients also read it in their own error replies.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// Params that parse but contradict each other.
    pub const INVALID_PARAMS: i64 = -32602;
    /// I/O, spawn, backend and configuration failures.
    pub const INTERNAL_ERROR: i64 = -32603;
}

/// The error object of a reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[schemars(rename = "JSONRPCErrorError")]
#[ts(rename = "JSONRPCErrorError")]
pub struct RpcError {
    /// One of [`code`], or what a client chose.
    pub code: i64,
    /// What a program may look at, where a method defines it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub data: Option<Value>,
    /// What a person reads.
    pub message: String,
}

impl RpcError {
    /// An error without data.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        RpcError { code, data: None, message: message.into() }
    }

    /// The everyday refusal, -32600.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(code::INVALID_REQUEST, message)
    }

    /// Something of ours or of the system failed, -32603.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(code::INTERNAL_ERROR, message)
    }
}

/// Params of a method that takes none: a missing member, null and any object are all accepted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct NoParams;

impl<'de> Deserialize<'de> for NoParams {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| NoParams)
    }
}

impl JsonSchema for NoParams {
    fn schema_name() -> Cow<'static, str> {
        "null".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        <()>::json_schema(generator)
    }
}

/// One incoming message, borrowed from its line; `params` and `result` are parsed once, by whoever knows their type.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// `method` and `id`.
    Request {
        /// Echoed in the answer.
        id: RequestId,
        /// The method's name, known or not.
        method: Cow<'a, str>,
        /// As sent, if sent.
        params: Option<&'a RawValue>,
    },
    /// `method` alone.
    Notification {
        /// The method's name, known or not.
        method: Cow<'a, str>,
    },
    /// `id` and `result`: the answer to one of our requests.
    Response {
        /// Ours, if the client behaves.
        id: RequestId,
        /// As sent.
        result: &'a RawValue,
    },
    /// `id` and `error`: a refusal of one of our requests.
    Error {
        /// Ours, if the client behaves.
        id: RequestId,
        /// What the client said.
        error: RpcError,
    },
}

/// Why a line is not a message. It is logged and dropped; the connection goes on (wire specification 1.5).
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// Not JSON, not an object, or a member of the wrong type.
    #[error("not a message: {0}")]
    Malformed(#[from] serde_json::Error),
    /// An object with none of the four combinations of members.
    #[error("an object with neither a method nor a result nor an error")]
    Shapeless,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    id: Member<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
    #[serde(borrow, default)]
    result: Member<&'a RawValue>,
    #[serde(default)]
    error: Option<LenientError>,
}

/// An error as clients write it: some leave out the code or the text, and a refusal that is not understood would
/// leave whoever waits for it waiting.
#[derive(Deserialize)]
struct LenientError {
    #[serde(default)]
    code: Option<i64>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    data: Option<Value>,
}

impl From<LenientError> for RpcError {
    fn from(error: LenientError) -> Self {
        RpcError {
            code: error.code.unwrap_or(code::INTERNAL_ERROR),
            data: error.data,
            message: error.message.unwrap_or_default(),
        }
    }
}

/// A member that may be missing, told apart from one that is null.
#[derive(Default)]
enum Member<T> {
    #[default]
    Missing,
    Present(T),
}

impl<'de: 'a, 'a> Deserialize<'de> for Member<&'a RawValue> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(Member::Present)
    }
}

impl<'a> Incoming<'a> {
    /// Reads one line.
    ///
    /// # Errors
    /// [`EnvelopeError`] for whatever is not one of the four kinds of message.
    pub fn parse(line: &'a [u8]) -> Result<Self, EnvelopeError> {
        if line.trim_ascii_start().starts_with(b"[") {
            // Serde would take the members of a struct from an array, one after the other.
            return Err(EnvelopeError::Malformed(serde::de::Error::custom(
                "an array, and batches are not supported",
            )));
        }
        let envelope: Envelope<'a> = serde_json::from_slice(line)?;
        let id = match envelope.id {
            Member::Missing => None,
            Member::Present(raw) => Some(serde_json::from_str::<RequestId>(raw.get())?),
        };
        match (envelope.method, id, envelope.error, envelope.result) {
            (Some(method), Some(id), _, _) => Ok(Incoming::Request { id, method, params: envelope.params }),
            (Some(method), None, _, _) => Ok(Incoming::Notification { method }),
            (None, Some(id), Some(error), _) => Ok(Incoming::Error { id, error: error.into() }),
            (None, Some(id), None, Member::Present(result)) => Ok(Incoming::Response { id, result }),
            _ => Err(EnvelopeError::Shapeless),
        }
    }
}

/// The W3C trace of a request. Accepted and ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
pub struct W3cTraceContext {
    /// The `traceparent` header.
    #[serde(default)]
    pub traceparent: Option<String>,
    /// The `tracestate` header.
    #[serde(default)]
    pub tracestate: Option<String>,
}

/// A request as a message of the schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[schemars(rename = "JSONRPCRequest")]
#[ts(rename = "JSONRPCRequest")]
pub struct JsonRpcRequest {
    /// Chosen by the asker.
    pub id: RequestId,
    /// The method's name.
    pub method: String,
    /// The method's params.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub params: Option<Value>,
    /// The caller's trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub trace: Option<W3cTraceContext>,
}

/// A notification as a message of the schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[schemars(rename = "JSONRPCNotification")]
#[ts(rename = "JSONRPCNotification")]
pub struct JsonRpcNotification {
    /// The method's name.
    pub method: String,
    /// The method's params.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub params: Option<Value>,
}

/// An answer as a message of the schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[schemars(rename = "JSONRPCResponse")]
#[ts(rename = "JSONRPCResponse")]
pub struct JsonRpcResponse {
    /// The id of the request.
    pub id: RequestId,
    /// The method's result.
    pub result: Value,
}

/// A refusal as a message of the schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[schemars(rename = "JSONRPCError")]
#[ts(rename = "JSONRPCError")]
pub struct JsonRpcError {
    /// What went wrong.
    pub error: RpcError,
    /// The id of the request.
    pub id: RequestId,
}

/// Any message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(untagged)]
#[schemars(rename = "JSONRPCMessage")]
#[ts(rename = "JSONRPCMessage")]
pub enum JsonRpcMessage {
    /// A request.
    Request(JsonRpcRequest),
    /// A notification.
    Notification(JsonRpcNotification),
    /// An answer.
    Response(JsonRpcResponse),
    /// A refusal.
    Error(JsonRpcError),
}
