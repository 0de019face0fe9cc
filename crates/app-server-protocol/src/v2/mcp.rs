//! Servers of the Model Context Protocol: their state, their tools and resources, signing in to them, and
//! their questions to the user (wire specification 8.3 and 16). Tools and resources have the shape MCP
//! gives them.
#![allow(
    missing_docs,
    reason = "a field is named as on the wire; what is not plain from its name has a comment"
)]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

/// Asks for the configured MCP servers and what they offer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ListMcpServerStatusParams {
    #[serde(default)]
    pub cursor: Option<String>,
    /// `full` when absent.
    #[serde(default)]
    pub detail: Option<McpServerStatusDetail>,
    /// At most this many servers.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Only this one.
    #[serde(default)]
    pub server_name: Option<String>,
    /// As they stand in this thread; null: connections are made for the answer.
    #[serde(default)]
    pub thread_id: Option<String>,
}

/// A page of MCP servers, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ListMcpServerStatusResponse {
    pub data: Vec<McpServerStatus>,
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// How a tool's own user interface is shown.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum McpAppDisplayMode {
    Inline,
    Fullscreen,
}

/// A user interface that an MCP server has for one of its tools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpAppUi {
    pub preferred_model_display_mode: McpAppDisplayMode,
    pub resource_uri: String,
}

/// How requests to an MCP server are authorised. `unsupported`: it asks for no login.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum McpAuthStatus {
    Unknown,
    Unsupported,
    NotLoggedIn,
    BearerToken,
    OAuth,
}

/// The word `array`.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum McpElicitationArrayType {
    Array,
}

/// A field for yes or no.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpElicitationBooleanSchema {
    #[serde(default)]
    pub default: Option<bool>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub title: Option<String>,
    pub r#type: McpElicitationBooleanType,
}

/// The word `boolean`.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum McpElicitationBooleanType {
    Boolean,
}

/// One choice with its display text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpElicitationConstOption {
    pub r#const: String,
    pub title: String,
}

/// A field for one or several of given choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(untagged)]
#[ts(export_to = "v2/")]
pub enum McpElicitationEnumSchema {
    SingleSelectEnum(McpElicitationSingleSelectEnumSchema),
    MultiSelectEnum(McpElicitationMultiSelectEnumSchema),
    LegacyTitledEnum(McpElicitationLegacyTitledEnumSchema),
}

/// A field for one of given choices, display texts beside them: older form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpElicitationLegacyTitledEnumSchema {
    #[serde(default)]
    pub default: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    pub r#enum: Vec<String>,
    #[serde(default)]
    pub enum_names: Option<Vec<String>>,
    #[serde(default)]
    pub title: Option<String>,
    pub r#type: McpElicitationStringType,
}

/// A field for several of given choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(untagged)]
#[ts(export_to = "v2/")]
pub enum McpElicitationMultiSelectEnumSchema {
    UntitledMultiSelectEnum(McpElicitationUntitledMultiSelectEnumSchema),
    TitledMultiSelectEnum(McpElicitationTitledMultiSelectEnumSchema),
}

/// A field for a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpElicitationNumberSchema {
    #[serde(default)]
    pub default: Option<f64>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub maximum: Option<f64>,
    #[serde(default)]
    pub minimum: Option<f64>,
    #[serde(default)]
    pub title: Option<String>,
    pub r#type: McpElicitationNumberType,
}

/// Whether fractions are allowed.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum McpElicitationNumberType {
    Number,
    Integer,
}

/// The word `object`.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum McpElicitationObjectType {
    Object,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(untagged)]
#[ts(export_to = "v2/")]
pub enum McpElicitationPrimitiveSchema {
    Enum(McpElicitationEnumSchema),
    String(McpElicitationStringSchema),
    Number(McpElicitationNumberSchema),
    Boolean(McpElicitationBooleanSchema),
}

/// A form: its fields and which of them must be filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpElicitationSchema {
    #[serde(rename = "$schema", default)]
    pub _schema: Option<String>,
    pub properties: BTreeMap<String, McpElicitationPrimitiveSchema>,
    #[serde(default)]
    pub required: Option<Vec<String>>,
    pub r#type: McpElicitationObjectType,
}

