//! The loop of a turn: tell the model what is new, sample a response, answer its tool calls, and again until it asks
//! for nothing more (agent-loop specification 2 and 5).

use std::sync::Arc;

use app_server_config::WebSearchMode;
use app_server_http::Secret;
use app_server_model_client::{
    ModelError, ModelErrorKind, ModelEvent, ModelRequest, Provider, Reasoning, RequestHeaders,
    ResponseStream, TextOptions, Usage,
};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    ErrorNotification, ModeKind, ReasoningSummary, ThreadItem, ThreadItemKind, ThreadTokenUsage,
    ThreadTokenUsageUpdatedNotification, TokenUsageBreakdown,
};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::adjust::Adjusted;
use super::compact::Why;
use super::items::OpenItems;
use super::{
    Conversation, TurnContext, TurnEnd, TurnInput, TurnOutcome, closing, context as surroundings, failure,
    input,
};
use crate::auth::{NotRecovered, Recovery, RenewalError, Rules};
use crate::clock::now_ms;
use crate::endpoint::Endpoint;
use crate::error::CoreError;
use crate::models::ModelCatalog;
use crate::thread::sandbox_mode_of;
use crate::tools::UserCommand;
use crate::{agents, goal, rate_limits, skills, tools};

/// Runs the turn; the caller owns what follows its end.
pub(crate) async fn run(context: &Arc<TurnContext>, input: TurnInput) -> TurnOutcome {
    let mut turn = Turn::new(context);
    let result = turn.work(Some(input)).await;
    turn.end(result)
}

/// A turn that runs one command of the user's, and asks the model only if it is given input meanwhile.
pub(crate) async fn run_command(context: &Arc<TurnContext>, command: UserCommand) -> TurnOutcome {
    record_start(context, &mut context.conversation.lock());
    command.run(context).await;
    let mut turn = Turn::new(context);
    let result = if turn.goes_on().await { turn.work(None).await } else { Ok(()) };
    turn.end(result)
}

/// Puts the beginning of a turn on disk, before anybody is told of it.
///
/// # Errors
/// When it cannot be written; there is no such turn then.
pub(crate) fn store_start(context: &TurnContext) -> Result<(), CoreError> {
    let mut conversation = context.thread.conversation.lock();
    // What others gathered is not for this turn to drop.
    conversation.flush();
    record_start(context, &mut conversation);
    let written = conversation.flush_or_drop();
    if written.is_err() {
        conversation.history.forget_turn(&context.turn_id);
    }
    Ok(written?)
}

/// Records that the turn has begun, unless that is done.
pub(super) fn record_start(context: &TurnContext, conversation: &mut Conversation) {
    #[derive(Serialize)]
    struct Started<'a> {
        turn_id: &'a str,
        root_turn_id: &'a str,
        started_at: Option<i64>,
        model_context_window: Option<i64>,
        collaboration_mode_kind: ModeKind,
    }
    if conversation.history.is_in_turn(&context.turn_id) {
        return;
    }
    let started = Started {
        turn_id: &context.turn_id,
        root_turn_id: &context.root_turn_id,
        started_at: context.started_at,
        model_context_window: window(context),
        collaboration_mode_kind: context.settings.mode,
    };
    conversation.history.begin_turn(&context.turn_id);
    conversation.event("task_started", &started);
}

/// The tokens the model can take, as told to the client.
pub(super) fn window(context: &TurnContext) -> Option<i64> {
    let configured = context.settings.config.model_context_window;
    i64::try_from(context.model_info.effective_context_window(configured)).ok()
}

pub(super) struct Turn<'a> {
    pub(super) context: &'a Arc<TurnContext>,
    /// What the model may call.
    tools: Vec<Box<RawValue>>,
    /// What the server wants echoed within this turn (backend specification 7).
    pub(super) turn_state: Option<String>,
    /// Whether the history was short enough since it was last compacted in this turn.
    pub(super) compaction_helps: bool,
    open: OpenItems,
    last_message: Option<ThreadItem>,
}

