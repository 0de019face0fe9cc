//! From the model's stream to items: which item is open, what is told of it, what is recorded when it completes
//! (wire specification 6, 6.1).

use app_server_model_client::{OutputItem, OutputItemKind, WebSearchAction as ModelSearch};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    AgentMessageDeltaNotification, ItemCompletedNotification, ItemStartedNotification, MessagePhase,
    ModeKind, PlanDeltaNotification, RawResponseItemCompletedNotification,
    ReasoningSummaryPartAddedNotification, ReasoningSummaryTextDeltaNotification,
    ReasoningTextDeltaNotification, ThreadItem, ThreadItemKind, WebSearchAction,
};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::plan::{self, Piece, PlanSplitter};
use super::{Conversation, TurnContext};
use crate::clock::now_ms;
use crate::item::agent_message;

/// The item deltas belong to, and the plan inside of it.
#[derive(Default)]
pub(super) struct OpenItems {
    active: Option<Active>,
    plan_started_at_ms: Option<i64>,
}

struct Active {
    id: String,
    started_at_ms: i64,
    kind: ActiveKind,
}

enum ActiveKind {
    Message(PlanSplitter),
    Reasoning,
    Other,
}

impl TurnContext {
    /// Tells that an item has begun.
    pub(crate) fn started(&self, kind: ThreadItemKind, at_ms: i64) {
        let item = ThreadItem { kind, started_at_ms: Some(at_ms), completed_at_ms: None };
        self.notify(ServerNotification::ItemStarted(ItemStartedNotification {
            item,
            started_at_ms: at_ms,
            thread_id: self.thread.id().to_owned(),
            turn_id: self.turn_id.clone(),
        }));
    }

    /// Records a completed item, writes what was gathered and tells of it, in this order.
    pub(crate) fn completed(
        &self,
        conversation: &mut Conversation,
        kind: ThreadItemKind,
        started_at_ms: i64,
        history: Option<&RawValue>,
    ) -> ThreadItem {
        let completed_at_ms = now_ms();
        let item =
            ThreadItem { kind, started_at_ms: Some(started_at_ms), completed_at_ms: Some(completed_at_ms) };
        // The user's words come before their event and everything else after its event: older readers need it so.
        let is_user = matches!(item.kind, ThreadItemKind::UserMessage { .. });
        let seen = history.filter(|_| is_user).map(|raw| conversation.record(raw));
        conversation.item(self.thread.id(), &self.turn_id, &item, seen.as_deref());
        let raw = history.filter(|_| !is_user).map(|raw| conversation.record(raw));
        conversation.flush();
        self.tell_completed(item.clone());
        if let Some(raw) = raw {
            self.tell_raw(&raw);
        }
        item
    }

    /// Tells of a completed item that is recorded already.
    pub(super) fn tell_completed(&self, item: ThreadItem) {
        self.notify(ServerNotification::ItemCompleted(ItemCompletedNotification {
            completed_at_ms: item.completed_at_ms.unwrap_or_else(now_ms),
            content_token_count: None,
            item,
            thread_id: self.thread.id().to_owned(),
            turn_id: self.turn_id.clone(),
        }));
    }

    /// Records an item of the model's history that is no item of the client's, and tells of it.
    pub(crate) fn record(&self, conversation: &mut Conversation, raw: &RawValue) {
        let raw = conversation.record(raw);
        self.tell_raw(&raw);
    }

    /// Tells of an item of the model's history as it is, if the client wants to know.
    pub(super) fn tell_raw(&self, raw: &RawValue) {
        if self.raw_events {
            self.tell_raw_of_thread(raw);
        }
    }

    /// The same for an item of the thread's in a turn whose own model has another conversation.
    pub(super) fn tell_raw_of_thread(&self, raw: &RawValue) {
        match serde_json::from_str(raw.get()) {
            Ok(item) => {
                let (thread_id, turn_id) = (self.thread.id().to_owned(), self.turn_id.clone());
                self.notify(ServerNotification::RawResponseItemCompleted(
                    RawResponseItemCompletedNotification { item, thread_id, turn_id },
                ));
            }
            Err(error) => tracing::debug!(%error, "an item of the model that the wire has no type for"),
        }
    }

    fn delta_ids(&self, item_id: &str) -> (String, String, String) {
        (self.thread.id().to_owned(), self.turn_id.clone(), item_id.to_owned())
    }

    fn plan_id(&self) -> String {
        format!("{}-plan", self.turn_id)
    }

    fn cuts_plans(&self) -> bool {
        self.settings.mode == ModeKind::Plan
    }
}

impl OpenItems {
    /// Forgets what a broken stream left open: the retried answer is a new item.
    pub(super) fn abandon(&mut self) {
        *self = Self::default();
    }

