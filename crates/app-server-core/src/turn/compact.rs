//! Compaction: the model sums up the conversation, and from then on sees its note, the user's words and nothing else of what
//! was before. The thread's file keeps everything. When there is no summary to be had and no room for the whole, the
//! conversation is cut without one, so that a thread can always take another turn (agent-loop specification 8).

use std::ops::Range;
use std::sync::Arc;

use app_server_model_client::{
    CompactRequest, ModelError, ModelErrorKind, ModelEvent, OutputItem, OutputItemKind,
};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    ContextCompactedNotification, ThreadItemKind, TokenUsageBreakdown, WarningNotification,
};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::input::text_message;
use super::run::{Access, Ask, Turn, record_start, window};
use super::{Replacement, TurnContext, TurnOutcome, context as surroundings};
use crate::auth::Credential;
use crate::clock::now_ms;
use crate::exec::{Limit, truncate};
use crate::history::KEPT_USER_TOKENS;
use crate::{hooks, rate_limits};

/// The name of providers whose servers can compact a history (backend specification 6).
const OPENAI: &str = "OpenAI";

/// The user's words that are kept however little room there seems to be, in tokens.
const LEAST_USER_TOKENS: usize = 250;

/// Why the history is compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The client wants it.
    Asked,
    /// It is too long for a turn that begins.
    TurnBegins,
    /// It has become too long within a turn.
    TurnGoesOn,
}

/// The items that are to be summed up.
struct Part {
    items: Range<usize>,
    /// How many are left out next: twice as many each time, as a request for every item of a long conversation would
    /// never end.
    step: usize,
    /// The estimated size of what was too long, the last time.
    did_not_fit: Option<i64>,
}

impl Part {
    fn up_to(seen: usize) -> Self {
        Part { items: 0..seen, step: 1, did_not_fit: None }
    }

    /// Leaves the oldest items out, as all are too long. Returns `false` when there is only one.
    fn shorten(&mut self, context: &TurnContext) -> bool {
        let conversation = context.conversation.lock();
        self.did_not_fit = Some(conversation.history.estimate_tokens_of(self.items.clone()));
        if self.items.len() <= 1 {
            return false;
        }
        self.items.start = (self.items.start + self.step).min(self.items.end - 1);
        self.step *= 2;
        true
    }
}

/// A turn that does nothing but compact the history.
pub(crate) async fn run_compaction(context: &Arc<TurnContext>) -> TurnOutcome {
    let mut turn = Turn::new(context);
    record_start(context, &mut context.conversation.lock());
    let result = turn.compact(Why::Asked).await;
    turn.end(result)
}