impl TurnContext {
    /// Puts a user message into the history and tells of its item.
    pub(super) fn take_input(&self, input: TurnInput) {
        if input.content.is_empty() {
            let mut conversation = self.conversation.lock();
            if let Some(text) = &input.unseen {
                self.record(&mut conversation, &input::text_message("user", text));
            }
            return conversation.flush();
        }
        // Reads images, so it is done before the conversation is held.
        let raw = input::user_message(&input.content);
        let mut conversation = self.conversation.lock();
        let at_ms = now_ms();
        let kind = ThreadItemKind::UserMessage {
            id: Uuid::now_v7().to_string(),
            client_id: input.client_id,
            content: input.content,
        };
        // Of the user's words the client hears what the model does first.
        if self.raw_events {
            self.tell_raw(&conversation.masked(&raw));
        }
        self.started(kind.clone(), at_ms);
        self.completed(&mut conversation, kind, at_ms, Some(&raw));
    }
}

/// What the model is asked.
#[derive(Clone, Copy)]
pub(super) enum Ask<'a> {
    /// What comes next in the turn.
    Step,
    /// To sum up the items of the history from one position to another, as the prompt says. There are no tools for it.
    Summary { from: usize, to: usize, prompt: &'a RawValue },
}

/// The endpoint of one request, whose credential may be refused and replaced.
pub(super) struct Access<'a> {
    context: &'a TurnContext,
    pub(super) endpoint: Endpoint,
    rules: Rules,
    recovery: Recovery,
    /// Whether the program that prints the key was asked for another.
    has_printed_again: bool,
}

impl<'a> Access<'a> {
    pub(super) async fn new(context: &'a TurnContext) -> Result<Self, ModelError> {
        let rules = Rules::of(&context.settings.config);
        let endpoint = endpoint(context, &rules, None).await?;
        Ok(Access { context, endpoint, rules, recovery: Recovery::default(), has_printed_again: false })
    }

    /// Replaces the credential that was refused with this error.
    ///
    /// # Errors
    /// The refusal, or why there is no other credential.
    pub(super) async fn renew(&mut self, refusal: ModelError) -> Result<(), ModelError> {
        if let Some(key) = self.endpoint.printed_key().filter(|_| !self.has_printed_again) {
            self.endpoint = endpoint(self.context, &self.rules, Some(key)).await?;
            self.has_printed_again = true;
            return Ok(());
        }
        let Some(used) = &self.endpoint.credential else { return Err(refusal) };
        let accounts = &self.context.thread.services.accounts;
        let recovered = tokio::select! {
            recovered = self.recovery.after_refusal(accounts, &self.rules, used) => recovered,
            () = self.context.cancel.cancelled() => return Err(refusal),
        };
        match recovered {
            Ok(credential) => self.endpoint.credential = Some(credential),
            Err(NotRecovered::Refused) => return Err(refusal),
            Err(NotRecovered::Failed(reason)) => return Err(not_renewed(&reason)),
        }
        Ok(())
    }
}

/// A tool that is at work. Dropping it stops the tool.
struct RunningTool {
    call: tools::Call,
    task: AbortOnDropHandle<tools::Output>,
}

impl<'a> Turn<'a> {
    pub(super) fn new(context: &'a Arc<TurnContext>) -> Self {
        Turn {
            context,
            tools: Vec::new(),
            turn_state: None,
            compaction_helps: true,
            open: OpenItems::default(),
            last_message: None,
        }
    }

    /// What the turn leaves behind.
    pub(super) fn end(self, result: Result<(), ModelError>) -> TurnOutcome {
        let context = self.context;
        let end = match result {
            Ok(()) if context.cancel.is_cancelled() => TurnEnd::Interrupted,
            Ok(()) => TurnEnd::Completed,
            Err(_) if context.cancel.is_cancelled() => TurnEnd::Interrupted,
            Err(error) => {
                if error.kind == ModelErrorKind::ContextWindowExceeded {
                    self.window_is_full();
                }
                TurnEnd::Failed(Box::new(failure::turn_error(&error)))
            }
        };
        context.tell_diff();
        TurnOutcome { end, last_message: self.last_message }
    }
}

