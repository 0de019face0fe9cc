//! Turns from a rollout, whoever wrote it: one builder for the January files without turn ids, today's legacy files,
//! paginated files and ours (rollout specification 6).
//!
//! A turn whose items were recorded as such is taken from those records; otherwise it is put together from the older
//! events, and commands from pairs of calls and outputs, which goes beyond both references.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher as _};
use std::ops::RangeInclusive;
use std::sync::Arc;

use app_server_protocol::v2::{
    CommandExecutionSource, CommandExecutionStatus, LegacyAppPathString, McpToolCallError, McpToolCallStatus,
    MediaSource, MessagePhase, ThreadItem, ThreadItemKind, Turn, TurnError, TurnItemsView, TurnStatus,
    UserInput,
};
use app_server_rollout::{Body, Event, LineHead, Position, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::agent_message;
use super::outline::{TurnEntry, TurnPlace};
use super::output::CommandOutput;
use super::pictures::{self, USER_MESSAGE};
use super::recorded::{
    RecordedChange, RecordedDuration, RecordedElement, RecordedMcpResult, RecordedSearch, RecordedStatus,
    StoredError, mcp_tool_call, read_item, shell_line, wire_changes,
};
use crate::review;

/// Puts turns together, record by record in the order of the file: all of them for where they are, or one of them for
/// what is in it.
///
/// Between two records one that keeps nothing of the items can be stored, and later goes on as if nothing had been. Who
/// changes what is gathered, or how, counts up the format of what is stored.
#[derive(Default, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub(super) struct TurnBuilder {
    #[serde(skip)]
    keep: Keep,
    turns: Vec<Draft>,
    #[serde(skip)]
    by_id: HashMap<Arc<str>, usize>,
    /// Turns that were rolled back. What they left running may end later, and shows nowhere.
    dropped: HashSet<Arc<str>>,
    /// Where the records of turns are that were dropped by a record which names the first of them; up to that record.
    cuts: Vec<RangeInclusive<Position>>,
    /// The turn that records belong to which name none.
    open: Option<usize>,
    /// Working folder of commands that name none.
    cwd: String,
    /// Where the current record stands.
    #[serde(skip)]
    here: Place,
    /// Where the record before it stands, if that was a message of the user to the model.
    user_before: Option<Place>,
    /// The message of the user to the model right before, if it has pictures, for its other records that refer to them.
    #[serde(skip)]
    pictured: Option<Box<RawValue>>,
    /// The turns that the current record belongs to: nearly always one at most.
    #[serde(skip)]
    touched: [Option<usize>; 2],
    /// The turn whose run goes on.
    running: Option<usize>,
    /// The turn that alone is read, by the id that records name it by; empty if none does.
    #[serde(skip)]
    only: Option<String>,
}

/// What is stored of a builder.
#[derive(Deserialize)]
struct Stored {
    turns: Vec<Draft>,
    dropped: HashSet<Arc<str>>,
    cuts: Vec<RangeInclusive<Position>>,
    open: Option<usize>,
    cwd: String,
    user_before: Option<Place>,
    running: Option<usize>,
}

impl From<Stored> for TurnBuilder {
    fn from(stored: Stored) -> Self {
        let Stored { turns, dropped, cuts, open, cwd, user_before, running } = stored;
        let named = turns.iter().enumerate().filter(|(_, draft)| draft.is_named);
        let by_id = named.map(|(at, draft)| (Arc::clone(&draft.id), at)).collect();
        let rest = TurnBuilder::new(Keep::Nothing);
        TurnBuilder { turns, by_id, dropped, cuts, open, cwd, user_before, running, ..rest }
    }
}

/// How much of the items is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Keep {
    #[default]
    All,
    /// The user's and the agent's messages.
    Words,
    Nothing,
}

/// Where a record stands, and what it is known by as long as its file is only appended to: its number, or without one
/// its place in the file.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Place {
    #[serde(rename = "p")]
    pub(super) position: Position,
    #[serde(rename = "a")]
    pub(super) anchor: u64,
}

/// Records of a turn that stand together, with none of another turn between them, in one file of the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Run {
    #[serde(rename = "a")]
    pub(super) first: u64,
    #[serde(rename = "z")]
    pub(super) last: u64,
    #[serde(rename = "f")]
    pub(super) file: u16,
    /// Whether the turn was open when the first of them came.
    #[serde(rename = "o")]
    is_open: bool,
    /// Whether the thread's folder was known then.
    #[serde(rename = "c")]
    has_cwd: bool,
}