    pub(super) fn added(&mut self, context: &TurnContext, item: OutputItem) {
        let started_at_ms = now_ms();
        let (id, kind, active) = match item.kind {
            // Its last message becomes the review; nobody sees it before.
            OutputItemKind::Message { .. } if context.is_review() => return,
            OutputItemKind::Message { id, phase, .. } => {
                let id = id.unwrap_or_else(new_id);
                let kind = message(id.clone(), String::new(), phase.as_deref());
                (id, kind, ActiveKind::Message(PlanSplitter::default()))
            }
            OutputItemKind::Reasoning { id, .. } => {
                let id = id.unwrap_or_else(new_id);
                let kind =
                    ThreadItemKind::Reasoning { id: id.clone(), summary: Vec::new(), content: Vec::new() };
                (id, kind, ActiveKind::Reasoning)
            }
            OutputItemKind::WebSearch { id, .. } => {
                let id = id.unwrap_or_else(new_id);
                (id.clone(), search(id, None), ActiveKind::Other)
            }
            _ => return,
        };
        context.started(kind, started_at_ms);
        self.active = Some(Active { id, started_at_ms, kind: active });
    }

    pub(super) fn text_delta(&mut self, context: &TurnContext, delta: String) {
        if context.is_review() {
            return;
        }
        let Some(Active { id, kind: ActiveKind::Message(splitter), .. }) = &mut self.active else {
            tracing::debug!("a text delta without an open message");
            return;
        };
        if !context.cuts_plans() {
            let (thread_id, turn_id, item_id) = context.delta_ids(id);
            let delta = AgentMessageDeltaNotification { delta, item_id, thread_id, turn_id };
            context.notify(ServerNotification::ItemAgentMessageDelta(delta));
            return;
        }
        let pieces = splitter.push(&delta);
        let id = id.clone();
        self.tell_pieces(context, &id, pieces);
    }

    fn tell_pieces(&mut self, context: &TurnContext, message_id: &str, pieces: Vec<Piece>) {
        for piece in pieces {
            match piece {
                Piece::Text(delta) => {
                    let (thread_id, turn_id, item_id) = context.delta_ids(message_id);
                    let delta = AgentMessageDeltaNotification { delta, item_id, thread_id, turn_id };
                    context.notify(ServerNotification::ItemAgentMessageDelta(delta));
                }
                Piece::Plan(delta) => {
                    self.start_plan(context);
                    let (thread_id, turn_id, item_id) = context.delta_ids(&context.plan_id());
                    let delta = PlanDeltaNotification { delta, item_id, thread_id, turn_id };
                    context.notify(ServerNotification::ItemPlanDelta(delta));
                }
            }
        }
    }

    fn start_plan(&mut self, context: &TurnContext) -> i64 {
        *self.plan_started_at_ms.get_or_insert_with(|| {
            let at_ms = now_ms();
            context.started(ThreadItemKind::Plan { id: context.plan_id(), text: String::new() }, at_ms);
            at_ms
        })
    }

    pub(super) fn summary_part_added(&self, context: &TurnContext, summary_index: i64) {
        if let Some(Active { id, kind: ActiveKind::Reasoning, .. }) = &self.active {
            let (thread_id, turn_id, item_id) = context.delta_ids(id);
            context.notify(ServerNotification::ItemReasoningSummaryPartAdded(
                ReasoningSummaryPartAddedNotification { item_id, summary_index, thread_id, turn_id },
            ));
        }
    }

    pub(super) fn summary_delta(&self, context: &TurnContext, delta: String, summary_index: i64) {
        if let Some(Active { id, kind: ActiveKind::Reasoning, .. }) = &self.active {
            let (thread_id, turn_id, item_id) = context.delta_ids(id);
            context.notify(ServerNotification::ItemReasoningSummaryTextDelta(
                ReasoningSummaryTextDeltaNotification { delta, item_id, summary_index, thread_id, turn_id },
            ));
        }
    }

    pub(super) fn reasoning_delta(&self, context: &TurnContext, delta: String, content_index: i64) {
        if !context.settings.config.show_raw_agent_reasoning {
            return;
        }
        if let Some(Active { id, kind: ActiveKind::Reasoning, .. }) = &self.active {
            let (thread_id, turn_id, item_id) = context.delta_ids(id);
            context.notify(ServerNotification::ItemReasoningTextDelta(ReasoningTextDeltaNotification {
                content_index,
                delta,
                item_id,
                thread_id,
                turn_id,
            }));
        }
    }