impl Turn<'_> {
    /// Answers the user: this input, or what is given to the turn.
    async fn work(&mut self, input: Option<TurnInput>) -> Result<(), ModelError> {
        self.begin(input).await?;
        let context = self.context;
        context.thread.mcp.before_turn(context).await.map_err(ModelError::unusable)?;
        self.tools = tools::offered(context, web_search(context));
        self.run().await
    }

    /// Whether the turn is given input before all that it waits for is over. An interrupted turn waits for nothing.
    async fn goes_on(&self) -> bool {
        tokio::select! {
            biased;
            () = self.context.cancel.cancelled() => false,
            goes_on = self.context.pending.goes_on() => goes_on,
        }
    }

    /// Records the beginning of the turn and the user's message, in one write; between the two a history that is too
    /// long is compacted. If that fails the turn does, but the message is there.
    async fn begin(&mut self, input: Option<TurnInput>) -> Result<(), ModelError> {
        let context = self.context;
        record_start(context, &mut context.conversation.lock());
        skills::look(context).await;
        let compacted = self.compact_if_long(Why::TurnBegins).await;
        {
            let mut conversation = context.conversation.lock();
            let told = surroundings::update(
                &context.thread,
                &context.settings,
                &mut conversation,
                Some(&context.turn_id),
            );
            for message in &told {
                context.tell_raw(message);
            }
            conversation.turn_context(&surroundings::recorded(context));
        }
        if let Some(input) = input {
            context.take_opened(input).await;
        }
        compacted
    }

    async fn run(&mut self) -> Result<(), ModelError> {
        // A hook may have refused all there was to answer.
        while !self.context.hooks.wants_end() {
            for input in self.context.pending.take() {
                self.context.take_opened(input).await;
            }
            {
                let mut conversation = self.context.conversation.lock();
                goal::remind(self.context, &mut conversation);
                agents::remind(self.context, &mut conversation);
            }
            let calls_for_more = self.sample_with_retries().await?;
            self.context.tell_diff();
            if self.context.cancel.is_cancelled() {
                return Ok(());
            }
            let is_done =
                !calls_for_more && !closing::goes_on(self.context, self.last_message.as_ref()).await;
            if is_done && !self.goes_on().await {
                return Ok(());
            }
            self.compact_if_long(Why::TurnGoesOn).await?;
        }
        Ok(())
    }

    /// Waits for the tools of a response and records what they say, in the order of the calls.
    async fn finish_tools(&self, running: Vec<RunningTool>) {
        for RunningTool { call, task } in running {
            let output = task.await.unwrap_or_else(|error| {
                tracing::error!(%error, tool = %call.name, "a tool was lost");
                tools::Output::text("the tool failed because of an error in the server")
            });
            let mut conversation = self.context.conversation.lock();
            self.context.record(&mut conversation, &call.output(&output));
        }
        self.context.conversation.lock().flush();
    }

    /// The second retry layer: the request is built anew from the history, with what was completed so far.
    async fn sample_with_retries(&mut self) -> Result<bool, ModelError> {
        let mut retry = 0;
        loop {
            let era = rate_limits::era(&self.context.thread.services);
            let error = match self.sample(era).await {
                Ok(calls_for_more) => return Ok(calls_for_more),
                Err(error) => error,
            };
            self.open.abandon();
            self.before_retry(error, &mut retry, era).await?;
        }
    }

    /// Tells of a failed request and waits for the time to repeat it; `retry` counts. Returns the error when it is not
    /// to be repeated.
    pub(super) async fn before_retry(
        &self,
        mut error: ModelError,
        retry: &mut u32,
        era: rate_limits::Era,
    ) -> Result<(), ModelError> {
        let context = self.context;
        // Servers quote what they do not accept.
        error.message = context.thread.services.secrets().mask(&error.message).into_owned();
        if let Some(limits) = &error.rate_limits {
            rate_limits::update(&context.thread.services, limits, era);
        }
        let max = context.settings.provider.stream_max_retries;
        if !error.retryable() || *retry >= max || context.cancel.is_cancelled() {
            return Err(error);
        }
        *retry += 1;
        context.notify(ServerNotification::Error(ErrorNotification {
            error: failure::reconnecting(&error, *retry, max),
            thread_id: context.thread.id().to_owned(),
            turn_id: context.turn_id.clone(),
            will_retry: true,
        }));
        tokio::select! {
            () = tokio::time::sleep(error.retry_delay(*retry)) => Ok(()),
            () = context.cancel.cancelled() => Err(error),
        }
    }

    /// Samples one response and lets the tools it calls run. Returns whether it called any.
    async fn sample(&mut self, era: rate_limits::Era) -> Result<bool, ModelError> {
        let context = self.context;
        let services = &context.thread.services;
        let mut stream = self.request(Ask::Step).await?;
        if self.turn_state.is_none() {
            self.turn_state = stream.turn_state.take();
        }
        if let Some(etag) = &stream.models_etag {
            ModelCatalog::seen_etag(services, &context.settings.config, &context.settings.provider, etag);
        }
        let mut running = Vec::new();
        let mut order = tools::Order::default();
        let end = loop {
            match stream.next().await {
                Ok(Some(event)) => self.take_event(event, &mut running, &mut order),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            context.keep_pace().await;
        };
        // Also after a broken stream: what was begun is finished, and the model is told of it with the next request.
        let has_called = !running.is_empty();
        self.finish_tools(running).await;
        end?;
        rate_limits::update(services, &stream.rate_limits, era);
        Ok(has_called)
    }

    /// Sends the request, and again while a refused credential can be replaced.
    pub(super) async fn request(&self, ask: Ask<'_>) -> Result<ResponseStream, ModelError> {
        let context = self.context;
        let model = &context.thread.services.model;
        let mut access = Access::new(context).await?;
        loop {
            let endpoint = &access.endpoint;
            let body = self.request_body(&endpoint.provider, ask)?;
            let headers = self.headers(endpoint);
            match model.stream_bytes(&endpoint.provider, body, &headers, &context.cancel).await {
                Err(error) if error.kind == ModelErrorKind::Unauthorized => access.renew(error).await?,
                sent => return sent,
            }
        }
    }

    pub(super) fn headers(&self, endpoint: &Endpoint) -> RequestHeaders {
        let context = self.context;
        RequestHeaders {
            session_id: context.session_id().to_owned(),
            turn_state: self.turn_state.clone(),
            subagent: context.subagent().map(str::to_owned),
            web_search_eligible: Some(web_search(context) != WebSearchMode::Disabled),
            ..endpoint.headers(&context.thread.services.client)
        }
    }

    fn request_body(&self, provider: &Provider, ask: Ask<'_>) -> Result<Vec<u8>, ModelError> {
        let context = self.context;
        let settings = &context.settings;
        let adjusted = context.adjustments.now();
        let conversation = context.conversation.lock();
        let (items, prompt) = match ask {
            Ask::Step => (conversation.history.prompt(), None),
            Ask::Summary { from, to, prompt } => (conversation.history.prompt_of(from..to), Some(prompt)),
        };
        let input: Vec<&RawValue> = items.iter().map(AsRef::as_ref).chain(prompt).collect();
        let is_step = prompt.is_none();
        // Agents share what the thread at the top has in the provider's cache.
        let root =
            context.agent.as_ref().filter(|_| !context.is_review()).map(|agent| agent.root.to_string());
        let request = ModelRequest {
            model: adjusted.model.as_ref().unwrap_or(&settings.model),
            instructions: &settings.base_instructions,
            input: &input,
            tools: if is_step { &self.tools } else { &[] },
            parallel_tool_calls: is_step && self.context.model_info.supports_parallel_tool_calls,
            reasoning: self.reasoning(&adjusted),
            prompt_cache_key: Some(root.as_deref().unwrap_or(context.session_id())),
            text: self.text_options(context.output_schema.as_deref().filter(|_| is_step)),
            service_tier: [&adjusted.service_tier, &context.service_tier, &settings.service_tier]
                .into_iter()
                .find_map(Option::as_deref),
        };
        request.to_bytes(provider)
    }

    fn take_event(&mut self, event: ModelEvent, running: &mut Vec<RunningTool>, order: &mut tools::Order) {
        let context = self.context;
        match event {
            ModelEvent::Created => {}
            ModelEvent::ItemAdded(item) => self.open.added(context, item),
            ModelEvent::TextDelta { delta } => self.open.text_delta(context, delta),
            ModelEvent::ReasoningSummaryPartAdded { summary_index } => {
                self.open.summary_part_added(context, summary_index);
            }
            ModelEvent::ReasoningSummaryDelta { delta, summary_index } => {
                self.open.summary_delta(context, delta, summary_index);
            }
            ModelEvent::ReasoningDelta { delta, content_index } => {
                self.open.reasoning_delta(context, delta, content_index);
            }
            ModelEvent::ItemDone(item) => match tools::Call::of(&item) {
                Some(mut call) => {
                    call.id = context.item_id(&call.call_id);
                    // On disk before the tool acts, so that whoever continues the thread knows what was tried.
                    let mut conversation = context.conversation.lock();
                    context.record(&mut conversation, &item.raw);
                    conversation.flush();
                    drop(conversation);
                    let place = order.next(tools::is_shared(context, &call));
                    let tool = tools::run(Arc::clone(context), call.clone(), place);
                    running.push(RunningTool { call, task: AbortOnDropHandle::new(tokio::spawn(tool)) });
                }
                None => {
                    let mut conversation = context.conversation.lock();
                    if let Some(message) = self.open.done(context, &mut conversation, item) {
                        self.last_message = Some(message);
                    }
                }
            },
            ModelEvent::Completed { usage, .. } => self.count(usage),
        }
    }

    /// Adds up tokens and tells the new numbers, or the old ones again when the response had none.
    pub(super) fn count(&self, usage: Option<Usage>) {
        let mut conversation = self.context.conversation.lock();
        if let Some(usage) = usage {
            let last = breakdown(usage);
            goal::spend(self.context, &mut conversation, &last);
            let total = match &conversation.usage {
                Some(known) => sum(&known.total, &last),
                None => last.clone(),
            };
            conversation.usage =
                Some(ThreadTokenUsage { last, model_context_window: window(self.context), total });
        }
        self.tell_usage(&mut conversation);
    }

    /// After "too long" the client should see a full window, whatever the last response counted.
    fn window_is_full(&self) {
        let Some(window) = window(self.context) else { return };
        let mut conversation = self.context.conversation.lock();
        let usage = conversation.usage.get_or_insert_with(|| ThreadTokenUsage {
            last: TokenUsageBreakdown::default(),
            model_context_window: Some(window),
            total: TokenUsageBreakdown::default(),
        });
        usage.last.total_tokens = window;
        usage.total.total_tokens = window;
        self.tell_usage(&mut conversation);
    }

    pub(super) fn tell_usage(&self, conversation: &mut Conversation) {
        // What a reviewer's model has seen says nothing of the thread's.
        if self.context.is_review() {
            return;
        }
        record_usage(conversation);
        conversation.flush();
        if let Some(token_usage) = conversation.usage.clone() {
            self.context.notify(ServerNotification::ThreadTokenUsageUpdated(
                ThreadTokenUsageUpdatedNotification {
                    thread_id: self.context.thread.id().to_owned(),
                    token_usage,
                    turn_id: self.context.turn_id.clone(),
                },
            ));
        }
    }

    fn reasoning<'b>(&'b self, adjusted: &'b Adjusted) -> Option<Reasoning<'b>> {
        let settings = &self.context.settings;
        let supported = settings
            .config
            .model_supports_reasoning_summaries
            .unwrap_or(self.context.model_info.supports_reasoning);
        supported.then(|| Reasoning {
            effort: adjusted.effort.as_deref().or(settings.effort.as_deref()).or(self
                .context
                .model_info
                .default_reasoning_effort
                .as_deref()),
            summary: match adjusted.summary.or(settings.summary).unwrap_or(ReasoningSummary::Auto) {
                ReasoningSummary::Auto => Some("auto"),
                ReasoningSummary::Concise => Some("concise"),
                ReasoningSummary::Detailed => Some("detailed"),
                ReasoningSummary::None => None,
            },
        })
    }

    fn text_options<'b>(&'b self, output_schema: Option<&'b RawValue>) -> Option<TextOptions<'b>> {
        let configured =
            self.context.settings.config.model_verbosity.or(self.context.model_info.default_verbosity);
        let verbosity = configured
            .filter(|_| self.context.model_info.supports_verbosity)
            .map(|verbosity| verbosity.as_str());
        (verbosity.is_some() || output_schema.is_some()).then_some(TextOptions { verbosity, output_schema })
    }
}