/// A turn in the making. What only a whole turn tells is not stored; names are short, for there may be very many.
#[derive(Serialize, Deserialize)]
struct Draft {
    /// Empty if the file does not name it.
    id: Arc<str>,
    #[serde(rename = "root", default, skip_serializing_if = "Option::is_none")]
    root_id: Option<String>,
    #[serde(rename = "s")]
    status: TurnStatus,
    #[serde(skip)]
    error: Option<Box<TurnError>>,
    #[serde(skip)]
    started_at: Option<i64>,
    #[serde(skip)]
    completed_at: Option<i64>,
    #[serde(skip)]
    duration_ms: Option<i64>,
    #[serde(rename = "i", default, skip_serializing_if = "Vec::is_empty")]
    items: Vec<DraftItem>,
    /// Items of which nothing is kept but their number, and how many of them have no id.
    #[serde(rename = "c")]
    counted: (u32, u32),
    /// Begun by a record that names it; without one the user's message begins the turn.
    #[serde(rename = "n")]
    is_named: bool,
    #[serde(rename = "e")]
    has_ended: bool,
    /// Whether the user's or the agent's words were recorded as items, so that all items were; then no others are
    /// kept.
    #[serde(rename = "r")]
    is_recorded: bool,
    #[serde(rename = "f")]
    first: Place,
    #[serde(rename = "x")]
    next: Option<Position>,
    #[serde(rename = "u")]
    runs: Vec<Run>,
}

/// What must be known of an item to tell what becomes of it, and the item if it is kept.
#[derive(Serialize, Deserialize)]
struct DraftItem {
    /// Of its id; nought for one that gets its number at the end.
    #[serde(rename = "h")]
    hash: u64,
    #[serde(rename = "s")]
    sort: Sort,
    #[serde(rename = "o")]
    source: Source,
    #[serde(skip)]
    item: Option<Box<ThreadItem>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Source {
    /// An `item_completed` line.
    Recorded,
    /// An older event.
    Event,
    /// A call and its output.
    Pair,
}

/// The kinds of items that older events may tell of without an id, and all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Sort {
    User,
    Agent,
    Reasoning,
    Compaction,
    Entered,
    Exited,
    Other,
}

/// The id of an item that gets its number at the end.
const UNNUMBERED: &str = "";

/// Recorded items longer than this are not taken apart when nothing of them is kept.
const LONG_ITEM_BYTES: usize = 4096;

impl TurnBuilder {
    pub(super) fn new(keep: Keep) -> Self {
        TurnBuilder { keep, ..TurnBuilder::default() }
    }

    /// A builder of the one turn, for the records of its runs.
    pub(super) fn of_one(keep: Keep, entry: &TurnEntry) -> Self {
        let only = if entry.is_named { entry.id.clone() } else { String::new() };
        TurnBuilder { only: Some(only), ..TurnBuilder::new(keep) }
    }

    /// Comes to another run of the one turn.
    pub(super) fn goes_on(&mut self, run: &Run, cwd: &str) {
        self.open = run.is_open.then_some(0);
        self.cwd.clear();
        if run.has_cwd {
            self.cwd.push_str(cwd);
        }
    }

    /// Whether a record that begins like this may say something of turns.
    pub(super) fn wants(&self, head: &LineHead<'_>) -> bool {
        match head.kind {
            "event_msg" => is_of_turns(head.payload_kind),
            "response_item" => match head.payload_kind {
                "function_call" | "local_shell_call" => self.takes_calls(),
                "function_call_output" => self.keep == Keep::All && self.takes_calls(),
                // It may have pictures that its item refers to.
                "message" => self.keep != Keep::Nothing && head.payload.starts_with(USER_MESSAGE.as_bytes()),
                _ => false,
            },
            _ => false,
        }
    }

    /// Takes note of a record that it did not want.
    pub(super) fn pass(&mut self, head: &LineHead<'_>) {
        self.here = Place { position: head.position, anchor: head.ordinal.unwrap_or(head.position.offset) };
        if head.kind == "response_item" && head.payload_kind == "function_call_output" && self.takes_calls() {
            // It may be the output of one of the turn's commands.
            let was_open = self.open;
            self.touched = [was_open, None];
            self.note_runs(was_open);
        }
        let is_user = head.kind == "response_item" && head.payload.starts_with(USER_MESSAGE.as_bytes());
        self.user_before = is_user.then_some(self.here);
        self.pictured = None;
    }

