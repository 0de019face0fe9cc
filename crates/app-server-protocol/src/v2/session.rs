//! The handshake that opens a connection (wire specification 2).
#![allow(
    missing_docs,
    reason = "a field is named as on the wire; what is not plain from its name has a comment"
)]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use super::common::AbsolutePathBuf;
use super::compat;

/// Who connects. Written into `userAgent` and into the threads this client makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields = nullable)]
pub struct ClientInfo {
    /// A short technical name, for example `my-editor`. It is sent in HTTP headers, so control characters
    /// are refused.
    pub name: String,
    /// The name as a person would write it; not interpreted.
    #[serde(default)]
    pub title: Option<String>,
    pub version: String,
}

/// What the client can do or wants. Everything defaults to off.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields = nullable)]
pub struct InitializeCapabilities {
    /// Opens methods and fields that are not part of the stable schema.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub experimental_api: bool,
    /// Accepted and without effect.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub explicit_gateway_oauth: bool,
    /// Accepted and without effect.
    #[serde(default)]
    pub extensions: Option<BTreeMap<String, Value>>,
    /// Accepted and without effect.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub mcp_server_openai_form_elicitation: bool,
    /// Exact names of notifications not to send on this connection. Unknown names are ignored; requests and
    /// answers cannot be switched off.
    #[serde(default)]
    pub opt_out_notification_methods: Option<Vec<String>>,
    /// Accepted and without effect.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub request_attestation: bool,
    /// Accepted and without effect.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub required_human_approval: bool,
}

/// The first request of every connection; any other before it is refused, and so is a second one. Malformed
/// params do not count, the client may try again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(optional_fields = nullable)]
pub struct InitializeParams {
    #[serde(default)]
    pub capabilities: Option<InitializeCapabilities>,
    pub client_info: ClientInfo,
}

/// Who answers. The client then sends the notification `initialized`; the server does not wait for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub struct InitializeResponse {
    /// The folder of configuration, credentials and threads.
    pub codex_home: AbsolutePathBuf,
    /// `unix` or `windows`.
    pub platform_family: String,
    /// `linux`, `macos` or `windows`.
    pub platform_os: String,
    /// `<client name>/<protocol level> (<os> <version>; <arch>) ...`. The version behind the first slash is
    /// the level of the protocol, not of the product.
    pub user_agent: String,
}
