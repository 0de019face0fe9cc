//! Turns from a rollout, whoever wrote it: one builder for the January files without turn ids, today's legacy files,
//! paginated files and ours (rollout specification 6).
//!
//! A turn whose items were recorded as such is taken from those records; otherwise it is put together from the older
//! events, and commands from pairs of calls and outputs, which goes beyond both references.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::mem::discriminant;
use std::ops::RangeInclusive;

use app_server_protocol::v2::{
    CommandExecutionSource, CommandExecutionStatus, LegacyAppPathString, McpToolCallError, McpToolCallStatus,
    MediaSource, MessagePhase, ThreadItem, ThreadItemKind, Turn, TurnItemsView, TurnStatus, UserInput,
};
use app_server_rollout::{Body, Event, Position, Record};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::agent_message;
use super::output::CommandOutput;
use super::recorded::{
    RecordedChange, RecordedDuration, RecordedElement, RecordedMcpResult, RecordedSearch, RecordedStatus,
    StoredError, mcp_tool_call, read_item, shell_line, wire_changes,
};
use crate::review;

/// Puts turns together, record by record in the order of the file.
#[derive(Default)]
pub(super) struct TurnBuilder {
    turns: Vec<Draft>,
    by_id: HashMap<String, usize>,
    /// Turns that were rolled back. What they left running may end later, and shows nowhere.
    dropped: HashSet<String>,
    /// Where the records of turns are that were dropped by a record which names the first of them; up to that record.
    cuts: Vec<RangeInclusive<Position>>,
    /// The turn that records belong to which name none.
    open: Option<usize>,
    /// Working folder of commands that name none.
    cwd: String,
    /// Where the current record stands.
    here: Place,
    /// Where the record before it stands, if that was a message of the user to the model.
    user_before: Option<Place>,
}

/// Where a record stands, and what it is known by as long as its file is only appended to: its number, or without one
/// its place in the file.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) position: Position,
    pub(super) anchor: u64,
}

/// A turn as the whole file has it.
pub(super) struct Built {
    pub(super) turn: Turn,
    /// Whether it is over: an end is on record, or none ever is in files that name no turns.
    pub(super) has_ended: bool,
    /// Its first record.
    pub(super) first: Place,
    /// The first record of whatever turn follows in the file, a dropped one included.
    pub(super) next: Option<Position>,
}

/// A turn in the making.
struct Draft {
    turn: Turn,
    items: Vec<DraftItem>,
    /// Begun by a record that names it; without one the user's message begins the turn.
    is_named: bool,
    has_ended: bool,
    /// Whether the user's or the agent's words were recorded as items, so that all items were; then no others are
    /// kept.
    is_recorded: bool,
    first: Place,
    next: Option<Position>,
}

struct DraftItem {
    item: ThreadItem,
    source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// An `item_completed` line.
    Recorded,
    /// An older event.
    Event,
    /// A call and its output.
    Pair,
}

/// The id of an item that gets its number at the end.
const UNNUMBERED: &str = "";

impl TurnBuilder {
    pub(super) fn push(&mut self, record: &Record<'_>) {
        self.here = Place::of(record);
        match &record.body {
            Body::SessionMeta(meta) => {
                if self.cwd.is_empty() {
                    self.cwd = meta.cwd.to_string_lossy().into_owned();
                }
            }
            Body::Event(event) => self.event(event),
            Body::ResponseItem(raw) => self.response_item(raw),
            Body::TurnContext(_) | Body::Compacted(_) | Body::Other { .. } => {}
        }
        self.user_before = is_user_message(&record.body).then_some(self.here);
    }

    /// Takes a record that stands behind the turns that are wanted, if it tells of an end in one of them.
    pub(super) fn push_late(&mut self, record: &Record<'_>) {
        if let Body::Event(event) = &record.body
            && ended_in(event).is_some_and(|turn_id| self.by_id.contains_key(turn_id.as_ref()))
        {
            self.here = Place::of(record);
            self.event(event);
        }
    }

    /// The position of the open turn, for what is only counted by turns.
    pub(super) fn open_turn(&self) -> Option<usize> {
        self.open.or_else(|| self.turns.len().checked_sub(1))
    }

    /// What was cut out of the thread by records that name the first turn which goes.
    pub(super) fn into_cuts(self) -> Vec<RangeInclusive<Position>> {
        self.cuts
    }