/// A field for one of given choices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(untagged)]
#[ts(export_to = "v2/")]
pub enum McpElicitationSingleSelectEnumSchema {
    UntitledSingleSelectEnum(McpElicitationUntitledSingleSelectEnumSchema),
    TitledSingleSelectEnum(McpElicitationTitledSingleSelectEnumSchema),
}

/// What a text has to be.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export_to = "v2/")]
pub enum McpElicitationStringFormat {
    Email,
    Uri,
    Date,
    DateTime,
}

/// A field for a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpElicitationStringSchema {
    #[serde(default)]
    pub default: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub format: Option<McpElicitationStringFormat>,
    /// In characters.
    #[serde(default)]
    pub max_length: Option<u32>,
    /// In characters.
    #[serde(default)]
    pub min_length: Option<u32>,
    #[serde(default)]
    pub title: Option<String>,
    pub r#type: McpElicitationStringType,
}

/// The word `string`.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum McpElicitationStringType {
    String,
}

/// Choices with display texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpElicitationTitledEnumItems {
    pub any_of: Vec<McpElicitationConstOption>,
}

/// A field for several of given choices with display texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpElicitationTitledMultiSelectEnumSchema {
    #[serde(default)]
    pub default: Option<Vec<String>>,
    #[serde(default)]
    pub description: Option<String>,
    pub items: McpElicitationTitledEnumItems,
    #[serde(default)]
    pub max_items: Option<u64>,
    #[serde(default)]
    pub min_items: Option<u64>,
    #[serde(default)]
    pub title: Option<String>,
    pub r#type: McpElicitationArrayType,
}

/// A field for one of given choices with display texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpElicitationTitledSingleSelectEnumSchema {
    #[serde(default)]
    pub default: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    pub one_of: Vec<McpElicitationConstOption>,
    #[serde(default)]
    pub title: Option<String>,
    pub r#type: McpElicitationStringType,
}

/// Choices that are their own display texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpElicitationUntitledEnumItems {
    pub r#enum: Vec<String>,
    pub r#type: McpElicitationStringType,
}

/// A field for several of given choices that are their own display texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpElicitationUntitledMultiSelectEnumSchema {
    #[serde(default)]
    pub default: Option<Vec<String>>,
    #[serde(default)]
    pub description: Option<String>,
    pub items: McpElicitationUntitledEnumItems,
    #[serde(default)]
    pub max_items: Option<u64>,
    #[serde(default)]
    pub min_items: Option<u64>,
    #[serde(default)]
    pub title: Option<String>,
    pub r#type: McpElicitationArrayType,
}

/// A field for one of given choices that are their own display texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpElicitationUntitledSingleSelectEnumSchema {
    #[serde(default)]
    pub default: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    pub r#enum: Vec<String>,
    #[serde(default)]
    pub title: Option<String>,
    pub r#type: McpElicitationStringType,
}

/// Asks an MCP server for a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct McpResourceReadParams {
    #[serde(rename = "_meta", default)]
    pub meta: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    pub connector_id: Option<String>,
    #[serde(default)]
    pub origin_call_id: Option<String>,
    pub server: String,
    #[serde(default)]
    pub target: Option<McpResourceReadTarget>,
    /// Through this thread's connection; null: one made for it.
    #[serde(default)]
    pub thread_id: Option<String>,
    pub uri: String,
}

/// The content of a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpResourceReadResponse {
    pub contents: Vec<ResourceContent>,
    #[serde(default)]
    pub origin_call_id: Option<String>,
}

/// Which connection of a connector is meant. Accepted and without effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct McpResourceReadTarget {
    pub connector_id: String,
    #[schemars(extend("x-required" = true))]
    pub link_id: Option<String>,
}

/// How the connection to an MCP server stands.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum McpServerConnectionStatus {
    NotStarted,
    Starting,
    Connected,
    AuthenticationRequired,
    Failed,
    Cancelled,
    Disabled,
}