/// Adds the line of the tokens used so far.
pub(crate) fn record_usage(conversation: &mut Conversation) {
    #[derive(Serialize)]
    struct TokenCount<'a> {
        info: Option<Info<'a>>,
        rate_limits: Option<()>,
    }
    #[derive(Serialize)]
    struct Info<'a> {
        total_token_usage: Recorded<'a>,
        last_token_usage: Recorded<'a>,
        model_context_window: Option<i64>,
    }
    let usage = conversation.usage.clone();
    let info = usage.as_ref().map(|usage| Info {
        total_token_usage: Recorded(&usage.total),
        last_token_usage: Recorded(&usage.last),
        model_context_window: usage.model_context_window,
    });
    conversation.event("token_count", &TokenCount { info, rate_limits: None });
}

/// A usage count in the spelling of rollouts.
struct Recorded<'a>(&'a TokenUsageBreakdown);

impl Serialize for Recorded<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields {
            input_tokens: i64,
            cached_input_tokens: i64,
            cache_write_input_tokens: i64,
            output_tokens: i64,
            reasoning_output_tokens: i64,
            total_tokens: i64,
        }
        let usage = self.0;
        Fields {
            input_tokens: usage.input_tokens,
            cached_input_tokens: usage.cached_input_tokens,
            cache_write_input_tokens: usage.cache_write_input_tokens,
            output_tokens: usage.output_tokens,
            reasoning_output_tokens: usage.reasoning_output_tokens,
            total_tokens: usage.total_tokens,
        }
        .serialize(serializer)
    }
}