    /// The turns, numbered where the file names them not.
    pub(super) fn finish(self) -> impl Iterator<Item = Built> {
        let mut item_number = 0;
        let drafts = self.turns.into_iter().filter(Draft::counts);
        drafts.enumerate().map(move |(position, draft)| {
            let Draft { mut turn, items, is_named, has_ended, first, next, .. } = draft;
            if !is_named {
                turn.id = turn_number(position);
            }
            turn.root_turn_id.get_or_insert_with(|| turn.id.clone());
            // A named turn without an end was cut off; the January files record no ends at all.
            let has_ended = has_ended || !is_named;
            if turn.status == TurnStatus::InProgress {
                turn.status = if has_ended { TurnStatus::Completed } else { TurnStatus::Interrupted };
            }
            turn.items = items.into_iter().map(|draft| draft.item).collect();
            for item in &mut turn.items {
                let id = id_of(&mut item.kind);
                if id.as_str() == UNNUMBERED {
                    item_number += 1;
                    *id = format!("item-{item_number}");
                }
            }
            Built { turn, has_ended, first, next }
        })
    }

    fn event(&mut self, event: &Event<'_>) {
        let raw = event.payload;
        match event.kind.as_ref() {
            "task_started" | "turn_started" => self.begins(raw),
            "task_complete" | "turn_complete" => self.ends(raw),
            "turn_aborted" => self.aborted(raw),
            "item_completed" => self.item_completed(raw),
            "user_message" => self.user_message(raw),
            "agent_message" => self.agent_message(raw),
            "agent_reasoning" => self.reasoning(raw, false),
            "agent_reasoning_raw_content" => self.reasoning(raw, true),
            "web_search_end" => self.web_search(raw),
            "patch_apply_end" => self.patch(raw),
            "mcp_tool_call_end" => self.mcp_tool_call(raw),
            "context_compacted" => {
                self.add(ThreadItemKind::ContextCompaction { id: UNNUMBERED.to_owned() }, Source::Event);
            }
            "entered_review_mode" => self.review(raw, true),
            "exited_review_mode" => self.review(raw, false),
            "thread_rolled_back" => self.rolled_back(raw),
            _ => {}
        }
    }

    fn begins(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct Started {
            turn_id: String,
            #[serde(default)]
            root_turn_id: Option<String>,
            #[serde(default)]
            started_at: Option<i64>,
        }
        let Some(Started { turn_id, root_turn_id, started_at }) = read(raw) else { return };
        self.dropped.remove(&turn_id);
        let at = self.turn_named(&turn_id);
        let turn = &mut self.turns[at].turn;
        turn.root_turn_id = root_turn_id;
        turn.started_at = started_at;
        self.open = Some(at);
    }

    fn ends(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct Complete {
            turn_id: String,
            #[serde(default)]
            error: Option<StoredError>,
            #[serde(default)]
            started_at: Option<i64>,
            #[serde(default)]
            completed_at: Option<i64>,
            #[serde(default)]
            duration_ms: Option<i64>,
        }
        let Some(complete) = read::<Complete>(raw) else { return };
        if self.dropped.contains(&complete.turn_id) {
            return;
        }
        let at = self.turn_named(&complete.turn_id);
        let draft = &mut self.turns[at];
        draft.has_ended = true;
        draft.turn.status = if complete.error.is_some() { TurnStatus::Failed } else { TurnStatus::Completed };
        draft.turn.error = complete.error.map(StoredError::into_wire);
        // The turn of a review has no beginning on record.
        draft.turn.started_at = draft.turn.started_at.or(complete.started_at);
        draft.turn.completed_at = complete.completed_at;
        draft.turn.duration_ms = complete.duration_ms;
        if self.open == Some(at) {
            self.open = None;
        }
    }

    fn aborted(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct Aborted {
            #[serde(default)]
            turn_id: Option<String>,
            #[serde(default)]
            completed_at: Option<i64>,
            #[serde(default)]
            duration_ms: Option<i64>,
        }
        let Some(aborted) = read::<Aborted>(raw) else { return };
        let at = match &aborted.turn_id {
            Some(id) if self.dropped.contains(id) => None,
            Some(id) => Some(self.turn_named(id)),
            None => self.open,
        };
        let Some(at) = at else { return };
        let draft = &mut self.turns[at];
        draft.has_ended = true;
        draft.turn.status = TurnStatus::Interrupted;
        draft.turn.completed_at = aborted.completed_at;
        draft.turn.duration_ms = aborted.duration_ms;
        if self.open == Some(at) {
            self.open = None;
        }
    }

