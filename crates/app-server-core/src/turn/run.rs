//! The loop of a turn: tell the model what is new, sample a response, answer its tool calls, and again until it asks
//! for nothing more (agent-loop specification 2 and 5).

use app_server_config::{ModelInfo, ProviderKind as ConfiguredKind, WebSearchMode};
use app_server_model_client::{
    ModelError, ModelErrorKind, ModelEvent, ModelRequest, OfflineScript, OutputItem, OutputItemKind,
    Provider, ProviderKind, Reasoning, RequestHeaders, Secret, TextOptions, Usage,
};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    ErrorNotification, ModeKind, ReasoningSummary, ThreadItem, ThreadItemKind, ThreadTokenUsage,
    ThreadTokenUsageUpdatedNotification, TokenUsageBreakdown,
};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::items::OpenItems;
use super::{
    Conversation, TurnContext, TurnEnd, TurnInput, TurnOutcome, context as surroundings, failure, input,
};
use crate::clock::now_ms;
use crate::rate_limits;
use crate::services::Services;
use crate::thread::sandbox_mode_of;

/// Runs the turn; the caller owns what follows its end.
pub(crate) async fn run(
    context: &TurnContext,
    conversation: &mut Conversation,
    input: TurnInput,
) -> TurnOutcome {
    let mut turn = Turn {
        context,
        model_info: context.settings.model_info(),
        endpoint: None,
        turn_state: None,
        open: OpenItems::default(),
        last_message: None,
    };
    turn.begin(conversation, input);
    let end = match turn.run(conversation).await {
        Ok(()) => TurnEnd::Completed,
        Err(_) if context.cancel.is_cancelled() => TurnEnd::Interrupted,
        Err(error) => {
            if error.kind == ModelErrorKind::ContextWindowExceeded {
                turn.window_is_full(conversation);
            }
            TurnEnd::Failed(Box::new(failure::turn_error(&error)))
        }
    };
    TurnOutcome { end, last_message: turn.last_message }
}

struct Turn<'a> {
    context: &'a TurnContext,
    model_info: ModelInfo,
    /// Where requests of this turn go; found out with the first one.
    endpoint: Option<Endpoint>,
    /// What the server wants echoed within this turn (backend specification 7).
    turn_state: Option<String>,
    open: OpenItems,
    last_message: Option<ThreadItem>,
}

struct Endpoint {
    provider: Provider,
    bearer: Option<Secret>,
    account_id: Option<String>,
}

/// What a response asks for.
#[derive(Default)]
struct Sampled {
    /// Outputs of the tool calls, in the order of the calls.
    outputs: Vec<Box<RawValue>>,
}

