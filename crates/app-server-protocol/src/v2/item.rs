//! Items, the visible parts of a turn, with their deltas and the user's input (wire specification 5 and 6).
#![allow(
    missing_docs,
    reason = "a field is named as on the wire; what is not plain from its name has a comment"
)]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use super::common::{AbsolutePathBuf, LegacyAppPathString};
use super::compat;
use super::mcp::{McpAppUi, McpToolCallAppContext, McpToolCallError, McpToolCallResult, McpToolCallStatus};
use super::model::ReasoningEffort;
use super::response_item::{FunctionCallOutputBody, ResponseItem};
use super::skills::HookPromptFragment;

/// How a message reached the user: `async` when it was sent while the turn went on. Null for an ordinary
/// one.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum AgentMessageDelivery {
    Async,
}

/// Sent with `item/agentMessage/delta` as a message streams. The completed item's text is what counts,
/// should the deltas differ from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct AgentMessageDeltaNotification {
    /// Text to append.
    pub delta: String,
    pub item_id: String,
    pub thread_id: String,
    pub turn_id: String,
}

/// How a provider's moderation wants a message shown. Never set by this server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct AgentMessageDisplay {
    pub action: String,
    #[serde(default)]
    pub block_type: Option<String>,
    #[serde(default)]
    pub check_trusted_contacts: Option<bool>,
    #[serde(default)]
    pub cyber_trusted_access: Option<bool>,
}

/// What a provider's moderation said of a message. Never set by this server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct AgentMessageModeration {
    #[serde(default)]
    pub display: Option<AgentMessageDisplay>,
    pub moderated: bool,
}

/// A question a message puts to the user without stopping the turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct AsyncUserInputQuestion {
    #[serde(default)]
    pub options: Option<Vec<String>>,
    pub title: String,
}

/// A stretch of a text in bytes of its UTF-8 form; `end` is not included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ByteRange {
    pub end: usize,
    pub start: usize,
}

/// How a sub-agent stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct CollabAgentState {
    /// Its last message, or why it failed.
    #[serde(default)]
    pub message: Option<String>,
    pub status: CollabAgentStatus,
}

/// How a sub-agent stands.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum CollabAgentStatus {
    PendingInit,
    Running,
    Interrupted,
    Completed,
    Errored,
    Shutdown,
    NotFound,
}

/// What the agent did with its sub-agents.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum CollabAgentTool {
    SpawnAgent,
    SendInput,
    ResumeAgent,
    Wait,
    CloseAgent,
    SendMessage,
    FollowupTask,
    InterruptAgent,
    ListAgents,
}

/// How a call of a sub-agent tool stands.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum CollabAgentToolCallStatus {
    InProgress,
    Completed,
    Failed,
    Interrupted,
}

/// What a part of a shell line does, for a client that would rather show "read README.md" than the line. A
/// best effort for display: never base a decision on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum CommandAction {
    /// Shows a file.
    Read {
        command: String,
        /// The file's name for display.
        name: String,
        path: LegacyAppPathString,
    },
    /// Lists a folder.
    ListFiles {
        command: String,
        /// Null: the working folder.
        #[serde(default)]
        path: Option<String>,
    },
    /// Searches files.
    Search {
        command: String,
        /// Null: the working folder.
        #[serde(default)]
        path: Option<String>,
        /// Null when it could not be told.
        #[serde(default)]
        query: Option<String>,
    },
    /// Anything else. One such part makes the whole line unknown.
    Unknown { command: String },
}

/// Sent with `item/commandExecution/outputDelta` as a command writes, standard output and error in the
/// order they came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct CommandExecutionOutputDeltaNotification {
    /// Text to append; bytes that are not UTF-8 were replaced.
    pub delta: String,
    pub item_id: String,
    pub thread_id: String,
    pub turn_id: String,
}

/// Who ran a command: the agent, the user with `thread/shellCommand`, or the agent by starting or writing
/// to a terminal session.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum CommandExecutionSource {
    #[default]
    Agent,
    UserShell,
    UnifiedExecStartup,
    UnifiedExecInteraction,
}