impl Turn<'_> {
    /// Compacts the history if it has become too long. Once it did not help within a turn, the turn goes on without.
    pub(super) async fn compact_if_long(&mut self, why: Why) -> Result<(), ModelError> {
        if !self.is_over_limit() {
            self.compaction_helps = true;
            return Ok(());
        }
        if !self.compaction_helps {
            return Ok(());
        }
        self.compaction_helps = false;
        self.compact(why).await
    }

    fn is_over_limit(&self) -> bool {
        let config = &self.context.settings.config;
        let limit = self
            .context
            .model_info
            .auto_compact_token_limit(config.model_auto_compact_token_limit, config.model_context_window);
        self.used_tokens() >= i64::try_from(limit).unwrap_or(i64::MAX)
    }

    /// What the last response counted, or what was estimated since; 0 when nothing is known.
    fn used_tokens(&self) -> i64 {
        let conversation = self.context.conversation.lock();
        conversation.usage.as_ref().map_or(0, |usage| usage.last.total_tokens)
    }

    async fn compact(&mut self, why: Why) -> Result<(), ModelError> {
        let context = self.context;
        hooks::before_compaction(context, why == Why::Asked).await;
        let kind = ThreadItemKind::ContextCompaction { id: Uuid::now_v7().to_string() };
        let started_at_ms = now_ms();
        let seen = {
            let mut conversation = context.conversation.lock();
            conversation.flush();
            conversation.history.len()
        };
        // What a reviewer's model has seen is not the thread's.
        let is_told = !context.is_review();
        if is_told {
            context.started(kind.clone(), started_at_ms);
        }
        if seen > 0 && !self.shorten(seen, why).await? {
            return Ok(());
        }
        if is_told {
            context.completed(&mut context.conversation.lock(), kind, started_at_ms, None);
            context.notify(ServerNotification::ThreadCompacted(ContextCompactedNotification {
                thread_id: context.thread.id().to_owned(),
                turn_id: context.turn_id.clone(),
            }));
        }
        hooks::after_compaction(context, why == Why::Asked).await;
        Ok(())
    }

    /// Replaces the first `seen` items. Returns `false` when the history goes on as it is.
    async fn shorten(&mut self, seen: usize, why: Why) -> Result<bool, ModelError> {
        let context = self.context;
        let mut part = Part::up_to(seen);
        if let Some(items) = self.compacted_by_server(&mut part).await? {
            self.replace(seen, Replacement::Items(items), why);
            return Ok(true);
        }
        let note = match self.summary(&mut part).await {
            Ok(summary) => Some(summary),
            Err(error) if is_too_long(&error) => None,
            Err(error)
                if why == Why::Asked || context.cancel.is_cancelled() || stops_every_turn(&error.kind) =>
            {
                return Err(error);
            }
            Err(error) => {
                tracing::warn!(%error, "a conversation could not be summed up");
                if window(context).is_none_or(|window| self.used_tokens() < window) {
                    let reason = &error.message;
                    self.warn(format!(
                        "The conversation goes on uncompacted, as summing it up failed: {reason}"
                    ));
                    return Ok(false);
                }
                None
            }
        };
        if note.is_none() {
            let message =
                "Older parts of the conversation were cut without a summary, as they no longer fit.";
            self.warn(message.to_owned());
        }
        let user_tokens = self.user_tokens(part.did_not_fit);
        let text = text_of(note.as_deref(), user_tokens);
        self.replace(seen, Replacement::Text { text: &text, user_tokens }, why);
        Ok(true)
    }

    /// Makes the new history and tells how long it is.
    fn replace(&self, seen: usize, by: Replacement<'_>, why: Why) {
        let context = self.context;
        let told = surroundings::anew(&context.thread, &context.settings);
        let mut conversation = context.conversation.lock();
        conversation.compact(seen, by, told);
        conversation.context_told_in = Some(context.turn_id.clone());
        if conversation.rollout.is_none() && why != Why::TurnGoesOn {
            // There is no file with what was before, so this is as far back as turns can be dropped.
            conversation.history.begin_turn(&context.turn_id);
        }
        let total_tokens = conversation.history.estimate_tokens();
        if let Some(usage) = &mut conversation.usage {
            usage.last = TokenUsageBreakdown { total_tokens, ..TokenUsageBreakdown::default() };
            self.tell_usage(&mut conversation);
        }
    }

    /// How much of the user's words is kept: less than usual if the window is known to be small.
    fn user_tokens(&self, did_not_fit: Option<i64>) -> usize {
        let room = [window(self.context), did_not_fit].into_iter().flatten().min();
        let quarter = room.map_or(usize::MAX, |room| usize::try_from(room / 4).unwrap_or(0));
        quarter.clamp(LEAST_USER_TOKENS, KEPT_USER_TOKENS)
    }

    /// Asks the model to sum up the items; while they do not fit, without the oldest of them.
    async fn summary(&mut self, part: &mut Part) -> Result<String, ModelError> {
        let context = self.context;
        let configured = context.settings.config.compact_prompt.as_deref();
        let prompt = configured.unwrap_or_else(|| include_str!("../prompts/compact.md").trim_end());
        let prompt = text_message("user", prompt);
        let mut retry = 0;
        loop {
            let era = rate_limits::era(&context.thread.services);
            let error = match self.sample_summary(part.items.clone(), &prompt, era).await {
                Ok(summary) => return Ok(summary),
                Err(error) => error,
            };
            if !is_too_long(&error) {
                self.before_retry(error, &mut retry, era).await?;
            } else if !part.shorten(context) {
                return Err(error);
            }
        }
    }

    /// Lets the server compact the items, where that is wanted and the server can: what it answers may say more than a
    /// note. `None` where it is not, and when it fails.
    async fn compacted_by_server(&self, part: &mut Part) -> Result<Option<Vec<Box<RawValue>>>, ModelError> {
        let context = self.context;
        let settings = &context.settings;
        let is_wanted = settings.config.features.explicit("remote_compaction") == Some(true);
        if !is_wanted || settings.provider.name != OPENAI || settings.provider.is_chat() {
            return Ok(None);
        }
        let model = &context.thread.services.model;
        let mut access = Access::new(context).await?;
        loop {
            let endpoint = &access.endpoint;
            if !endpoint.credential.as_ref().is_some_and(Credential::is_account) {
                return Ok(None);
            }
            let body = {
                let conversation = context.conversation.lock();
                let items = conversation.history.prompt_of(part.items.clone());
                let input: Vec<&RawValue> = items.iter().map(AsRef::as_ref).collect();
                let instructions = &settings.base_instructions;
                CompactRequest { model: &settings.model, input: &input, instructions }.to_bytes()
            };
            let headers = self.headers(endpoint);
            match model.compact_bytes(&endpoint.provider, body, &headers, &context.cancel).await {
                Ok(items) => return Ok(Some(items)),
                Err(error) if error.kind == ModelErrorKind::Unauthorized => access.renew(error).await?,
                Err(error) if is_too_long(&error) && part.shorten(context) => {}
                Err(error) if context.cancel.is_cancelled() || stops_every_turn(&error.kind) => {
                    return Err(error);
                }
                Err(error) => {
                    tracing::warn!(kind = ?error.kind, "the model's server did not compact a conversation");
                    return Ok(None);
                }
            }
        }
    }

    async fn sample_summary(
        &mut self,
        items: Range<usize>,
        prompt: &RawValue,
        era: rate_limits::Era,
    ) -> Result<String, ModelError> {
        let mut stream = self.request(Ask::Summary { from: items.start, to: items.end, prompt }).await?;
        if self.turn_state.is_none() {
            self.turn_state = stream.turn_state.take();
        }
        let mut summary = String::new();
        while let Some(event) = stream.next().await? {
            match event {
                ModelEvent::ItemDone(OutputItem { kind: OutputItemKind::Message { text, .. }, .. }) => {
                    summary = text;
                }
                ModelEvent::Completed { usage, .. } => self.count(usage),
                _ => {}
            }
        }
        rate_limits::update(&self.context.thread.services, &stream.rate_limits, era);
        Ok(summary)
    }

    fn warn(&self, message: String) {
        let thread_id = Some(self.context.thread.id().to_owned());
        self.context.notify(ServerNotification::Warning(WarningNotification { message, thread_id }));
    }
}