impl Turn<'_> {
    /// Records the beginning of the turn and the user's message, in one write.
    fn begin(&self, conversation: &mut Conversation, input: TurnInput) {
        #[derive(Serialize)]
        struct Started<'a> {
            turn_id: &'a str,
            root_turn_id: &'a str,
            started_at: Option<i64>,
            model_context_window: Option<i64>,
            collaboration_mode_kind: ModeKind,
        }
        let context = self.context;
        conversation.event(
            "task_started",
            &Started {
                turn_id: &context.turn_id,
                root_turn_id: &context.turn_id,
                started_at: context.started_at,
                model_context_window: self.window(),
                collaboration_mode_kind: context.settings.mode,
            },
        );
        surroundings::update(context, conversation);
        conversation.turn_context(&surroundings::recorded(context));
        self.take_input(conversation, input);
    }

    /// Puts a user message into the history and tells of its item.
    fn take_input(&self, conversation: &mut Conversation, input: TurnInput) {
        if input.content.is_empty() {
            conversation.flush();
            return;
        }
        let raw = input::user_message(&input.content);
        let at_ms = now_ms();
        let kind = ThreadItemKind::UserMessage {
            id: Uuid::now_v7().to_string(),
            client_id: input.client_id,
            content: input.content,
        };
        self.context.started(kind.clone(), at_ms);
        self.context.completed(conversation, kind, at_ms, Some(&raw));
    }

    async fn run(&mut self, conversation: &mut Conversation) -> Result<(), ModelError> {
        loop {
            for input in self.context.pending.take() {
                self.take_input(conversation, input);
            }
            let sampled = self.sample_with_retries(conversation).await?;
            let calls_for_more = !sampled.outputs.is_empty();
            for output in &sampled.outputs {
                conversation.record(output);
            }
            conversation.flush();
            if !calls_for_more && self.context.pending.close_if_empty() {
                return Ok(());
            }
        }
    }

    /// The second retry layer: the request is built anew from the history, with what was completed so far.
    async fn sample_with_retries(&mut self, conversation: &mut Conversation) -> Result<Sampled, ModelError> {
        let mut retry = 0;
        loop {
            let error = match self.sample(conversation).await {
                Ok(sampled) => return Ok(sampled),
                Err(error) => error,
            };
            self.open.abandon();
            if let Some(limits) = &error.rate_limits {
                rate_limits::update(&self.context.services, limits);
            }
            let max = self.endpoint.as_ref().map_or(0, |endpoint| endpoint.provider.stream_max_retries);
            if !error.retryable() || retry >= max || self.context.cancel.is_cancelled() {
                return Err(error);
            }
            retry += 1;
            self.context.notify(ServerNotification::Error(ErrorNotification {
                error: failure::reconnecting(&error, retry, max),
                thread_id: self.context.thread_id.clone(),
                turn_id: self.context.turn_id.clone(),
                will_retry: true,
            }));
            tokio::select! {
                () = tokio::time::sleep(error.retry_delay(retry)) => {}
                () = self.context.cancel.cancelled() => return Err(error),
            }
        }
    }

    /// Samples one response.
    async fn sample(&mut self, conversation: &mut Conversation) -> Result<Sampled, ModelError> {
        let context = self.context;
        let services = &context.services;
        if self.endpoint.is_none() {
            self.endpoint = Some(endpoint(context).await?);
        }
        let mut stream = {
            let Some(endpoint) = &self.endpoint else { return Ok(Sampled::default()) };
            let prompt = conversation.history.prompt();
            let input: Vec<&RawValue> = prompt.iter().map(AsRef::as_ref).collect();
            let tools = tools(context);
            let settings = &context.settings;
            let request = ModelRequest {
                model: &settings.model,
                instructions: &settings.base_instructions,
                input: &input,
                tools: &tools,
                parallel_tool_calls: self.model_info.supports_parallel_tool_calls,
                reasoning: self.reasoning(),
                prompt_cache_key: Some(&context.thread_id),
                text: self.text_options(),
                service_tier: context.service_tier.as_deref().or(settings.service_tier.as_deref()),
            };
            let headers = RequestHeaders {
                bearer: endpoint.bearer.clone(),
                account_id: endpoint.account_id.clone(),
                originator: services.client.originator.clone(),
                user_agent: services.client.user_agent.clone(),
                session_id: context.thread_id.clone(),
                turn_state: self.turn_state.clone(),
                subagent: None,
                web_search_eligible: Some(web_search(context) != WebSearchMode::Disabled),
            };
            services.model.stream(&endpoint.provider, &request, &headers, &context.cancel).await?
        };
        if self.turn_state.is_none() {
            self.turn_state = stream.turn_state.take();
        }
        let mut sampled = Sampled::default();
        while let Some(event) = stream.next().await? {
            self.take_event(conversation, event, &mut sampled);
            context.keep_pace().await;
        }
        rate_limits::update(services, &stream.rate_limits);
        Ok(sampled)
    }

    fn take_event(&mut self, conversation: &mut Conversation, event: ModelEvent, sampled: &mut Sampled) {
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
            ModelEvent::ItemDone(item) => match tool_output(&item) {
                Some(output) => {
                    conversation.record(&item.raw);
                    sampled.outputs.push(output);
                }
                None => {
                    if let Some(message) = self.open.done(context, conversation, item) {
                        self.last_message = Some(message);
                    }
                }
            },
            ModelEvent::Completed { usage, .. } => self.count(conversation, usage),
        }
    }

    /// Adds up tokens and tells the new numbers, or the old ones again when the response had none.
    fn count(&self, conversation: &mut Conversation, usage: Option<Usage>) {
        if let Some(usage) = usage {
            let last = breakdown(usage);
            let total = match &conversation.usage {
                Some(known) => sum(&known.total, &last),
                None => last.clone(),
            };
            conversation.usage = Some(ThreadTokenUsage { last, model_context_window: self.window(), total });
        }
        self.tell_usage(conversation);
    }

    /// After "too long" the client should see a full window, whatever the last response counted.
    fn window_is_full(&self, conversation: &mut Conversation) {
        let Some(window) = self.window() else { return };
        let usage = conversation.usage.get_or_insert_with(|| ThreadTokenUsage {
            last: TokenUsageBreakdown::default(),
            model_context_window: Some(window),
            total: TokenUsageBreakdown::default(),
        });
        usage.last.total_tokens = window;
        usage.total.total_tokens = window;
        self.tell_usage(conversation);
    }

    fn tell_usage(&self, conversation: &mut Conversation) {
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
        let info = conversation.usage.clone();
        conversation.event(
            "token_count",
            &TokenCount {
                info: info.as_ref().map(|usage| Info {
                    total_token_usage: Recorded(&usage.total),
                    last_token_usage: Recorded(&usage.last),
                    model_context_window: usage.model_context_window,
                }),
                rate_limits: None,
            },
        );
        conversation.flush();
        if let Some(token_usage) = info {
            self.context.notify(ServerNotification::ThreadTokenUsageUpdated(
                ThreadTokenUsageUpdatedNotification {
                    thread_id: self.context.thread_id.clone(),
                    token_usage,
                    turn_id: self.context.turn_id.clone(),
                },
            ));
        }
    }

    fn window(&self) -> Option<i64> {
        let configured = self.context.settings.config.model_context_window;
        i64::try_from(self.model_info.effective_context_window(configured)).ok()
    }

    fn reasoning(&self) -> Option<Reasoning<'_>> {
        let settings = &self.context.settings;
        let supported =
            settings.config.model_supports_reasoning_summaries.unwrap_or(self.model_info.supports_reasoning);
        supported.then(|| Reasoning {
            effort: settings.effort.as_deref().or(self.model_info.default_reasoning_effort),
            summary: match settings.summary.unwrap_or(ReasoningSummary::Auto) {
                ReasoningSummary::Auto => Some("auto"),
                ReasoningSummary::Concise => Some("concise"),
                ReasoningSummary::Detailed => Some("detailed"),
                ReasoningSummary::None => None,
            },
        })
    }

    fn text_options(&self) -> Option<TextOptions<'_>> {
        let configured = self.context.settings.config.model_verbosity.or(self.model_info.default_verbosity);
        let verbosity =
            configured.filter(|_| self.model_info.supports_verbosity).map(|verbosity| verbosity.as_str());
        let output_schema = self.context.output_schema.as_deref();
        (verbosity.is_some() || output_schema.is_some()).then_some(TextOptions { verbosity, output_schema })
    }
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