    pub(super) fn push(&mut self, record: &Record<'_>) {
        self.here = Place::of(record);
        self.touched = [None; 2];
        let was_open = self.open;
        match &record.body {
            Body::SessionMeta(meta) => {
                if self.cwd.is_empty() {
                    self.cwd = meta.cwd.to_string_lossy().into_owned();
                    self.running = None;
                }
            }
            Body::Event(event) => self.event(event),
            Body::ResponseItem(raw) => self.response_item(raw),
            Body::TurnContext(_) | Body::Compacted(_) | Body::Other { .. } => {}
        }
        self.note_runs(was_open);
        self.user_before = is_user_message(&record.body).then_some(self.here);
        let is_of_message = self.user_before.is_some()
            || matches!(&record.body, Body::Event(event) if event.kind == "user_message");
        if !is_of_message {
            self.pictured = None;
        }
    }

    /// Takes a record that stands behind the turns that are wanted, if it tells of an end in one of them.
    pub(super) fn push_late(&mut self, record: &Record<'_>) {
        if let Body::Event(event) = &record.body
            && ended_in(event).is_some_and(|turn_id| self.by_id.contains_key(turn_id.as_ref()))
        {
            self.here = Place::of(record);
            (self.user_before, self.pictured) = (None, None);
            self.touched = [None; 2];
            let was_open = self.open;
            // Between such records there are others that are not read.
            self.break_run();
            self.event(event);
            self.note_runs(was_open);
            self.break_run();
        }
    }

    /// Whether calls of the open turn and their outputs are its items.
    fn takes_calls(&self) -> bool {
        self.open.is_some_and(|open| !self.turns[open].is_recorded)
    }

    /// The current record belongs to this turn.
    fn touch(&mut self, at: usize) {
        if !self.touched.contains(&Some(at)) {
            let slot = usize::from(self.touched[0].is_some());
            self.touched[slot] = Some(at);
        }
    }

    /// What comes now is of another run, even if it is of the same turn.
    fn break_run(&mut self) {
        self.running = None;
    }

    /// Adds the current record to the runs of the turns it belongs to. One that belongs to none may stand in a run: what
    /// it does there it does in a whole reading, which is nothing. What the model saw of a message right before is in the
    /// run, for the pictures in it.
    fn note_runs(&mut self, was_open: Option<usize>) {
        let Position { file, offset } = self.here.position;
        let before = self.user_before.map(|before| before.position);
        let before = before.filter(|before| before.file == file && before.offset < offset);
        let first = before.map_or(offset, |before| before.offset);
        for at in std::mem::take(&mut self.touched).into_iter().flatten() {
            let Some(draft) = self.turns.get_mut(at) else { continue };
            match draft.runs.last_mut() {
                Some(run) if self.running == Some(at) && run.file == file && run.last < offset => {
                    run.last = offset;
                }
                _ => draft.runs.push(Run {
                    first,
                    last: offset,
                    file,
                    is_open: was_open == Some(at),
                    has_cwd: !self.cwd.is_empty(),
                }),
            }
            self.running = Some(at);
        }
    }

    /// The position of the open turn, for what is only counted by turns.
    pub(super) fn open_turn(&self) -> Option<usize> {
        self.open.or_else(|| self.turns.len().checked_sub(1))
    }

    /// What was cut out of the thread by records that name the first turn which goes.
    pub(super) fn cuts(&self) -> &[RangeInclusive<Position>] {
        &self.cuts
    }

    /// The thread's folder, as the first of its lines that names one has it.
    pub(super) fn cwd(&self) -> &str {
        &self.cwd
    }