/// What the user did with a question: answered, refused, or closed it.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum McpServerElicitationAction {
    Accept,
    Decline,
    Cancel,
}

/// An MCP server wants to know something from the user. An error as answer, or the end of the turn, counts
/// as `cancel`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpServerElicitationRequestParams {
    pub server_name: String,
    pub thread_id: String,
    /// Null when no turn is running.
    #[serde(default)]
    pub turn_id: Option<String>,
    #[serde(flatten)]
    pub request: McpElicitationRequest,
}

/// The question itself; part of [`McpServerElicitationRequestParams`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "mode", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum McpElicitationRequest {
    /// Ask the user to fill in a form.
    Form {
        #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
        meta: Option<Value>,
        message: String,
        requested_schema: McpElicitationSchema,
    },
    /// A form with an extension of its schema.
    #[serde(rename = "openai/form")]
    VendorForm {
        #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
        meta: Option<Value>,
        message: String,
        requested_schema: Value,
    },
    /// The same under its older name.
    #[serde(rename = "openaiForm")]
    VendorFormOld {
        #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
        meta: Option<Value>,
        message: String,
        requested_schema: Value,
    },
    /// Ask the user to open a page and come back.
    Url {
        #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
        meta: Option<Value>,
        elicitation_id: String,
        message: String,
        url: String,
    },
}

/// The user's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct McpServerElicitationRequestResponse {
    #[serde(rename = "_meta", default)]
    pub meta: Option<Value>,
    pub action: McpServerElicitationAction,
    /// The fields of the form by name, with `accept`; null otherwise.
    #[serde(default)]
    pub content: Option<Value>,
}

/// What an MCP server says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub struct McpServerInfo {
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub icons: Option<Vec<Value>>,
    pub name: String,
    #[serde(default)]
    pub title: Option<String>,
    pub version: String,
    #[serde(default)]
    pub website_url: Option<String>,
}

/// How to register with an MCP server's login service.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum McpServerOauthClientRegistration {
    Auto,
    Cimd,
    Dcr,
}

/// Sent with `mcpServer/oauthLogin/completed` when signing in to an MCP server ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpServerOauthLoginCompletedNotification {
    /// Null on success.
    #[serde(default)]
    pub error: Option<String>,
    #[serde(default)]
    pub login_id: Option<String>,
    pub name: String,
    pub success: bool,
    #[serde(default)]
    pub thread_id: Option<String>,
}

/// Signs in to an MCP server that is reached over HTTP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct McpServerOauthLoginParams {
    #[serde(default)]
    pub client_registration: Option<McpServerOauthClientRegistration>,
    pub name: String,
    /// Null: those of the configuration.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    #[serde(default)]
    pub thread_id: Option<String>,
    /// In seconds.
    #[serde(default)]
    pub timeout_secs: Option<i64>,
}

/// Where the user is to sign in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpServerOauthLoginResponse {
    /// To be opened in a browser on the machine the server runs on.
    pub authorization_url: String,
    #[serde(default)]
    pub login_id: Option<String>,
}

/// Empty: loaded threads use the new MCP configuration from their next turn on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct McpServerRefreshResponse {}

/// Why an MCP server did not start, where a client can do something about it.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum McpServerStartupFailureReason {
    ReauthenticationRequired,
}

/// How the start of an MCP server goes.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum McpServerStartupState {
    Starting,
    Ready,
    Failed,
    Cancelled,
}

/// A configured MCP server and what it offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpServerStatus {
    pub auth_status: McpAuthStatus,
    /// For one reached over HTTP.
    #[serde(default)]
    pub http_origin: Option<String>,
    pub name: String,
    #[serde(default)]
    pub plugin_id: Option<String>,
    pub resource_templates: Vec<ResourceTemplate>,
    pub resources: Vec<Resource>,
    /// Null when no connection was tried.
    #[serde(default)]
    pub runtime_status: Option<McpServerConnectionStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub server_capabilities: Option<Value>,
    /// Null until connected.
    #[serde(default)]
    pub server_info: Option<McpServerInfo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub tool_list_meta: Option<Value>,
    /// By name.
    pub tools: BTreeMap<String, Tool>,
    /// Why its tools could not be listed.
    #[serde(default)]
    pub tools_error: Option<String>,
}

