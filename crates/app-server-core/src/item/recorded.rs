//! The form items have in a rollout's `item_completed` lines: the reference's, so that it can read what we append to
//! its files, and the only mapping between that spelling and the wire's (rollout specification 12).
//!
//! An item the reference has no form for, or that would not come back from it as it was, is recorded as the wire shows
//! it; both references pass over such a line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use app_server_protocol::v2::{
    CodexErrorInfo, CollabAgentState, CollabAgentStatus, CollabAgentTool, CollabAgentToolCallStatus,
    CommandAction, CommandExecutionSource, CommandExecutionStatus, DynamicToolCallOutputContentItem,
    DynamicToolCallStatus, FileUpdateChange, ImageDetail, LegacyAppPathString, McpToolCallError,
    McpToolCallResult, McpToolCallStatus, MediaSource, MessagePhase, PatchApplyStatus, PatchChangeKind,
    ReasoningEffort, TextElement, ThreadItem, ThreadItemKind, TurnError, UserInput, WebSearchAction,
};
use app_server_rollout::{Batch, HistoryMode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use shlex::Quoter;

use super::pictures::{Pictures, is_reference};
use crate::review;

/// Adds the lines of a completed item: in legacy files the events older readers know, then the item itself. The
/// `response_item` line is the caller's, and for the user's words must come first; `seen` is what it says if it comes
/// right before in the same file. Large pictures in it are not repeated, but in numbered files: there the reference shows
/// the item.
pub(crate) fn write_item(
    batch: &mut Batch,
    mode: HistoryMode,
    thread_id: &str,
    turn_id: &str,
    item: &ThreadItem,
    seen: Option<&RawValue>,
) -> io::Result<()> {
    #[derive(Serialize)]
    struct Completed<'a, T> {
        thread_id: &'a str,
        turn_id: &'a str,
        item: &'a T,
        #[serde(skip_serializing_if = "Option::is_none")]
        started_at_ms: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        completed_at_ms: Option<i64>,
    }
    let seen = seen.filter(|_| mode == HistoryMode::Legacy);
    let referred = seen.and_then(|seen| Pictures::of(seen).referred(&item.kind));
    let kind = referred.as_ref().unwrap_or(&item.kind);
    if mode == HistoryMode::Legacy {
        legacy_events(batch, turn_id, kind)?;
    }
    let (started_at_ms, completed_at_ms) = (item.started_at_ms, item.completed_at_ms);
    match Recorded::from_wire(kind) {
        Some(item) => batch.event(
            "item_completed",
            &Completed { thread_id, turn_id, item: &item, started_at_ms, completed_at_ms },
        ),
        None => batch.event(
            "item_completed",
            &Completed { thread_id, turn_id, item: kind, started_at_ms, completed_at_ms },
        ),
    }
}