/// What the model reads in the place of the history: its note, or that there is none.
fn text_of(note: Option<&str>, user_tokens: usize) -> String {
    match note {
        None => include_str!("../prompts/compact_cut.md").trim_end().to_owned(),
        Some(note) => {
            let prefix = include_str!("../prompts/compact_prefix.md").trim_end();
            let note = if note.trim().is_empty() { "(It is empty.)" } else { note };
            // No longer than what it sums up may be.
            let note = truncate(note, Limit::Tokens(user_tokens.max(LEAST_USER_TOKENS * 4))).text;
            format!("{prefix}\n{note}")
        }
    }
}

/// Whether less of the history may be accepted: the model's window is too small for it, or what lies before the model
/// takes no request of this size.
fn is_too_long(error: &ModelError) -> bool {
    error.kind == ModelErrorKind::ContextWindowExceeded || error.http_status == Some(413)
}

/// Whether the next request would fail as well, whatever it asks: there is nothing to be gained by cutting then.
fn stops_every_turn(kind: &ModelErrorKind) -> bool {
    use ModelErrorKind as Kind;
    matches!(
        kind,
        Kind::UsageLimit { .. }
            | Kind::QuotaExceeded
            | Kind::RateLimited
            | Kind::TooManyRequests
            | Kind::Overloaded
            | Kind::FlexUnavailable
            | Kind::ModelNotFound
            | Kind::Unauthorized
            | Kind::SignInNeeded
            | Kind::NoNewTokens { .. }
            | Kind::MissingKey
            | Kind::InvalidProvider
            | Kind::Unusable
            | Kind::Connect
            | Kind::Cancelled
    )
}