/// How a command stands. `failed`: it ended with another exit code than 0, or was cut short. `declined`: it
/// was not run, because approval was refused.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum CommandExecutionStatus {
    InProgress,
    Completed,
    Failed,
    Declined,
}

/// A part of what a client's tool returned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum DynamicToolCallOutputContentItem {
    InputText {
        text: String,
    },
    /// An image; the address may be a `data:` URL.
    InputImage {
        image_url: String,
    },
    /// A sound; the address may be a `data:` URL.
    InputAudio {
        audio_url: String,
    },
}

/// How a call of a client's tool stands.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum DynamicToolCallStatus {
    InProgress,
    Completed,
    Failed,
}

/// A tool inside a namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum DynamicToolNamespaceTool {
    Function {
        /// Leaves the tool out of the model's list until it searches for it.
        #[serde(default, deserialize_with = "compat::null_as_default")]
        #[ts(optional, as = "Option<_>")]
        defer_loading: bool,
        description: String,
        /// JSON Schema of the arguments.
        input_schema: Value,
        name: String,
    },
}

/// A tool the client runs, offered to the model.
///
/// On input a tool without `type` is a function.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum DynamicToolSpec {
    /// A tool called with a JSON object.
    Function {
        /// Leaves the tool out of the model's list until it searches for it.
        #[serde(default, deserialize_with = "compat::null_as_default")]
        #[ts(optional, as = "Option<_>")]
        defer_loading: bool,
        description: String,
        /// JSON Schema of the arguments.
        input_schema: Value,
        /// Letters, digits, `_` and `-`, 128 at most; unique, and not that of a built-in tool.
        name: String,
    },
    /// Tools that belong together.
    Namespace {
        description: String,
        /// Letters, digits, `_` and `-`, 64 at most.
        name: String,
        tools: Vec<DynamicToolNamespaceTool>,
    },
}

/// Declared for older clients and never sent: the `fileChange` item says everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct FileChangeOutputDeltaNotification {
    pub delta: String,
    pub item_id: String,
    pub thread_id: String,
    pub turn_id: String,
}

/// Sent with `item/fileChange/patchUpdated` when the changes of an open item became known in more detail;
/// they replace those before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct FileChangePatchUpdatedNotification {
    pub changes: Vec<FileUpdateChange>,
    pub item_id: String,
    pub thread_id: String,
    pub turn_id: String,
}

/// What happens to one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct FileUpdateChange {
    /// For an added or deleted file its whole text; for an update the hunks of a unified diff without file
    /// header.
    pub diff: String,
    pub kind: PatchChangeKind,
    /// Absolute; for a moved file where it was.
    pub path: String,
}

/// How closely the model looks at an image.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum ImageDetail {
    Auto,
    Low,
    High,
    Original,
}

/// Why no image was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ImageGenerationFailure {
    /// The account's limit for images is reached.
    UsageLimitExceeded {
        limit_id: String,
        /// Unix seconds.
        #[serde(default)]
        resets_at: Option<i64>,
    },
}

/// An image given to the generation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub struct ImageGenerationInputImage {
    pub path: AbsolutePathBuf,
    /// Of the file's content, in hexadecimal.
    pub sha256: String,
}

/// Sent with `item/completed` when an item is done; what it carries is final, whatever the deltas said.
///
/// A message whose stream was cut off or interrupted never completes: forget it when its turn ends, or when
/// the answer is repeated as a new item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ItemCompletedNotification {
    /// Unix milliseconds.
    pub completed_at_ms: i64,
    /// Always null from this server.
    #[serde(default)]
    pub content_token_count: Option<u64>,
    pub item: ThreadItem,
    pub thread_id: String,
    pub turn_id: String,
}

/// Sent with `item/started` when an item begins. Deltas may follow, and then `item/completed`; items of one
/// turn may overlap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ItemStartedNotification {
    pub item: ThreadItem,
    /// Unix milliseconds.
    pub started_at_ms: i64,
    pub thread_id: String,
    pub turn_id: String,
}

/// Which stored memories a message drew on. Never set by this server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct MemoryCitation {
    pub entries: Vec<MemoryCitationEntry>,
    pub thread_ids: Vec<String>,
}