/// How much is asked of each server: `toolsAndAuthOnly` leaves resources out.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum McpServerStatusDetail {
    Full,
    ToolsAndAuthOnly,
}

/// Sent with `mcpServer/startupStatus/updated` while MCP servers start. One that fails does not stop the
/// thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpServerStatusUpdatedNotification {
    /// Set when `status` is `failed`.
    #[serde(default)]
    pub error: Option<String>,
    #[serde(default)]
    pub failure_reason: Option<McpServerStartupFailureReason>,
    pub name: String,
    pub status: McpServerStartupState,
    #[serde(default)]
    pub thread_id: Option<String>,
}

/// Calls a tool of an MCP server for the client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct McpServerToolCallParams {
    #[serde(rename = "_meta", default)]
    pub meta: Option<Value>,
    /// A JSON object, checked by the server it goes to.
    #[serde(default)]
    pub arguments: Option<Value>,
    pub server: String,
    pub thread_id: String,
    pub tool: String,
}

/// What the tool gave; a tool's own failure is a result with `isError`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpServerToolCallResponse {
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub meta: Option<Value>,
    pub content: Vec<Value>,
    #[serde(default)]
    pub is_error: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub structured_content: Option<Value>,
}

/// Which app a tool belongs to. Never set by this server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpToolCallAppContext {
    #[serde(default)]
    pub action_name: Option<String>,
    #[serde(default)]
    pub app_name: Option<String>,
    pub connector_id: String,
    #[serde(default)]
    pub link_id: Option<String>,
    #[serde(default)]
    pub resource_uri: Option<String>,
}

/// Why a tool call got no answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpToolCallError {
    pub message: String,
}

/// Sent with `item/mcpToolCall/progress` when an MCP server reports progress of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpToolCallProgressNotification {
    pub item_id: String,
    pub message: String,
    pub thread_id: String,
    pub turn_id: String,
}

/// What a tool gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct McpToolCallResult {
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub meta: Option<Value>,
    pub content: Vec<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub structured_content: Option<Value>,
}

/// How a tool call stands.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum McpToolCallStatus {
    InProgress,
    Completed,
    Failed,
}

/// A resource an MCP server offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub meta: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub annotations: Option<Value>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub icons: Option<Vec<Value>>,
    #[serde(default)]
    pub mime_type: Option<String>,
    pub name: String,
    /// In bytes.
    #[serde(default)]
    pub size: Option<i64>,
    #[serde(default)]
    pub title: Option<String>,
    pub uri: String,
}

/// The content of an MCP resource: text or base64 bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum ResourceContent {
    Text {
        uri: String,
        #[serde(default)]
        mime_type: Option<String>,
        text: String,
        #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
        meta: Option<Value>,
    },
    Blob {
        uri: String,
        #[serde(default)]
        mime_type: Option<String>,
        blob: String,
        #[serde(default, rename = "_meta", skip_serializing_if = "Option::is_none")]
        meta: Option<Value>,
    },
}

/// A pattern of resources an MCP server offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub struct ResourceTemplate {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub annotations: Option<Value>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub mime_type: Option<String>,
    pub name: String,
    #[serde(default)]
    pub title: Option<String>,
    /// As in RFC 6570.
    pub uri_template: String,
}

/// A tool an MCP server offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub struct Tool {
    #[serde(rename = "_meta", default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub meta: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub annotations: Option<Value>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub icons: Option<Vec<Value>>,
    /// JSON Schema of the arguments.
    pub input_schema: Value,
    pub name: String,
    /// JSON Schema of the structured result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub output_schema: Option<Value>,
    #[serde(default)]
    pub title: Option<String>,
}