/// The events that legacy files have for an item (rollout specification 2.4). There are none for commands, client tools
/// and images looked at: those events of the reference are for its clients, and it passes over them in a file.
///
/// Pictures that are referred to are left out of those of the message, where other programs would take the reference for
/// an address, and are named in a member of ours.
pub(super) fn legacy_events(batch: &mut Batch, turn_id: &str, item: &ThreadItemKind) -> io::Result<()> {
    #[derive(Serialize)]
    struct UserMessage<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        client_id: Option<&'a str>,
        message: String,
        images: Vec<&'a str>,
        local_images: Vec<&'a str>,
        text_elements: Vec<RecordedElement>,
        /// For each picture its reference, or null for the next one of `images`.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        image_refs: Vec<Option<&'a str>>,
    }
    #[derive(Serialize)]
    struct AgentMessage<'a> {
        message: &'a str,
        phase: Option<MessagePhase>,
    }
    #[derive(Serialize)]
    struct Text<'a> {
        text: &'a str,
    }
    #[derive(Serialize)]
    struct SearchEnd<'a> {
        call_id: &'a str,
        query: &'a str,
        action: RecordedSearch,
    }
    /// The reference passes over one without output or status; `turn_id` keeps a late one out of a later turn.
    #[derive(Serialize)]
    struct PatchEnd<'a> {
        call_id: &'a str,
        turn_id: &'a str,
        stdout: &'a str,
        stderr: &'a str,
        success: bool,
        changes: BTreeMap<String, RecordedChange>,
        status: RecordedStatus,
    }
    match item {
        ThreadItemKind::UserMessage { client_id, content, .. } => {
            let mut event = UserMessage {
                client_id: client_id.as_deref(),
                message: String::new(),
                images: Vec::new(),
                local_images: Vec::new(),
                text_elements: Vec::new(),
                image_refs: Vec::new(),
            };
            for part in content {
                match part {
                    UserInput::Text { text, text_elements } => {
                        // Ranges count from the beginning of the joined text.
                        let offset = event.message.len();
                        event.message.push_str(text);
                        event
                            .text_elements
                            .extend(text_elements.iter().map(|e| RecordedElement::new(e, offset)));
                    }
                    UserInput::Image { source: MediaSource::Url { url }, .. } => {
                        let reference = is_reference(url).then_some(url.as_str());
                        if reference.is_none() {
                            event.images.push(url);
                        }
                        event.image_refs.push(reference);
                    }
                    UserInput::LocalImage { path, .. } => event.local_images.push(path),
                    _ => {}
                }
            }
            if event.image_refs.iter().all(Option::is_none) {
                event.image_refs.clear();
            }
            batch.event("user_message", &event)
        }
        ThreadItemKind::AgentMessage { text, phase, .. } => {
            batch.event("agent_message", &AgentMessage { message: text, phase: *phase })
        }
        ThreadItemKind::Reasoning { summary, content, .. } => {
            for text in summary {
                batch.event("agent_reasoning", &Text { text })?;
            }
            for text in content {
                batch.event("agent_reasoning_raw_content", &Text { text })?;
            }
            Ok(())
        }
        ThreadItemKind::WebSearch { id, query, action, .. } => {
            let action = RecordedSearch::from_wire(action.as_ref());
            batch.event("web_search_end", &SearchEnd { call_id: id, query, action })
        }
        ThreadItemKind::FileChange { id, changes, status } if *status != PatchApplyStatus::InProgress => {
            let event = PatchEnd {
                call_id: id,
                turn_id,
                stdout: "",
                stderr: "",
                success: *status == PatchApplyStatus::Completed,
                changes: recorded_changes(changes),
                status: RecordedStatus::from_patch(*status),
            };
            batch.event("patch_apply_end", &event)
        }
        ThreadItemKind::ContextCompaction { .. } => batch.event("context_compacted", &()),
        _ => Ok(()),
    }
}

/// Reads the `item` of an `item_completed` line, in the reference's form or the wire's. `None` for what neither knows.
pub(super) fn read_item(raw: &RawValue) -> Option<ThreadItemKind> {
    #[derive(Deserialize)]
    struct Tag<'a> {
        #[serde(borrow, rename = "type")]
        kind: std::borrow::Cow<'a, str>,
    }
    let tag: Tag<'_> = serde_json::from_str(raw.get()).ok()?;
    if tag.kind.starts_with(char::is_uppercase) {
        return Some(serde_json::from_str::<Recorded>(raw.get()).ok()?.into_wire());
    }
    serde_json::from_str(raw.get()).ok()
}