/// One stored memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct MemoryCitationEntry {
    pub line_end: u32,
    pub line_start: u32,
    pub note: String,
    pub path: String,
}

/// Whether a message accompanies the work (`commentary`), is a part of the answer or the whole of it. Null
/// when the model does not say.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum MessagePhase {
    Commentary,
    PartialAnswer,
    FinalAnswer,
}

/// How a change of files stands. `failed`: it could not be applied. `declined`: approval was refused.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum PatchApplyStatus {
    InProgress,
    Completed,
    Failed,
    Declined,
}

/// What happens to a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum PatchChangeKind {
    Add,
    Delete,
    Update {
        /// Where the file is moved to, absolute; null: it stays.
        #[serde(default)]
        move_path: Option<String>,
    },
}

/// Sent with `item/plan/delta` as a proposed plan streams. The completed item's text is what counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct PlanDeltaNotification {
    /// Text to append.
    pub delta: String,
    pub item_id: String,
    pub thread_id: String,
    pub turn_id: String,
}

/// Sent with `rawResponseItem/completed` for each item of the model's history, in a thread started with
/// `experimentalRawEvents`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct RawResponseItemCompletedNotification {
    pub item: ResponseItem,
    pub thread_id: String,
    pub turn_id: String,
}

/// Sent with `item/reasoning/summaryPartAdded` when a new part of the summary begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ReasoningSummaryPartAddedNotification {
    pub item_id: String,
    /// Counts the parts from 0; the index into the item's `summary`.
    pub summary_index: i64,
    pub thread_id: String,
    pub turn_id: String,
}

/// Sent with `item/reasoning/summaryTextDelta` as a part of the summary streams.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ReasoningSummaryTextDeltaNotification {
    /// Text to append.
    pub delta: String,
    pub item_id: String,
    /// Which part.
    pub summary_index: i64,
    pub thread_id: String,
    pub turn_id: String,
}

/// Sent with `item/reasoning/textDelta` as raw reasoning streams; only if the configuration shows it and
/// the provider gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ReasoningTextDeltaNotification {
    /// Which part; the index into the item's `content`.
    pub content_index: i64,
    /// Text to append.
    pub delta: String,
    pub item_id: String,
    pub thread_id: String,
    pub turn_id: String,
}

/// What a sub-agent did.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum SubAgentActivityKind {
    Started,
    Interacted,
    Interrupted,
    Completed,
}

/// Sent with `item/commandExecution/terminalInteraction` when the agent writes to a command that is
/// running.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct TerminalInteractionNotification {
    /// The item that started the command.
    pub item_id: String,
    /// The item's `processId`.
    pub process_id: String,
    /// What was written; empty when the agent only looked for more output.
    pub stdin: String,
    pub thread_id: String,
    pub turn_id: String,
}

/// A stretch of a text input that the client showed as something special, such as a mention. Kept for the
/// client, not shown to the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct TextElement {
    /// Where in the text.
    pub byte_range: ByteRange,
    /// What the client showed instead.
    #[serde(default)]
    pub placeholder: Option<String>,
}

/// One visible part of a turn with the times at which it started and completed (Unix ms).
///
/// The same value is sent in `item/started`, `item/completed` and the turns of a thread, and it is what our
/// rollout lines carry: there is no second event vocabulary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ThreadItem {
    #[serde(flatten)]
    pub kind: ThreadItemKind,
    /// Null where it was not recorded.
    #[serde(default)]
    pub started_at_ms: Option<i64>,
    /// Null while it runs, and where it was not recorded.
    #[serde(default)]
    pub completed_at_ms: Option<i64>,
}