    /// Where the turns are, numbered where the file names them not.
    pub(super) fn finish(self) -> Vec<TurnEntry> {
        let TurnBuilder { turns, by_id, .. } = self;
        drop(by_id);
        let mut unnumbered_before = 0;
        let drafts = turns.into_iter().filter(Draft::counts);
        let entries = drafts.enumerate().map(|(position, draft)| {
            let (status, has_ended) = draft.end();
            let (items, unnumbered) = draft.count();
            let Draft { id, root_id, is_named, first, next, mut runs, .. } = draft;
            let id = if is_named { String::from(&*id) } else { turn_number(position) };
            runs.shrink_to_fit();
            let entry = TurnEntry {
                root_turn_id: root_id.filter(|root| *root != id),
                id,
                anchor: first.anchor,
                first: first.position,
                next,
                status,
                has_ended,
                is_named,
                runs,
                items,
                unnumbered_before,
            };
            unnumbered_before += unnumbered;
            entry
        });
        entries.collect()
    }

    /// The one turn, as far as its items were kept.
    pub(super) fn finish_one(mut self, entry: &TurnEntry) -> Turn {
        // There is none if all of its records are damaged, which is seen only now.
        let draft = self.turns.pop().unwrap_or_else(|| Draft::new(Arc::default(), false, self.here));
        draft.into_turn(entry.id.clone(), entry.unnumbered_before)
    }