    fn item_completed(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct Completed<'a> {
            turn_id: String,
            #[serde(borrow)]
            item: &'a RawValue,
            #[serde(default)]
            started_at_ms: Option<i64>,
            #[serde(default)]
            completed_at_ms: Option<i64>,
        }
        let Some(completed) = read::<Completed<'_>>(raw) else { return };
        if self.dropped.contains(&completed.turn_id) {
            return;
        }
        let Some(mut kind) = read_item(completed.item) else { return };
        // The January reference counts turns from 0 and records plans alone; those ids name nothing.
        let at = match self.open {
            Some(open) if !self.turns[open].is_named && !self.by_id.contains_key(&completed.turn_id) => open,
            _ => self.turn_named(&completed.turn_id),
        };
        let is_words =
            matches!(kind, ThreadItemKind::UserMessage { .. } | ThreadItemKind::AgentMessage { .. });
        let draft = &mut self.turns[at];
        if is_words && draft.is_named && !draft.is_recorded {
            draft.is_recorded = true;
            draft.items.retain(|item| item.source == Source::Recorded);
        }
        // What was put together from the call or an event, while nothing better was known.
        if !draft.is_recorded {
            let id = id_of(&mut kind);
            draft
                .items
                .retain_mut(|item| item.source == Source::Recorded || id_of(&mut item.item.kind) != id);
        }
        // In our legacy files the event for older readers, which may name no item, comes right before.
        let is_same = |last: &mut DraftItem| {
            last.source == Source::Event
                && discriminant(&last.item.kind) == discriminant(&kind)
                && id_of(&mut last.item.kind) == UNNUMBERED
        };
        if draft.items.last_mut().is_some_and(is_same) {
            draft.items.pop();
        }
        let item = ThreadItem {
            kind,
            started_at_ms: completed.started_at_ms,
            completed_at_ms: completed.completed_at_ms,
        };
        draft.items.push(DraftItem { item, source: Source::Recorded });
    }

    fn user_message(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct UserMessage {
            #[serde(default)]
            client_id: Option<String>,
            #[serde(default)]
            message: String,
            #[serde(default)]
            images: Option<Vec<String>>,
            #[serde(default)]
            local_images: Option<Vec<String>>,
            #[serde(default)]
            text_elements: Option<Vec<RecordedElement>>,
        }
        let Some(event) = read::<UserMessage>(raw) else { return };
        let mut content = Vec::new();
        if !event.message.trim().is_empty() {
            let elements = event.text_elements.unwrap_or_default();
            content.push(UserInput::Text {
                text: event.message,
                text_elements: elements.into_iter().map(RecordedElement::into_wire).collect(),
            });
        }
        let images = event.images.unwrap_or_default().into_iter();
        content.extend(images.map(|url| UserInput::Image { source: MediaSource::Url { url }, detail: None }));
        let local = event.local_images.unwrap_or_default().into_iter();
        content.extend(local.map(|path| UserInput::LocalImage { path, detail: None }));
        if !self.open.is_some_and(|open| self.turns[open].is_named) {
            // What the model sees of the message comes right before.
            let first = self.user_before.unwrap_or(self.here);
            self.open = Some(self.new_turn(String::new(), false, first));
        }
        let id = UNNUMBERED.to_owned();
        self.add(ThreadItemKind::UserMessage { id, client_id: event.client_id, content }, Source::Event);
    }

    fn agent_message(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct AgentMessage {
            message: String,
            #[serde(default)]
            phase: Option<MessagePhase>,
        }
        if let Some(AgentMessage { message, phase }) =
            read(raw).filter(|event: &AgentMessage| !event.message.is_empty())
        {
            self.add(agent_message(UNNUMBERED.to_owned(), message, phase), Source::Event);
        }
    }

    /// Parts of one reasoning come as events of their own and belong together.
    fn reasoning(&mut self, raw: &RawValue, is_raw: bool) {
        #[derive(Deserialize)]
        struct Reasoning {
            text: String,
        }
        let Some(Reasoning { text }) = read(raw) else { return };
        let last = self.open.and_then(|open| self.turns[open].items.last_mut());
        if let Some(DraftItem {
            item: ThreadItem { kind: ThreadItemKind::Reasoning { summary, content, .. }, .. },
            source: Source::Event,
        }) = last
        {
            return if is_raw { content.push(text) } else { summary.push(text) };
        }
        let (summary, content) = if is_raw { (Vec::new(), vec![text]) } else { (vec![text], Vec::new()) };
        self.add(ThreadItemKind::Reasoning { id: UNNUMBERED.to_owned(), summary, content }, Source::Event);
    }

    fn web_search(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct SearchEnd {
            call_id: String,
            #[serde(default)]
            query: String,
            #[serde(default)]
            action: Option<RecordedSearch>,
        }
        if let Some(SearchEnd { call_id, query, action }) = read(raw) {
            let action = action.map(RecordedSearch::into_wire);
            self.add(ThreadItemKind::WebSearch { id: call_id, query, action, results: None }, Source::Event);
        }
    }

    fn patch(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct PatchEnd {
            call_id: String,
            #[serde(default)]
            success: bool,
            #[serde(default)]
            changes: BTreeMap<String, RecordedChange>,
            #[serde(default)]
            status: Option<RecordedStatus>,
            #[serde(default)]
            turn_id: Option<String>,
        }
        if let Some(PatchEnd { call_id, success, changes, status, turn_id }) = read(raw) {
            let by_success = if success { RecordedStatus::Completed } else { RecordedStatus::Failed };
            self.drop_pair(&call_id);
            let kind = ThreadItemKind::FileChange {
                id: call_id,
                changes: wire_changes(changes),
                status: status.unwrap_or(by_success).of_patch(),
            };
            self.add_event(turn_id, kind);
        }
    }

    fn mcp_tool_call(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct CallEnd {
            call_id: String,
            invocation: Invocation,
            #[serde(default)]
            duration: Option<RecordedDuration>,
            #[serde(default)]
            result: Option<Outcome>,
            #[serde(default)]
            turn_id: Option<String>,
        }
        #[derive(Deserialize)]
        struct Invocation {
            server: String,
            tool: String,
            #[serde(default)]
            arguments: Value,
        }
        #[derive(Deserialize)]
        enum Outcome {
            Ok(RecordedMcpResult),
            Err(String),
        }
        let Some(CallEnd { call_id, invocation, duration, result, turn_id }) = read(raw) else { return };
        self.drop_pair(&call_id);
        let (status, result, error) = match result {
            Some(Outcome::Ok(result)) => (result.status(), Some(result.into_wire()), None),
            Some(Outcome::Err(message)) => {
                (McpToolCallStatus::Failed, None, Some(McpToolCallError { message }))
            }
            None => (McpToolCallStatus::Completed, None, None),
        };
        let Invocation { server, tool, arguments } = invocation;
        let duration_ms = duration.map(RecordedDuration::ms);
        let kind = mcp_tool_call(call_id, (server, tool, arguments), status, result, error, duration_ms);
        self.add_event(turn_id, kind);
    }

    fn review(&mut self, raw: &RawValue, entered: bool) {
        #[derive(Deserialize)]
        struct Review {
            #[serde(default)]
            turn_id: Option<String>,
            #[serde(default)]
            item_id: Option<String>,
            #[serde(default)]
            user_facing_hint: Option<String>,
            #[serde(default)]
            review_output: Option<review::Output>,
        }
        let Some(review) = read::<Review>(raw) else { return };
        let id = review.item_id.unwrap_or_else(|| UNNUMBERED.to_owned());
        let kind = match entered {
            true => {
                ThreadItemKind::EnteredReviewMode { id, review: review.user_facing_hint.unwrap_or_default() }
            }
            false => ThreadItemKind::ExitedReviewMode {
                id,
                review: review.review_output.unwrap_or_default().text(),
            },
        };
        self.add_event(review.turn_id, kind);
    }

    fn rolled_back(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct RolledBack {
            num_turns: usize,
            #[serde(default)]
            before_turn_id: Option<String>,
        }
        let Some(RolledBack { num_turns, before_turn_id }) = read(raw) else { return };
        self.open = None;
        let named = before_turn_id.and_then(|id| self.position(&id));
        if let Some(first) = named.map(|at| self.turns[at].first.position) {
            self.cuts.push(first..=self.here.position);
        }
        let left = named.unwrap_or_else(|| self.turns.len().saturating_sub(num_turns));
        self.turns.truncate(left);
        let dropped = self.by_id.extract_if(|_, at| *at >= left);
        self.dropped.extend(dropped.map(|(id, _)| id));
    }

    /// Items that only the model's side of the file knows: commands, and images the provider made.
    fn response_item(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct Item<'a> {
            #[serde(borrow, rename = "type")]
            kind: Cow<'a, str>,
        }
        // Most items are messages, and every writer puts the type first.
        if raw.get().starts_with(r#"{"type":"message""#) || raw.get().starts_with(r#"{"type":"reasoning""#) {
            return;
        }
        let Some(Item { kind }) = read(raw) else { return };
        match kind.as_ref() {
            "function_call" | "local_shell_call" => self.call(raw),
            "function_call_output" => self.output(raw),
            _ => {}
        }
    }

    fn call(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct Call {
            #[serde(default)]
            call_id: Option<String>,
            #[serde(default)]
            name: Option<String>,
            #[serde(default)]
            arguments: Option<String>,
            #[serde(default)]
            action: Option<Arguments>,
        }
        #[derive(Deserialize)]
        struct Arguments {
            #[serde(default, alias = "cmd")]
            command: Option<Words>,
            #[serde(default, alias = "working_directory")]
            workdir: Option<String>,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Words {
            Line(String),
            List(Vec<String>),
        }
        // Outside of turns nothing was run: the item was put into the model's history.
        if self.open.is_none() {
            return;
        }
        let Some(Call { call_id: Some(id), name, arguments, action }) = read(raw) else { return };
        let is_command = matches!(name.as_deref(), None | Some("shell" | "shell_command" | "exec_command"));
        let arguments = match (action, arguments) {
            (Some(action), _) => Some(action),
            (None, Some(text)) if is_command => serde_json::from_str(&text).ok(),
            _ => None,
        };
        let Some(Arguments { command: Some(command), workdir }) = arguments else { return };
        let command = match command {
            Words::Line(line) => shell_line(&["/bin/bash".to_owned(), "-lc".to_owned(), line]),
            Words::List(words) => shell_line(&words),
        };
        let kind = ThreadItemKind::CommandExecution {
            id,
            plugin_id: None,
            script_path: None,
            command,
            cwd: LegacyAppPathString(workdir.unwrap_or_else(|| self.cwd.clone())),
            process_id: None,
            source: CommandExecutionSource::Agent,
            status: CommandExecutionStatus::Completed,
            command_actions: Vec::new(),
            aggregated_output: None,
            exit_code: None,
            duration_ms: None,
        };
        self.add(kind, Source::Pair);
    }

    fn output(&mut self, raw: &RawValue) {
        #[derive(Deserialize)]
        struct Output {
            call_id: String,
            output: Value,
        }
        let Some(open) = self.open else { return };
        if !self.turns[open].items.iter().any(|item| item.source == Source::Pair) {
            return;
        }
        let Some(Output { call_id, output: Value::String(text) }) = read(raw) else { return };
        for draft in self.turns[open].items.iter_mut().rev().filter(|item| item.source == Source::Pair) {
            if let ThreadItemKind::CommandExecution {
                id,
                status,
                aggregated_output,
                exit_code,
                duration_ms,
                ..
            } = &mut draft.item.kind
                && *id == call_id
            {
                let output = CommandOutput::read(text);
                (*status, *aggregated_output) = (output.status, output.text);
                (*exit_code, *duration_ms) = (output.exit_code, output.duration_ms);
                return;
            }
        }
    }

    /// Adds an item to the open turn, or to one of its own when none is open.
    fn add(&mut self, kind: ThreadItemKind, source: Source) {
        let at = match self.open {
            Some(at) => at,
            None => self.open_unnamed(),
        };
        self.put(at, kind, source);
    }

    /// Adds an item to the turn its event names, or as [`Self::add`] does when it names none.
    fn add_event(&mut self, turn_id: Option<String>, kind: ThreadItemKind) {
        let Some(turn_id) = turn_id else { return self.add(kind, Source::Event) };
        if self.dropped.contains(&turn_id) {
            return;
        }
        let at = self.turn_named(&turn_id);
        self.put(at, kind, Source::Event);
    }

    fn put(&mut self, at: usize, kind: ThreadItemKind, source: Source) {
        let draft = &mut self.turns[at];
        if !draft.is_recorded {
            let item = ThreadItem { kind, started_at_ms: None, completed_at_ms: None };
            draft.items.push(DraftItem { item, source });
        }
    }

    /// Forgets the command of a call that turned out to be something better known.
    fn drop_pair(&mut self, call_id: &str) {
        if let Some(open) = self.open {
            self.turns[open]
                .items
                .retain_mut(|draft| draft.source != Source::Pair || id_of(&mut draft.item.kind) != call_id);
        }
    }

    /// The position of a turn by its id, or by its number where the file does not name it.
    fn position(&self, id: &str) -> Option<usize> {
        let by_number = || {
            let counted = self.turns.iter().enumerate().filter(|(_, draft)| draft.counts());
            let numbered = counted.enumerate().filter(|(_, (_, draft))| !draft.is_named);
            let mut found = numbered.filter(|(number, _)| turn_number(*number) == id);
            found.next().map(|(_, (at, _))| at)
        };
        self.by_id.get(id).copied().or_else(by_number)
    }

    fn open_unnamed(&mut self) -> usize {
        let at = self.new_turn(String::new(), false, self.here);
        self.open = Some(at);
        at
    }

    fn turn_named(&mut self, id: &str) -> usize {
        match self.by_id.get(id) {
            Some(at) => *at,
            None => {
                let at = self.new_turn(id.to_owned(), true, self.here);
                self.by_id.insert(id.to_owned(), at);
                self.open = Some(at);
                at
            }
        }
    }

    fn new_turn(&mut self, id: String, is_named: bool, first: Place) -> usize {
        if let Some(last) = self.turns.last_mut() {
            last.next.get_or_insert(first.position);
        }
        let turn = Turn {
            completed_at: None,
            duration_ms: None,
            error: None,
            id,
            items: Vec::new(),
            items_view: TurnItemsView::Full,
            root_turn_id: None,
            started_at: None,
            status: TurnStatus::InProgress,
        };
        self.turns.push(Draft {
            turn,
            items: Vec::new(),
            is_named,
            has_ended: false,
            is_recorded: false,
            first,
            next: None,
        });
        self.turns.len() - 1
    }
}