fn breakdown(usage: Usage) -> TokenUsageBreakdown {
    TokenUsageBreakdown {
        cache_write_input_tokens: usage.cache_write_input_tokens,
        cached_input_tokens: usage.cached_input_tokens,
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        reasoning_output_tokens: usage.reasoning_output_tokens,
        total_tokens: usage.total_tokens,
    }
}

fn sum(a: &TokenUsageBreakdown, b: &TokenUsageBreakdown) -> TokenUsageBreakdown {
    TokenUsageBreakdown {
        cache_write_input_tokens: a.cache_write_input_tokens.saturating_add(b.cache_write_input_tokens),
        cached_input_tokens: a.cached_input_tokens.saturating_add(b.cached_input_tokens),
        input_tokens: a.input_tokens.saturating_add(b.input_tokens),
        output_tokens: a.output_tokens.saturating_add(b.output_tokens),
        reasoning_output_tokens: a.reasoning_output_tokens.saturating_add(b.reasoning_output_tokens),
        total_tokens: a.total_tokens.saturating_add(b.total_tokens),
    }
}

fn web_search(context: &TurnContext) -> WebSearchMode {
    if context.is_review() {
        return WebSearchMode::Disabled;
    }
    context.settings.config.web_search_mode(sandbox_mode_of(&context.settings.sandbox))
}

/// The error of a turn whose credential was refused and cannot be replaced (auth specification 9 to 11).
fn not_renewed(reason: &RenewalError) -> ModelError {
    let message = reason.to_string();
    match reason {
        RenewalError::SignInNeeded(_) => ModelError::sign_in_needed(message),
        RenewalError::IssuerUnavailable(_) => ModelError::no_new_tokens(message, true),
        RenewalError::ClientRefused(_) => ModelError::no_new_tokens(message, false),
    }
}

/// Finds out where the requests of a turn go and with which credential, as long as the turn is not interrupted.
async fn endpoint(
    context: &TurnContext,
    rules: &Rules,
    refused: Option<&Secret>,
) -> Result<Endpoint, ModelError> {
    let work = Endpoint::of(&context.thread.services, &context.settings.provider, rules, refused);
    tokio::select! {
        endpoint = work => endpoint,
        () = context.cancel.cancelled() => Err(ModelError::cancelled()),
    }
}