    /// All turns with all their items, and where the last of them is.
    pub(super) fn whole(self) -> (Vec<Turn>, Option<TurnPlace>) {
        let mut number = 0;
        let mut anchor = 0;
        let drafts = self.turns.into_iter().filter(Draft::counts).enumerate();
        let turns = drafts.map(|(position, draft)| {
            let id = if draft.is_named { String::from(&*draft.id) } else { turn_number(position) };
            let before = number;
            number += draft.count().1;
            anchor = draft.first.anchor;
            draft.into_turn(id, before)
        });
        let turns: Vec<Turn> = turns.collect();
        let last = turns.last().map(|turn| TurnPlace { turn_id: turn.id.clone(), anchor });
        (turns, last)
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
        self.dropped.remove(turn_id.as_str());
        let at = self.turn_named(&turn_id);
        let turn = &mut self.turns[at];
        turn.root_id = root_turn_id;
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
        if self.is_dropped(&complete.turn_id) {
            return;
        }
        let at = self.turn_named(&complete.turn_id);
        let draft = &mut self.turns[at];
        draft.has_ended = true;
        draft.status = if complete.error.is_some() { TurnStatus::Failed } else { TurnStatus::Completed };
        draft.error = complete.error.map(|error| Box::new(error.into_wire()));
        // The turn of a review has no beginning on record.
        draft.started_at = draft.started_at.or(complete.started_at);
        draft.completed_at = complete.completed_at;
        draft.duration_ms = complete.duration_ms;
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
            Some(id) if self.is_dropped(id) => None,
            Some(id) => Some(self.turn_named(id)),
            None => self.open,
        };
        let Some(at) = at else { return };
        self.touch(at);
        let draft = &mut self.turns[at];
        draft.has_ended = true;
        draft.status = TurnStatus::Interrupted;
        draft.completed_at = aborted.completed_at;
        draft.duration_ms = aborted.duration_ms;
        if self.open == Some(at) {
            self.open = None;
        }
    }

    fn item_completed(&mut self, raw: &RawValue) {
        let Some((turn_id, item)) = self.completed(raw) else { return };
        let unnamed = self
            .open
            .filter(|open| !self.turns[*open].is_named && !self.by_id.contains_key(turn_id.as_str()));
        let at = match unnamed {
            // The January reference counts turns from 0 and records plans alone; those ids name nothing.
            Some(open) if Uuid::parse_str(&turn_id).is_err() => open,
            // The turn's beginning is damaged, and the events for older readers have begun one.
            Some(open) if self.turns[open].may_begin_with(&item) => self.give_name(open, &turn_id),
            _ => self.turn_named(&turn_id),
        };
        self.touch(at);
        let keep = self.keep;
        let draft = &mut self.turns[at];
        if matches!(item.sort, Sort::User | Sort::Agent) && draft.is_named && !draft.is_recorded {
            draft.is_recorded = true;
            draft.items.retain(|item| item.source == Source::Recorded);
            if keep == Keep::Nothing {
                std::mem::take(&mut draft.items).iter().for_each(|item| draft.count_in(item));
            }
        }
        // What was put together from the call or an event, while nothing better was known.
        if !draft.is_recorded {
            draft.items.retain(|other| other.source == Source::Recorded || other.hash != item.hash);
        }
        if draft.items.last().is_some_and(|last| last.is_event_for(&item)) {
            draft.items.pop();
        }
        if keep == Keep::Nothing && draft.is_recorded {
            // No record to come takes it away.
            draft.count_in(&item);
        } else {
            draft.items.push(item);
        }
    }

    /// Reads which item of which turn ended.
    fn completed(&mut self, raw: &RawValue) -> Option<(String, DraftItem)> {
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
        #[derive(Deserialize)]
        struct Known<'a> {
            turn_id: String,
            #[serde(borrow)]
            item: KnownItem<'a>,
        }
        #[derive(Deserialize)]
        struct KnownItem<'a> {
            #[serde(borrow, rename = "type")]
            kind: Cow<'a, str>,
            #[serde(borrow)]
            id: Cow<'a, str>,
        }
        if self.keep != Keep::All
            && raw.get().len() > LONG_ITEM_BYTES
            && let Some(Known { turn_id, item }) = read::<Known<'_>>(raw)
            && let Some(sort) = Sort::named(&item.kind)
            && (self.keep == Keep::Nothing || sort == Sort::Other)
        {
            let item = DraftItem { hash: hash_of(&item.id), sort, source: Source::Recorded, item: None };
            return (!self.is_dropped(&turn_id)).then_some((turn_id, item));
        }
        let completed = read::<Completed<'_>>(raw)?;
        if self.is_dropped(&completed.turn_id) {
            return None;
        }
        let mut kind = read_item(completed.item)?;
        pictures::resolve(&mut kind, self.pictured.as_deref());
        let item = ThreadItem {
            kind,
            started_at_ms: completed.started_at_ms,
            completed_at_ms: completed.completed_at_ms,
        };
        Some((completed.turn_id, DraftItem::new(item, Source::Recorded, self.keep)))
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
            #[serde(default)]
            image_refs: Vec<Option<String>>,
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
        let mut inline = event.images.unwrap_or_default().into_iter();
        let mut images = Vec::new();
        for reference in event.image_refs {
            images.extend(reference.or_else(|| inline.next()));
        }
        images.extend(inline);
        let image = |url| UserInput::Image { source: MediaSource::Url { url }, detail: None };
        content.extend(images.into_iter().map(image));
        let local = event.local_images.unwrap_or_default().into_iter();
        content.extend(local.map(|path| UserInput::LocalImage { path, detail: None }));
        if !self.open.is_some_and(|open| self.turns[open].is_named) {
            // What the model sees of the message comes right before.
            let first = self.user_before.unwrap_or(self.here);
            self.open = Some(self.new_turn(Arc::default(), false, first));
        }
        let id = UNNUMBERED.to_owned();
        let mut kind = ThreadItemKind::UserMessage { id, client_id: event.client_id, content };
        pictures::resolve(&mut kind, self.pictured.as_deref());
        self.add(kind, Source::Event);
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
        if let Some(open) = self.open
            && let Some(DraftItem { sort: Sort::Reasoning, source: Source::Event, item, .. }) =
                self.turns[open].items.last_mut()
        {
            if let Some(item) = item
                && let ThreadItemKind::Reasoning { summary, content, .. } = &mut item.kind
            {
                if is_raw { content.push(text) } else { summary.push(text) }
            }
            return self.touch(open);
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
        self.break_run();
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
        self.pictured = (self.keep != Keep::Nothing && pictures::has_pictures(raw)).then(|| raw.to_owned());
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
        if !self.takes_calls() {
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
        self.touch(open);
        let Some(Output { call_id, output: Value::String(text) }) = read(raw) else { return };
        let hash = hash_of(&call_id);
        let items = self.turns[open].items.iter_mut().rev();
        let call = items.filter(|item| item.source == Source::Pair).find(|item| item.hash == hash);
        if let Some(item) = call.and_then(|call| call.item.as_mut())
            && let ThreadItemKind::CommandExecution {
                status, aggregated_output, exit_code, duration_ms, ..
            } = &mut item.kind
        {
            let output = CommandOutput::read(text);
            (*status, *aggregated_output) = (output.status, output.text);
            (*exit_code, *duration_ms) = (output.exit_code, output.duration_ms);
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
        let is_of_another = self.only.as_ref().is_some_and(|only| *only != turn_id);
        if is_of_another || self.is_dropped(&turn_id) {
            return;
        }
        let at = self.turn_named(&turn_id);
        self.put(at, kind, Source::Event);
    }

    fn put(&mut self, at: usize, kind: ThreadItemKind, source: Source) {
        self.touch(at);
        let draft = &mut self.turns[at];
        if !draft.is_recorded {
            let item = ThreadItem { kind, started_at_ms: None, completed_at_ms: None };
            draft.items.push(DraftItem::new(item, source, self.keep));
        }
    }

    /// Forgets the command of a call that turned out to be something better known.
    fn drop_pair(&mut self, call_id: &str) {
        if let Some(open) = self.open {
            let (hash, items) = (hash_of(call_id), &mut self.turns[open].items);
            let before = items.len();
            items.retain(|item| item.source != Source::Pair || item.hash != hash);
            if items.len() < before {
                self.touch(open);
            }
        }
    }

    /// Whether the turn was dropped. What its records do in a whole reading, which is nothing, is not what they would do
    /// within a run.
    fn is_dropped(&mut self, turn_id: &str) -> bool {
        let is_dropped = self.dropped.contains(turn_id);
        if is_dropped {
            self.break_run();
        }
        is_dropped
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
        let at = self.new_turn(Arc::default(), false, self.here);
        self.open = Some(at);
        at
    }

    fn turn_named(&mut self, id: &str) -> usize {
        let at = match self.by_id.get(id) {
            Some(at) => *at,
            None => {
                let id: Arc<str> = id.into();
                let at = self.new_turn(Arc::clone(&id), true, self.here);
                self.by_id.insert(id, at);
                self.open = Some(at);
                at
            }
        };
        self.touch(at);
        at
    }

    fn give_name(&mut self, at: usize, id: &str) -> usize {
        let id: Arc<str> = id.into();
        let draft = &mut self.turns[at];
        (draft.id, draft.is_named) = (Arc::clone(&id), true);
        self.by_id.insert(id, at);
        at
    }

    fn new_turn(&mut self, id: Arc<str>, is_named: bool, first: Place) -> usize {
        if let Some(last) = self.turns.last_mut() {
            last.next.get_or_insert(first.position);
        }
        self.turns.push(Draft::new(id, is_named, first));
        self.turns.len() - 1
    }
}

impl Draft {
    fn new(id: Arc<str>, is_named: bool, first: Place) -> Self {
        Draft {
            id,
            root_id: None,
            status: TurnStatus::InProgress,
            error: None,
            started_at: None,
            completed_at: None,
            duration_ms: None,
            items: Vec::new(),
            counted: (0, 0),
            is_named,
            has_ended: false,
            is_recorded: false,
            first,
            next: None,
            runs: Vec::new(),
        }
    }

    /// Whether nothing was heard yet but events for older readers that come before this item: its own, and the user's
    /// words, whose item may be damaged too.
    fn may_begin_with(&self, item: &DraftItem) -> bool {
        let before = match self.items.split_last() {
            Some((last, before)) if last.is_event_for(item) => before,
            _ => &self.items,
        };
        match before {
            [] => true,
            [only] => only.source == Source::Event && only.sort == Sort::User,
            _ => false,
        }
    }

    /// Whether it is a turn to anybody: one that nothing names and that has nothing in it is none.
    fn counts(&self) -> bool {
        self.is_named || !self.items.is_empty()
    }

    /// Counts an item that is not kept.
    fn count_in(&mut self, item: &DraftItem) {
        self.counted.0 += 1;
        self.counted.1 += u32::from(item.hash == 0);
    }

    /// How many items there are, and how many of them have no id.
    fn count(&self) -> (u32, u32) {
        self.items
            .iter()
            .fold(self.counted, |(all, unnumbered), item| (all + 1, unnumbered + u32::from(item.hash == 0)))
    }

    /// The status, and whether it is over: an end is on record, or none ever is in files that name no turns.
    fn end(&self) -> (TurnStatus, bool) {
        // A named turn without an end was cut off; the January files record no ends at all.
        let has_ended = self.has_ended || !self.is_named;
        let status = match (self.status, has_ended) {
            (TurnStatus::InProgress, true) => TurnStatus::Completed,
            (TurnStatus::InProgress, false) => TurnStatus::Interrupted,
            (status, _) => status,
        };
        (status, has_ended)
    }

    /// The turn with the items that were kept.
    fn into_turn(self, id: String, unnumbered_before: u32) -> Turn {
        let (status, _) = self.end();
        let mut number = unnumbered_before;
        let items = self.items.into_iter().filter_map(|DraftItem { hash, item, .. }| {
            number += u32::from(hash == 0);
            let mut item = *item?;
            if hash == 0 {
                *id_of(&mut item.kind) = format!("item-{number}");
            }
            Some(item)
        });
        Turn {
            completed_at: self.completed_at,
            duration_ms: self.duration_ms,
            error: self.error.map(|error| *error),
            items: items.collect(),
            items_view: TurnItemsView::Full,
            root_turn_id: Some(self.root_id.unwrap_or_else(|| id.clone())),
            started_at: self.started_at,
            status,
            id,
        }
    }
}

impl DraftItem {
    fn new(mut item: ThreadItem, source: Source, keep: Keep) -> Self {
        let sort = Sort::of(&item.kind);
        let is_kept = match keep {
            Keep::All => true,
            Keep::Words => matches!(sort, Sort::User | Sort::Agent),
            Keep::Nothing => false,
        };
        let hash = hash_of(id_of(&mut item.kind));
        DraftItem { hash, sort, source, item: is_kept.then(|| Box::new(item)) }
    }

    /// Whether it is the event of this item for older readers, which may name no item. In our legacy files it comes right
    /// before.
    fn is_event_for(&self, item: &DraftItem) -> bool {
        self.source == Source::Event && self.sort == item.sort && self.hash == 0
    }
}

impl Sort {
    fn of(kind: &ThreadItemKind) -> Sort {
        match kind {
            ThreadItemKind::UserMessage { .. } => Sort::User,
            ThreadItemKind::AgentMessage { .. } => Sort::Agent,
            ThreadItemKind::Reasoning { .. } => Sort::Reasoning,
            ThreadItemKind::ContextCompaction { .. } => Sort::Compaction,
            ThreadItemKind::EnteredReviewMode { .. } => Sort::Entered,
            ThreadItemKind::ExitedReviewMode { .. } => Sort::Exited,
            _ => Sort::Other,
        }
    }

    /// Of those that can be long by their names on record.
    fn named(name: &str) -> Option<Sort> {
        match name {
            "UserMessage" | "userMessage" => Some(Sort::User),
            "AgentMessage" | "agentMessage" => Some(Sort::Agent),
            "CommandExecution" | "commandExecution" | "FileChange" | "fileChange" | "McpToolCall"
            | "mcpToolCall" | "DynamicToolCall" | "dynamicToolCall" => Some(Sort::Other),
            _ => None,
        }
    }
}

/// What the id of an item is compared by.
fn hash_of(id: &str) -> u64 {
    if id == UNNUMBERED {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    hasher.write(id.as_bytes());
    hasher.finish().max(1)
}

/// Whether turns are put together from events of this kind.
fn is_of_turns(event: &str) -> bool {
    matches!(
        event,
        "task_started"
            | "turn_started"
            | "task_complete"
            | "turn_complete"
            | "turn_aborted"
            | "item_completed"
            | "user_message"
            | "agent_message"
            | "agent_reasoning"
            | "agent_reasoning_raw_content"
            | "web_search_end"
            | "patch_apply_end"
            | "mcp_tool_call_end"
            | "context_compacted"
            | "entered_review_mode"
            | "exited_review_mode"
            | "thread_rolled_back"
    )
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

fn is_user_message(body: &Body<'_>) -> bool {
    matches!(body, Body::ResponseItem(raw) if raw.get().starts_with(USER_MESSAGE))
}

/// The turn that this event tells of an end in: its own, or that of something which outlived it. Such an event belongs
/// to its turn wherever it stands.
pub(super) fn ended_in<'a>(event: &Event<'a>) -> Option<Cow<'a, str>> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        turn_id: Cow<'a, str>,
    }
    is_end(&event.kind).then(|| read::<Named<'a>>(event.payload).map(|named| named.turn_id)).flatten()
}

/// Whether events of this kind tell of an end and may stand behind other turns.
pub(super) fn is_end(event: &str) -> bool {
    matches!(
        event,
        "item_completed"
            | "patch_apply_end"
            | "mcp_tool_call_end"
            | "entered_review_mode"
            | "exited_review_mode"
            | "task_complete"
            | "turn_complete"
            | "turn_aborted"
    )
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