/// What a [`ThreadItem`] is, tagged by `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[allow(
    clippy::large_enum_variant,
    reason = "items are few and short-lived; a box would show in every match on them"
)]
pub enum ThreadItemKind {
    /// What the user said; `content` echoes the input with its defaults filled in.
    UserMessage {
        id: String,
        /// `clientUserMessageId` of the request it came with.
        #[serde(default)]
        client_id: Option<String>,
        content: Vec<UserInput>,
    },
    /// Text that hooks added for the model.
    HookPrompt { id: String, fragments: Vec<HookPromptFragment> },
    /// What the model said. `text` is empty while the message streams.
    AgentMessage {
        /// Always null from this server.
        #[serde(default)]
        moderation: Option<AgentMessageModeration>,
        id: String,
        text: String,
        /// Null when the model does not say.
        #[serde(default)]
        phase: Option<MessagePhase>,
        /// Always null from this server.
        #[serde(default)]
        memory_citation: Option<MemoryCitation>,
        #[serde(default)]
        delivery: Option<AgentMessageDelivery>,
        /// Questions it puts to the user, if any.
        #[serde(default)]
        questions: Option<Vec<AsyncUserInputQuestion>>,
    },
    /// A tool result the client brought along with its input.
    FunctionCallOutput {
        id: String,
        name: String,
        #[serde(default)]
        namespace: Option<String>,
        output: FunctionCallOutputBody,
    },
    /// The plan a plan-mode answer proposed.
    Plan { id: String, text: String },
    /// The model's reasoning; `content` stays empty unless raw reasoning is shown.
    Reasoning {
        id: String,
        /// One text per part.
        #[serde(default)]
        summary: Vec<String>,
        #[serde(default)]
        content: Vec<String>,
    },
    /// A command the agent or the user ran. `command` is the line as a person would read it.
    CommandExecution {
        id: String,
        /// Always null from this server.
        #[serde(default)]
        plugin_id: Option<String>,
        /// Always null from this server.
        #[serde(default)]
        script_path: Option<String>,
        command: String,
        cwd: LegacyAppPathString,
        /// Names a terminal session, see `item/commandExecution/terminalInteraction`.
        #[serde(default)]
        process_id: Option<String>,
        #[serde(default)]
        source: CommandExecutionSource,
        status: CommandExecutionStatus,
        /// What the line does, for display only.
        command_actions: Vec<CommandAction>,
        /// Standard output and error as they came; null while it runs and when there was none.
        #[serde(default)]
        aggregated_output: Option<String>,
        /// Null while it runs and when it never ran. 124 after a timeout, 128 + n after signal n.
        #[serde(default)]
        exit_code: Option<i32>,
        #[serde(default)]
        duration_ms: Option<i64>,
    },
    /// Files the agent changed or wants to change.
    FileChange {
        id: String,
        /// Ordered by path.
        changes: Vec<FileUpdateChange>,
        status: PatchApplyStatus,
    },
    /// A call of a tool of an MCP server. A tool that reports an error has `status` failed and a `result`;
    /// `error` is for calls that got no answer.
    McpToolCall {
        id: String,
        server: String,
        tool: String,
        status: McpToolCallStatus,
        arguments: Value,
        #[serde(default)]
        app_context: Option<McpToolCallAppContext>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        mcp_app_resource_uri: Option<String>,
        #[serde(default)]
        mcp_app_ui: Option<McpAppUi>,
        #[serde(default)]
        plugin_id: Option<String>,
        #[serde(default)]
        read_only_hint: Option<bool>,
        #[serde(default)]
        result: Option<McpToolCallResult>,
        #[serde(default)]
        error: Option<McpToolCallError>,
        #[serde(default)]
        duration_ms: Option<i64>,
    },
    /// A call of a tool the client runs.
    DynamicToolCall {
        id: String,
        #[serde(default)]
        namespace: Option<String>,
        tool: String,
        arguments: Value,
        status: DynamicToolCallStatus,
        /// What the client answered; null before.
        #[serde(default)]
        content_items: Option<Vec<DynamicToolCallOutputContentItem>>,
        /// What the client answered; null before.
        #[serde(default)]
        success: Option<bool>,
        #[serde(default)]
        duration_ms: Option<i64>,
    },
    /// What the agent did with its sub-agents.
    CollabAgentToolCall {
        id: String,
        tool: CollabAgentTool,
        status: CollabAgentToolCallStatus,
        sender_thread_id: String,
        receiver_thread_ids: Vec<String>,
        #[serde(default)]
        prompt: Option<String>,
        #[serde(default)]
        model: Option<String>,
        #[serde(default)]
        reasoning_effort: Option<ReasoningEffort>,
        /// By thread id.
        agents_states: BTreeMap<String, CollabAgentState>,
    },
    /// What a sub-agent did on its own account.
    SubAgentActivity {
        id: String,
        kind: SubAgentActivityKind,
        agent_thread_id: String,
        agent_path: String,
        #[serde(default)]
        model: Option<String>,
        #[serde(default)]
        reasoning_effort: Option<ReasoningEffort>,
    },
    /// A search the model's provider ran.
    WebSearch {
        id: String,
        /// What was searched or opened, for display; empty until the search is done.
        query: String,
        #[serde(default)]
        action: Option<WebSearchAction>,
        #[serde(default)]
        results: Option<Vec<Value>>,
    },
    /// The agent looked at an image file.
    ImageView { id: String, path: LegacyAppPathString },
    /// The agent waited.
    Sleep { id: String, duration_ms: u64 },
    /// An image the model's provider made.
    ImageGeneration {
        id: String,
        status: String,
        #[serde(flatten)]
        image: GeneratedImage,
        #[serde(default)]
        revised_prompt: Option<String>,
        #[serde(default)]
        saved_path: Option<AbsolutePathBuf>,
        #[serde(default)]
        failure: Option<ImageGenerationFailure>,
        #[serde(default)]
        generation_id: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        input_images: Vec<ImageGenerationInputImage>,
        #[serde(default)]
        transparent_background: Option<bool>,
    },
    /// A review begins; `review` says what is reviewed.
    EnteredReviewMode { id: String, review: String },
    /// A review is done; `review` is its text.
    ExitedReviewMode { id: String, review: String },
    /// A review in the older form; shown live only, stored and read back as the two items above.
    CodeReview { id: String, review: String },
    /// The model's history was replaced by a summary, which is not shown.
    ContextCompaction { id: String },
}