    /// Completes an item that is no tool call; returns a message to the user.
    pub(super) fn done(
        &mut self,
        context: &TurnContext,
        conversation: &mut Conversation,
        item: OutputItem,
    ) -> Option<ThreadItem> {
        match item.kind {
            OutputItemKind::Message { id, text, phase, .. } if context.is_review() => {
                conversation.record(&item.raw);
                let kind = message(id.unwrap_or_else(new_id), text, phase.as_deref());
                Some(ThreadItem { kind, started_at_ms: None, completed_at_ms: None })
            }
            OutputItemKind::Message { id, text, phase, .. } => {
                Some(self.message_done(context, conversation, (id, text, phase), &item.raw))
            }
            OutputItemKind::Reasoning { id, summary, content } => {
                let content =
                    if context.settings.config.show_raw_agent_reasoning { content } else { Vec::new() };
                let kind = |id| ThreadItemKind::Reasoning { id, summary, content };
                self.complete(context, conversation, id, kind, &item.raw);
                None
            }
            OutputItemKind::WebSearch { id, action } => {
                self.complete(context, conversation, id, |id| search(id, action), &item.raw);
                None
            }
            // No item of the client's yet; the model is to find it in its history.
            OutputItemKind::ImageGeneration { .. } => {
                context.record(conversation, &item.raw);
                None
            }
            // Not kept, but the model said it.
            _ => {
                context.tell_raw(&conversation.masked(&item.raw));
                None
            }
        }
    }

    fn message_done(
        &mut self,
        context: &TurnContext,
        conversation: &mut Conversation,
        (id, text, phase): (Option<String>, String, Option<String>),
        raw: &RawValue,
    ) -> ThreadItem {
        if !context.cuts_plans() {
            return self.complete(context, conversation, id, |id| message(id, text, phase.as_deref()), raw);
        }
        if let Some(Active { id, kind: ActiveKind::Message(splitter), .. }) = &mut self.active {
            let (id, rest) = (id.clone(), splitter.finish());
            self.tell_pieces(context, &id, rest);
        }
        let (text, plan) = plan::split(&text);
        if let Some(text) = plan {
            let started_at_ms = self.start_plan(context);
            self.plan_started_at_ms = None;
            let kind = ThreadItemKind::Plan { id: context.plan_id(), text };
            context.completed(conversation, kind, started_at_ms, None);
        }
        self.complete(context, conversation, id, |id| message(id, text, phase.as_deref()), raw)
    }

    /// Completes the open item, or starts and completes one that was never open.
    fn complete(
        &mut self,
        context: &TurnContext,
        conversation: &mut Conversation,
        id: Option<String>,
        kind: impl FnOnce(String) -> ThreadItemKind,
        raw: &RawValue,
    ) -> ThreadItem {
        let open = self.active.take_if(|active| id.as_ref().is_none_or(|id| *id == active.id));
        let (kind, started_at_ms) = match open {
            Some(active) => (kind(active.id), active.started_at_ms),
            None => {
                let (kind, at_ms) = (kind(id.unwrap_or_else(new_id)), now_ms());
                context.started(kind.clone(), at_ms);
                (kind, at_ms)
            }
        };
        context.completed(conversation, kind, started_at_ms, Some(raw))
    }
}

fn new_id() -> String {
    Uuid::now_v7().to_string()
}

fn message(id: String, text: String, phase: Option<&str>) -> ThreadItemKind {
    let phase = match phase {
        Some("commentary") => Some(MessagePhase::Commentary),
        Some("partial_answer") => Some(MessagePhase::PartialAnswer),
        Some("final_answer") => Some(MessagePhase::FinalAnswer),
        _ => None,
    };
    agent_message(id, text, phase)
}

fn search(id: String, action: Option<ModelSearch>) -> ThreadItemKind {
    let action = match action {
        Some(ModelSearch::Search { query, queries }) => {
            WebSearchAction::Search { query, queries: (!queries.is_empty()).then_some(queries) }
        }
        Some(ModelSearch::OpenPage { url }) => WebSearchAction::OpenPage { url },
        Some(ModelSearch::FindInPage { url, pattern }) => WebSearchAction::FindInPage { pattern, url },
        Some(ModelSearch::Other) | None => WebSearchAction::Other,
    };
    let query = match &action {
        WebSearchAction::Search { query, queries } => {
            query.clone().or_else(|| queries.as_ref()?.first().cloned()).unwrap_or_default()
        }
        WebSearchAction::OpenPage { url } => url.clone().unwrap_or_default(),
        WebSearchAction::FindInPage { pattern, url } => {
            format!("'{}' in {}", pattern.as_deref().unwrap_or_default(), url.as_deref().unwrap_or_default())
        }
        WebSearchAction::Other => String::new(),
    };
    ThreadItemKind::WebSearch { id, query, action: Some(action), results: None }
}