impl Draft {
    /// Whether it is a turn to anybody: one that nothing names and that has nothing in it is none.
    fn counts(&self) -> bool {
        self.is_named || !self.items.is_empty()
    }
}

/// The id of a turn that the file does not name.
fn turn_number(position: usize) -> String {
    format!("turn-{}", position + 1)
}

impl Place {
    fn of(record: &Record<'_>) -> Place {
        Place { position: record.position, anchor: record.ordinal.unwrap_or(record.position.offset) }
    }
}

impl Default for Place {
    fn default() -> Self {
        Place { position: Position { file: Position::OWN_FILE, offset: 0 }, anchor: 0 }
    }
}

/// Whether the model saw words in the user's role here. Every writer puts type and role first.
fn is_user_message(body: &Body<'_>) -> bool {
    matches!(body, Body::ResponseItem(raw) if raw.get().starts_with(r#"{"type":"message","role":"user""#))
}

/// The turn that this event tells of an end in: its own, or that of something which outlived it. Such an event belongs
/// to its turn wherever it stands.
pub(super) fn ended_in<'a>(event: &Event<'a>) -> Option<Cow<'a, str>> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        turn_id: Cow<'a, str>,
    }
    match event.kind.as_ref() {
        "item_completed"
        | "patch_apply_end"
        | "mcp_tool_call_end"
        | "entered_review_mode"
        | "exited_review_mode"
        | "task_complete"
        | "turn_complete"
        | "turn_aborted" => read::<Named<'a>>(event.payload).map(|named| named.turn_id),
        _ => None,
    }
}

fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

/// The id of an item.
pub(crate) fn id_of(kind: &mut ThreadItemKind) -> &mut String {
    match kind {
        ThreadItemKind::UserMessage { id, .. }
        | ThreadItemKind::HookPrompt { id, .. }
        | ThreadItemKind::AgentMessage { id, .. }
        | ThreadItemKind::FunctionCallOutput { id, .. }
        | ThreadItemKind::Plan { id, .. }
        | ThreadItemKind::Reasoning { id, .. }
        | ThreadItemKind::CommandExecution { id, .. }
        | ThreadItemKind::FileChange { id, .. }
        | ThreadItemKind::McpToolCall { id, .. }
        | ThreadItemKind::DynamicToolCall { id, .. }
        | ThreadItemKind::CollabAgentToolCall { id, .. }
        | ThreadItemKind::SubAgentActivity { id, .. }
        | ThreadItemKind::WebSearch { id, .. }
        | ThreadItemKind::ImageView { id, .. }
        | ThreadItemKind::Sleep { id, .. }
        | ThreadItemKind::ImageGeneration { id, .. }
        | ThreadItemKind::EnteredReviewMode { id, .. }
        | ThreadItemKind::ExitedReviewMode { id, .. }
        | ThreadItemKind::CodeReview { id, .. }
        | ThreadItemKind::ContextCompaction { id, .. } => id,
    }
}