/// An item in the reference's spelling.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Recorded {
    UserMessage {
        id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
        content: Vec<RecordedInput>,
    },
    AgentMessage {
        id: String,
        content: Vec<RecordedText>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        phase: Option<MessagePhase>,
    },
    Reasoning {
        id: String,
        summary_text: Vec<String>,
        #[serde(default)]
        raw_content: Vec<String>,
    },
    Plan {
        id: String,
        text: String,
    },
    WebSearch {
        id: String,
        query: String,
        action: RecordedSearch,
    },
    CommandExecution(RecordedCommand),
    FileChange {
        id: String,
        changes: BTreeMap<String, RecordedChange>,
        #[serde(default)]
        status: Option<RecordedStatus>,
    },
    McpToolCall {
        id: String,
        server: String,
        tool: String,
        #[serde(default)]
        arguments: Value,
        status: RecordedStatus,
        #[serde(default)]
        result: Option<RecordedMcpResult>,
        #[serde(default)]
        error: Option<McpToolCallError>,
        #[serde(default)]
        duration: Option<RecordedDuration>,
    },
    DynamicToolCall {
        id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        tool: String,
        #[serde(default)]
        arguments: Value,
        status: RecordedStatus,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content_items: Option<Vec<DynamicToolCallOutputContentItem>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        success: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration: Option<RecordedDuration>,
    },
    CollabAgentToolCall {
        id: String,
        #[serde(with = "word")]
        tool: CollabAgentTool,
        #[serde(with = "word")]
        status: CollabAgentToolCallStatus,
        sender_thread_id: String,
        #[serde(default)]
        receiver_thread_ids: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prompt: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reasoning_effort: Option<ReasoningEffort>,
        #[serde(default)]
        agents_states: BTreeMap<String, RecordedAgent>,
    },
    ImageView {
        id: String,
        /// A `file://` URL.
        path: String,
    },
    ContextCompaction {
        id: String,
    },
    EnteredReviewMode {
        id: String,
        #[serde(default)]
        user_facing_hint: Option<String>,
    },
    ExitedReviewMode {
        id: String,
        #[serde(default)]
        review_output: Option<review::Output>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct RecordedCommand {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process_id: Option<String>,
    command: Vec<String>,
    /// A `file://` URL.
    cwd: String,
    parsed_cmd: Vec<RecordedAction>,
    source: RecordedSource,
    status: RecordedStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aggregated_output: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration: Option<RecordedDuration>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum RecordedInput {
    Text {
        text: String,
        #[serde(default)]
        text_elements: Vec<RecordedElement>,
    },
    Image {
        image_url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<ImageDetail>,
    },
    LocalImage {
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<ImageDetail>,
    },
    Skill {
        name: String,
        path: String,
    },
    Mention {
        name: String,
        path: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RecordedElement {
    #[serde(alias = "byteRange")]
    byte_range: app_server_protocol::v2::ByteRange,
    #[serde(default)]
    placeholder: Option<String>,
}

impl RecordedElement {
    fn new(element: &TextElement, offset: usize) -> Self {
        let mut byte_range = element.byte_range.clone();
        byte_range.start += offset;
        byte_range.end += offset;
        RecordedElement { byte_range, placeholder: element.placeholder.clone() }
    }

    pub(super) fn into_wire(self) -> TextElement {
        TextElement { byte_range: self.byte_range, placeholder: self.placeholder }
    }
}

/// A text part; the reference writes its tag with a capital letter and reads no other.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
enum RecordedText {
    Text { text: String },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum RecordedSearch {
    Search {
        #[serde(default)]
        query: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        queries: Option<Vec<String>>,
    },
    OpenPage {
        #[serde(default)]
        url: Option<String>,
    },
    FindInPage {
        #[serde(default)]
        url: Option<String>,
        #[serde(default)]
        pattern: Option<String>,
    },
    #[serde(other)]
    Other,
}

impl RecordedSearch {
    fn from_wire(action: Option<&WebSearchAction>) -> Self {
        match action {
            Some(WebSearchAction::Search { query, queries }) => {
                RecordedSearch::Search { query: query.clone(), queries: queries.clone() }
            }
            Some(WebSearchAction::OpenPage { url }) => RecordedSearch::OpenPage { url: url.clone() },
            Some(WebSearchAction::FindInPage { pattern, url }) => {
                RecordedSearch::FindInPage { url: url.clone(), pattern: pattern.clone() }
            }
            Some(WebSearchAction::Other) | None => RecordedSearch::Other,
        }
    }

    pub(super) fn into_wire(self) -> WebSearchAction {
        match self {
            RecordedSearch::Search { query, queries } => WebSearchAction::Search { queries, query },
            RecordedSearch::OpenPage { url } => WebSearchAction::OpenPage { url },
            RecordedSearch::FindInPage { url, pattern } => WebSearchAction::FindInPage { pattern, url },
            RecordedSearch::Other => WebSearchAction::Other,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum RecordedAction {
    Read {
        cmd: String,
        name: String,
        path: String,
    },
    ListFiles {
        cmd: String,
        #[serde(default)]
        path: Option<String>,
    },
    Search {
        cmd: String,
        #[serde(default)]
        query: Option<String>,
        #[serde(default)]
        path: Option<String>,
    },
    Unknown {
        cmd: String,
    },
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RecordedSource {
    Agent,
    UserShell,
    UnifiedExecStartup,
    UnifiedExecInteraction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RecordedStatus {
    InProgress,
    Completed,
    Failed,
    Declined,
}

impl RecordedStatus {
    fn from_patch(status: PatchApplyStatus) -> Self {
        match status {
            PatchApplyStatus::InProgress => RecordedStatus::InProgress,
            PatchApplyStatus::Completed => RecordedStatus::Completed,
            PatchApplyStatus::Failed => RecordedStatus::Failed,
            PatchApplyStatus::Declined => RecordedStatus::Declined,
        }
    }

    fn from_command(status: CommandExecutionStatus) -> Self {
        match status {
            CommandExecutionStatus::InProgress => RecordedStatus::InProgress,
            CommandExecutionStatus::Completed => RecordedStatus::Completed,
            CommandExecutionStatus::Failed => RecordedStatus::Failed,
            CommandExecutionStatus::Declined => RecordedStatus::Declined,
        }
    }

    fn from_tool(status: DynamicToolCallStatus) -> Self {
        match status {
            DynamicToolCallStatus::InProgress => RecordedStatus::InProgress,
            DynamicToolCallStatus::Completed => RecordedStatus::Completed,
            DynamicToolCallStatus::Failed => RecordedStatus::Failed,
        }
    }

    pub(super) fn of_patch(self) -> PatchApplyStatus {
        match self {
            RecordedStatus::InProgress => PatchApplyStatus::InProgress,
            RecordedStatus::Completed => PatchApplyStatus::Completed,
            RecordedStatus::Failed => PatchApplyStatus::Failed,
            RecordedStatus::Declined => PatchApplyStatus::Declined,
        }
    }

    fn of_command(self) -> CommandExecutionStatus {
        match self {
            RecordedStatus::InProgress => CommandExecutionStatus::InProgress,
            RecordedStatus::Completed => CommandExecutionStatus::Completed,
            RecordedStatus::Failed => CommandExecutionStatus::Failed,
            RecordedStatus::Declined => CommandExecutionStatus::Declined,
        }
    }

    pub(super) fn of_mcp(self) -> McpToolCallStatus {
        match self {
            RecordedStatus::InProgress => McpToolCallStatus::InProgress,
            RecordedStatus::Completed => McpToolCallStatus::Completed,
            RecordedStatus::Failed | RecordedStatus::Declined => McpToolCallStatus::Failed,
        }
    }

    fn of_tool(self) -> DynamicToolCallStatus {
        match self {
            RecordedStatus::InProgress => DynamicToolCallStatus::InProgress,
            RecordedStatus::Completed => DynamicToolCallStatus::Completed,
            RecordedStatus::Failed | RecordedStatus::Declined => DynamicToolCallStatus::Failed,
        }
    }
}

/// How an agent stands, with what it said last.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RecordedAgent {
    PendingInit,
    Running,
    Interrupted,
    Completed(Option<String>),
    Errored(Option<String>),
    Shutdown,
    NotFound,
}

impl RecordedAgent {
    fn nearest(state: &CollabAgentState) -> Self {
        let message = state.message.clone();
        match state.status {
            CollabAgentStatus::PendingInit => RecordedAgent::PendingInit,
            CollabAgentStatus::Running => RecordedAgent::Running,
            CollabAgentStatus::Interrupted => RecordedAgent::Interrupted,
            CollabAgentStatus::Completed => RecordedAgent::Completed(message),
            // The reference reads none without a text.
            CollabAgentStatus::Errored => RecordedAgent::Errored(Some(message.unwrap_or_default())),
            CollabAgentStatus::Shutdown => RecordedAgent::Shutdown,
            CollabAgentStatus::NotFound => RecordedAgent::NotFound,
        }
    }

    fn into_wire(self) -> CollabAgentState {
        let (status, message) = match self {
            RecordedAgent::PendingInit => (CollabAgentStatus::PendingInit, None),
            RecordedAgent::Running => (CollabAgentStatus::Running, None),
            RecordedAgent::Interrupted => (CollabAgentStatus::Interrupted, None),
            RecordedAgent::Completed(message) => (CollabAgentStatus::Completed, message),
            RecordedAgent::Errored(message) => (CollabAgentStatus::Errored, message),
            RecordedAgent::Shutdown => (CollabAgentStatus::Shutdown, None),
            RecordedAgent::NotFound => (CollabAgentStatus::NotFound, None),
        };
        CollabAgentState { message, status }
    }
}

/// A word of the wire's in the reference's spelling.
mod word {
    use serde::de::{DeserializeOwned, Error as _};
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;

    use super::{camel_case, respell, snake_case};

    pub(super) fn serialize<T: Serialize, S: Serializer>(word: &T, to: S) -> Result<S::Ok, S::Error> {
        let word = serde_json::to_value(word).map_err(S::Error::custom)?;
        respell(word, snake_case).serialize(to)
    }

    pub(super) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
        from: D,
    ) -> Result<T, D::Error> {
        let word = Value::deserialize(from)?;
        serde_json::from_value(respell(word, camel_case)).map_err(D::Error::custom)
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct RecordedDuration {
    secs: i64,
    #[serde(default)]
    nanos: i64,
}

impl RecordedDuration {
    /// The reference knows no negative ones; those do not come back equal.
    fn from_ms(ms: i64) -> Self {
        let ms = ms.max(0);
        RecordedDuration { secs: ms / 1000, nanos: ms % 1000 * 1_000_000 }
    }

    pub(super) fn ms(self) -> i64 {
        self.secs.saturating_mul(1000).saturating_add(self.nanos / 1_000_000)
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum RecordedChange {
    Add {
        content: String,
    },
    Delete {
        content: String,
    },
    Update {
        unified_diff: String,
        #[serde(default)]
        move_path: Option<String>,
    },
}

/// The changes of a patch by path, without the line about the move that the wire adds to a diff.
fn recorded_changes(changes: &[FileUpdateChange]) -> BTreeMap<String, RecordedChange> {
    let change = |FileUpdateChange { diff, kind, path }: &FileUpdateChange| {
        let change = match kind {
            PatchChangeKind::Add => RecordedChange::Add { content: diff.clone() },
            PatchChangeKind::Delete => RecordedChange::Delete { content: diff.clone() },
            PatchChangeKind::Update { move_path } => {
                let hunks = move_path.as_ref().and_then(|target| diff.strip_suffix(&moved_to(target)));
                RecordedChange::Update {
                    unified_diff: hunks.unwrap_or(diff).to_owned(),
                    move_path: move_path.clone(),
                }
            }
        };
        (path.clone(), change)
    };
    changes.iter().map(change).collect()
}

/// What the wire adds to the diff of a file that is moved.
fn moved_to(target: &str) -> String {
    format!("\n\nMoved to: {target}")
}

/// The changes of a patch as the wire lists them: by path.
pub(super) fn wire_changes(changes: BTreeMap<String, RecordedChange>) -> Vec<FileUpdateChange> {
    let change = |(path, change): (String, RecordedChange)| {
        let (kind, diff) = match change {
            RecordedChange::Add { content } => (PatchChangeKind::Add, content),
            RecordedChange::Delete { content } => (PatchChangeKind::Delete, content),
            RecordedChange::Update { unified_diff, move_path } => {
                let diff = match &move_path {
                    Some(target) => unified_diff + &moved_to(target),
                    None => unified_diff,
                };
                (PatchChangeKind::Update { move_path }, diff)
            }
        };
        FileUpdateChange { diff, kind, path }
    };
    changes.into_iter().map(change).collect()
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RecordedMcpResult {
    #[serde(default)]
    content: Vec<Value>,
    #[serde(default)]
    structured_content: Option<Value>,
    #[serde(default, rename = "_meta")]
    meta: Option<Value>,
    #[serde(default, skip_serializing)]
    is_error: Option<bool>,
}

impl RecordedMcpResult {
    /// What the tool itself says of its success.
    pub(super) fn status(&self) -> McpToolCallStatus {
        if self.is_error == Some(true) { McpToolCallStatus::Failed } else { McpToolCallStatus::Completed }
    }

    pub(super) fn into_wire(self) -> McpToolCallResult {
        McpToolCallResult {
            meta: self.meta,
            content: self.content,
            structured_content: self.structured_content,
        }
    }
}

impl Recorded {
    /// The reference's form of an item, where the item comes back from it as it was.
    fn from_wire(item: &ThreadItemKind) -> Option<Self> {
        let is_kept = Self::nearest(item)?.into_wire() == *item;
        if is_kept { Self::nearest(item) } else { None }
    }

    /// The reference's form of an item, or of as much of it as there is a place for.
    fn nearest(item: &ThreadItemKind) -> Option<Self> {
        Some(match item {
            ThreadItemKind::UserMessage { id, client_id, content } => Recorded::UserMessage {
                id: id.clone(),
                client_id: client_id.clone(),
                content: content.iter().map(RecordedInput::from_wire).collect::<Option<_>>()?,
            },
            ThreadItemKind::AgentMessage { id, text, phase, .. } => Recorded::AgentMessage {
                id: id.clone(),
                content: vec![RecordedText::Text { text: text.clone() }],
                phase: *phase,
            },
            ThreadItemKind::Reasoning { id, summary, content } => Recorded::Reasoning {
                id: id.clone(),
                summary_text: summary.clone(),
                raw_content: content.clone(),
            },
            ThreadItemKind::Plan { id, text } => Recorded::Plan { id: id.clone(), text: text.clone() },
            ThreadItemKind::WebSearch { id, query, action, .. } => Recorded::WebSearch {
                id: id.clone(),
                query: query.clone(),
                action: RecordedSearch::from_wire(action.as_ref()),
            },
            ThreadItemKind::CommandExecution { .. } => {
                Recorded::CommandExecution(RecordedCommand::nearest(item)?)
            }
            // The reference reads no change that is still being made.
            ThreadItemKind::FileChange { status: PatchApplyStatus::InProgress, .. } => return None,
            ThreadItemKind::FileChange { id, changes, status } => Recorded::FileChange {
                id: id.clone(),
                changes: recorded_changes(changes),
                status: Some(RecordedStatus::from_patch(*status)),
            },
            ThreadItemKind::DynamicToolCall {
                id,
                namespace,
                tool,
                arguments,
                status,
                content_items,
                success,
                duration_ms,
            } => Recorded::DynamicToolCall {
                id: id.clone(),
                namespace: namespace.clone(),
                tool: tool.clone(),
                arguments: arguments.clone(),
                status: RecordedStatus::from_tool(*status),
                content_items: content_items.clone(),
                success: *success,
                duration: duration_ms.map(RecordedDuration::from_ms),
            },
            ThreadItemKind::CollabAgentToolCall {
                id,
                tool,
                status,
                sender_thread_id,
                receiver_thread_ids,
                prompt,
                model,
                reasoning_effort,
                agents_states,
            } => Recorded::CollabAgentToolCall {
                id: id.clone(),
                tool: *tool,
                status: *status,
                sender_thread_id: sender_thread_id.clone(),
                receiver_thread_ids: receiver_thread_ids.clone(),
                prompt: prompt.clone(),
                model: model.clone(),
                reasoning_effort: reasoning_effort.clone(),
                agents_states: agents_states
                    .iter()
                    .map(|(id, state)| (id.clone(), RecordedAgent::nearest(state)))
                    .collect(),
            },
            ThreadItemKind::ImageView { id, path } => {
                Recorded::ImageView { id: id.clone(), path: url_of_path(&path.0)? }
            }
            ThreadItemKind::ContextCompaction { id } => Recorded::ContextCompaction { id: id.clone() },
            _ => return None,
        })
    }

    fn into_wire(self) -> ThreadItemKind {
        match self {
            Recorded::UserMessage { id, client_id, content } => ThreadItemKind::UserMessage {
                id,
                client_id,
                content: content.into_iter().map(RecordedInput::into_wire).collect(),
            },
            Recorded::AgentMessage { id, content, phase } => {
                let text = content.into_iter().map(|RecordedText::Text { text }| text).collect();
                super::agent_message(id, text, phase)
            }
            Recorded::Reasoning { id, summary_text, raw_content } => {
                ThreadItemKind::Reasoning { id, summary: summary_text, content: raw_content }
            }
            Recorded::Plan { id, text } => ThreadItemKind::Plan { id, text },
            Recorded::WebSearch { id, query, action } => {
                ThreadItemKind::WebSearch { id, query, action: Some(action.into_wire()), results: None }
            }
            Recorded::CommandExecution(command) => command.into_wire(),
            Recorded::FileChange { id, changes, status } => ThreadItemKind::FileChange {
                id,
                changes: wire_changes(changes),
                status: status.unwrap_or(RecordedStatus::Completed).of_patch(),
            },
            Recorded::McpToolCall { id, server, tool, arguments, status, result, error, duration } => {
                mcp_tool_call(
                    id,
                    (server, tool, arguments),
                    status.of_mcp(),
                    result.map(RecordedMcpResult::into_wire),
                    error,
                    duration.map(RecordedDuration::ms),
                )
            }
            Recorded::DynamicToolCall {
                id,
                namespace,
                tool,
                arguments,
                status,
                content_items,
                success,
                duration,
            } => ThreadItemKind::DynamicToolCall {
                id,
                namespace,
                tool,
                arguments,
                status: status.of_tool(),
                content_items,
                success,
                duration_ms: duration.map(RecordedDuration::ms),
            },
            Recorded::CollabAgentToolCall {
                id,
                tool,
                status,
                sender_thread_id,
                receiver_thread_ids,
                prompt,
                model,
                reasoning_effort,
                agents_states,
            } => ThreadItemKind::CollabAgentToolCall {
                id,
                tool,
                status,
                sender_thread_id,
                receiver_thread_ids,
                prompt,
                model,
                reasoning_effort,
                agents_states: agents_states.into_iter().map(|(id, state)| (id, state.into_wire())).collect(),
            },
            Recorded::ImageView { id, path } => {
                ThreadItemKind::ImageView { id, path: LegacyAppPathString(path_of_url(path)) }
            }
            Recorded::ContextCompaction { id } => ThreadItemKind::ContextCompaction { id },
            Recorded::EnteredReviewMode { id, user_facing_hint } => {
                ThreadItemKind::EnteredReviewMode { id, review: user_facing_hint.unwrap_or_default() }
            }
            Recorded::ExitedReviewMode { id, review_output } => {
                ThreadItemKind::ExitedReviewMode { id, review: review_output.unwrap_or_default().text() }
            }
        }
    }
}

impl RecordedCommand {
    /// `None` for a line that no shell would take apart, or a folder that is not absolute.
    fn nearest(item: &ThreadItemKind) -> Option<Self> {
        let ThreadItemKind::CommandExecution {
            id,
            command,
            cwd,
            process_id,
            source,
            status,
            command_actions,
            aggregated_output,
            exit_code,
            duration_ms,
            ..
        } = item
        else {
            return None;
        };
        Some(RecordedCommand {
            id: id.clone(),
            process_id: process_id.clone(),
            command: shlex::split(command)?,
            cwd: url_of_path(&cwd.0)?,
            parsed_cmd: command_actions.iter().map(RecordedAction::from_wire).collect(),
            source: match source {
                CommandExecutionSource::Agent => RecordedSource::Agent,
                CommandExecutionSource::UserShell => RecordedSource::UserShell,
                CommandExecutionSource::UnifiedExecStartup => RecordedSource::UnifiedExecStartup,
                CommandExecutionSource::UnifiedExecInteraction => RecordedSource::UnifiedExecInteraction,
            },
            status: RecordedStatus::from_command(*status),
            aggregated_output: aggregated_output.clone(),
            exit_code: *exit_code,
            duration: duration_ms.map(RecordedDuration::from_ms),
        })
    }

    fn into_wire(self) -> ThreadItemKind {
        let cwd = path_of_url(self.cwd);
        let actions = self.parsed_cmd.into_iter().map(|action| action.into_wire(&cwd)).collect();
        ThreadItemKind::CommandExecution {
            id: self.id,
            plugin_id: None,
            script_path: None,
            command: shell_line(&self.command),
            cwd: LegacyAppPathString(cwd),
            process_id: self.process_id,
            source: match self.source {
                RecordedSource::Agent => CommandExecutionSource::Agent,
                RecordedSource::UserShell => CommandExecutionSource::UserShell,
                RecordedSource::UnifiedExecStartup => CommandExecutionSource::UnifiedExecStartup,
                RecordedSource::UnifiedExecInteraction => CommandExecutionSource::UnifiedExecInteraction,
            },
            status: self.status.of_command(),
            command_actions: actions,
            aggregated_output: self.aggregated_output.filter(|output| !output.is_empty()),
            exit_code: self.exit_code,
            duration_ms: self.duration.map(RecordedDuration::ms),
        }
    }
}

impl RecordedInput {
    fn from_wire(input: &UserInput) -> Option<Self> {
        Some(match input {
            UserInput::Text { text, text_elements } => RecordedInput::Text {
                text: text.clone(),
                text_elements: text_elements.iter().map(|element| RecordedElement::new(element, 0)).collect(),
            },
            UserInput::Image { source: MediaSource::Url { url }, detail } => {
                RecordedInput::Image { image_url: url.clone(), detail: *detail }
            }
            UserInput::LocalImage { path, detail } => {
                RecordedInput::LocalImage { path: path.clone(), detail: *detail }
            }
            UserInput::Skill { name, path } => {
                RecordedInput::Skill { name: name.clone(), path: path.clone() }
            }
            UserInput::Mention { name, path } => {
                RecordedInput::Mention { name: name.clone(), path: path.clone() }
            }
            UserInput::Image { source: MediaSource::File { .. }, .. }
            | UserInput::Audio { .. }
            | UserInput::LocalAudio { .. } => return None,
        })
    }

    fn into_wire(self) -> UserInput {
        match self {
            RecordedInput::Text { text, text_elements } => UserInput::Text {
                text,
                text_elements: text_elements.into_iter().map(RecordedElement::into_wire).collect(),
            },
            RecordedInput::Image { image_url, detail } => {
                UserInput::Image { source: MediaSource::Url { url: image_url }, detail }
            }
            RecordedInput::LocalImage { path, detail } => UserInput::LocalImage { path, detail },
            RecordedInput::Skill { name, path } => UserInput::Skill { name, path },
            RecordedInput::Mention { name, path } => UserInput::Mention { name, path },
        }
    }
}

impl RecordedAction {
    fn from_wire(action: &CommandAction) -> Self {
        match action.clone() {
            CommandAction::Read { command, name, path } => {
                RecordedAction::Read { cmd: command, name, path: path.0 }
            }
            CommandAction::ListFiles { command, path } => RecordedAction::ListFiles { cmd: command, path },
            CommandAction::Search { command, path, query } => {
                RecordedAction::Search { cmd: command, query, path }
            }
            CommandAction::Unknown { command } => RecordedAction::Unknown { cmd: command },
        }
    }

    /// The reference records the path of a file as the command has it, and shows it from the root.
    fn into_wire(self, cwd: &str) -> CommandAction {
        match self {
            RecordedAction::Read { cmd, name, path } => {
                let path = Path::new(cwd).join(path).to_string_lossy().into_owned();
                CommandAction::Read { command: cmd, name, path: LegacyAppPathString(path) }
            }
            RecordedAction::ListFiles { cmd, path } => CommandAction::ListFiles { command: cmd, path },
            RecordedAction::Search { cmd, query, path } => {
                CommandAction::Search { command: cmd, path, query }
            }
            RecordedAction::Unknown { cmd } => CommandAction::Unknown { command: cmd },
        }
    }
}

/// An MCP call with the fields nobody fills.
pub(super) fn mcp_tool_call(
    id: String,
    (server, tool, arguments): (String, String, Value),
    status: McpToolCallStatus,
    result: Option<McpToolCallResult>,
    error: Option<McpToolCallError>,
    duration_ms: Option<i64>,
) -> ThreadItemKind {
    ThreadItemKind::McpToolCall {
        id,
        server,
        tool,
        status,
        arguments,
        app_context: None,
        mcp_app_resource_uri: None,
        mcp_app_ui: None,
        plugin_id: None,
        read_only_hint: None,
        result,
        error,
        duration_ms,
    }
}

/// The line a person would type for an argument list.
pub(super) fn shell_line(command: &[String]) -> String {
    // Quoting fails on a NUL only, and that is allowed here.
    let words = command.iter().map(String::as_str);
    Quoter::new().allow_nul(true).join(words).unwrap_or_else(|_| command.join(" "))
}

/// The `file://` URL of a path; `None` when it is not absolute.
fn url_of_path(path: &str) -> Option<String> {
    if !path.starts_with('/') {
        return None;
    }
    let mut url = String::with_capacity("file://".len() + path.len());
    url.push_str("file://");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    Some(url)
}

/// A path recorded as a `file://` URL, with its escapes undone.
fn path_of_url(url: String) -> String {
    let Some(path) = url.strip_prefix("file://") else { return url };
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|hex| byte == b'%' && hex.iter().all(u8::is_ascii_hexdigit));
        let escaped = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The error of a failed turn as `task_complete` keeps it.
#[derive(Serialize)]
pub(crate) struct RecordedError<'a> {
    message: &'a str,
    codex_error_info: Option<Value>,
}

impl<'a> RecordedError<'a> {
    pub(crate) fn new(error: &'a TurnError) -> Self {
        let info = error.codex_error_info.as_ref().and_then(|info| serde_json::to_value(info).ok());
        RecordedError {
            message: &error.message,
            codex_error_info: info.map(|info| respell(info, snake_case)),
        }
    }
}

/// The error of a failed turn, read back.
#[derive(Deserialize)]
pub(super) struct StoredError {
    message: String,
    #[serde(default)]
    codex_error_info: Option<Value>,
}

impl StoredError {
    pub(super) fn into_wire(self) -> TurnError {
        let info = self.codex_error_info.map(|info| respell(info, camel_case));
        TurnError {
            additional_details: None,
            codex_error_info: info.and_then(|info| serde_json::from_value::<CodexErrorInfo>(info).ok()),
            message: self.message,
            misalignment: None,
        }
    }
}

/// Changes the spelling of a word, or of the keys of an object of words.
fn respell(value: Value, spelling: fn(&str) -> String) -> Value {
    match value {
        Value::String(word) => Value::String(spelling(&word)),
        Value::Object(object) => object
            .into_iter()
            .map(|(key, value)| {
                (spelling(&key), if value.is_object() { respell(value, spelling) } else { value })
            })
            .collect(),
        other => other,
    }
}

fn snake_case(word: &str) -> String {
    let mut out = String::with_capacity(word.len() + 4);
    for c in word.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn camel_case(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut upper = false;
    for c in word.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                out.push(c.to_ascii_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}