/// Where a generated image is; part of the `imageGeneration` item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum GeneratedImage {
    /// A file the provider keeps.
    File { file_id: String },
    /// The image itself in base64.
    Inline { result: String },
}

/// The result of a tool that a client ran on its own account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct TurnToolOutput {
    pub name: String,
    #[serde(default)]
    pub namespace: Option<String>,
    pub output: FunctionCallOutputBody,
    /// Whether it stays in the model's history after the turn.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub retain: bool,
}

/// One part of what the user gives to a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum UserInput {
    /// What the user wrote.
    Text {
        text: String,
        /// Stretches the client showed as something special.
        #[serde(default, deserialize_with = "compat::null_as_default")]
        text_elements: Vec<TextElement>,
    },
    /// An image by address, or one the provider has.
    Image {
        #[serde(flatten)]
        source: MediaSource,
        /// Null: the model's default.
        #[serde(default)]
        detail: Option<ImageDetail>,
    },
    /// An image file of the machine the server runs on.
    LocalImage {
        path: String,
        /// Null: the model's default.
        #[serde(default)]
        detail: Option<ImageDetail>,
    },
    /// A sound by address, or one the provider has.
    Audio {
        #[serde(flatten)]
        source: MediaSource,
    },
    /// A sound file of the machine the server runs on.
    LocalAudio { path: String },
    /// A skill to use; its text is put before the model.
    Skill {
        name: String,
        /// Absolute path of its SKILL.md.
        path: String,
    },
    /// Something the user pointed at, such as a file.
    Mention { name: String, path: String },
}

/// Where an image or a sound of the user's input comes from; part of [`UserInput`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum MediaSource {
    Url { url: String },
    File { file_id: String },
}

/// What a search did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum WebSearchAction {
    /// Searched the web.
    Search {
        #[serde(default)]
        queries: Option<Vec<String>>,
        #[serde(default)]
        query: Option<String>,
    },
    /// Opened a page.
    OpenPage {
        #[serde(default)]
        url: Option<String>,
    },
    /// Looked for a text in a page.
    FindInPage {
        #[serde(default)]
        pattern: Option<String>,
        #[serde(default)]
        url: Option<String>,
    },
    /// Anything else, or not known yet.
    Other,
}