/// The answer to a tool call. No tool is offered yet, so each call names one that does not exist; saying so keeps the
/// turn going (agent-loop specification 5).
fn tool_output(item: &OutputItem) -> Option<Box<RawValue>> {
    #[derive(Serialize)]
    struct Output<'a> {
        r#type: &'static str,
        call_id: &'a str,
        output: String,
    }
    let (r#type, call_id, output) = match &item.kind {
        OutputItemKind::FunctionCall { call_id, name, .. } => {
            ("function_call_output", call_id.as_str(), format!("unsupported call: {name}"))
        }
        OutputItemKind::CustomToolCall { call_id, name, .. } => {
            ("custom_tool_call_output", call_id.as_str(), format!("unsupported custom tool call: {name}"))
        }
        OutputItemKind::LocalShellCall { call_id, id, .. } => (
            "function_call_output",
            call_id.as_deref().or(id.as_deref())?,
            "unsupported call: local_shell".to_owned(),
        ),
        _ => return None,
    };
    #[allow(clippy::expect_used, reason = "strings and string keys always serialise")]
    Some(
        serde_json::value::to_raw_value(&Output { r#type, call_id, output })
            .expect("an output is always JSON"),
    )
}

fn web_search(context: &TurnContext) -> WebSearchMode {
    context.settings.config.web_search_mode(sandbox_mode_of(&context.settings.sandbox))
}

/// The tools on offer: the provider's own search, unless it is switched off.
fn tools(context: &TurnContext) -> Vec<Box<RawValue>> {
    #[derive(Serialize)]
    struct Hosted {
        r#type: &'static str,
        external_web_access: bool,
    }
    let mode = web_search(context);
    if mode == WebSearchMode::Disabled {
        return Vec::new();
    }
    let search = Hosted { r#type: "web_search", external_web_access: mode == WebSearchMode::Live };
    serde_json::value::to_raw_value(&search).into_iter().collect()
}

/// Finds out where this turn's requests go and with which credential.
async fn endpoint(context: &TurnContext) -> Result<Endpoint, ModelError> {
    let services = &context.services;
    let configured = &context.settings.provider;
    let environment = services.config.environment();
    let key = configured
        .api_key(environment)
        .map_err(|missing| ModelError::missing_key(&missing.var, missing.instructions.as_deref()))?;
    let (bearer, account_id, is_account) = match key {
        Some(key) => (Some(Secret::new(key)), None, false),
        None if configured.requires_openai_auth => {
            let credential = services.auth.credential();
            (credential.bearer, credential.account_id, credential.is_account)
        }
        None => (None, None, false),
    };
    let kind = match &configured.kind {
        ConfiguredKind::Http => ProviderKind::Http,
        ConfiguredKind::Offline { script } => {
            ProviderKind::Offline(offline_script(services, script.as_deref())?)
        }
    };
    let mut headers = configured.resolve_headers(environment);
    if configured.is_builtin_openai() {
        headers.push(("version".to_owned(), services.version.to_owned()));
    }
    let provider = Provider {
        id: configured.id.clone(),
        name: configured.name.clone(),
        base_url: configured.base_url(is_account).to_owned(),
        query_params: configured
            .query_params
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        headers,
        request_max_retries: configured.request_max_retries,
        stream_max_retries: configured.stream_max_retries,
        stream_idle_timeout_ms: configured.stream_idle_timeout_ms,
        kind,
    };
    Ok(Endpoint { provider, bearer, account_id })
}

/// The script of the offline provider, read once and played on by all threads.
fn offline_script(services: &Services, path: Option<&std::path::Path>) -> Result<OfflineScript, ModelError> {
    let mut script = services.offline_script.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(script) = &*script {
        return Ok(script.clone());
    }
    let loaded = match path {
        None => OfflineScript::builtin(),
        Some(path) => {
            let problem = |reason: String| {
                ModelError::invalid_provider(format!("cannot play the script {}: {reason}", path.display()))
            };
            let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
            OfflineScript::parse(&text).map_err(|error| problem(error.to_string()))?
        }
    };
    *script = Some(loaded.clone());
    Ok(loaded)
}
