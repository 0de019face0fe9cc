//! The points at which hooks run, and what comes of what they say.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use app_server_config::HookEvent;
use app_server_protocol::v2::{HookPromptFragment, ThreadItem, ThreadItemKind, UserInput};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::answer::{Context, Effects, Permission};
use super::run::{run, run_aside, warn};
use super::{Occasion, Scene};
use crate::clock::now_ms;
use crate::exec::{Limit, tokens, truncate};
use crate::thread::{Settings, ThreadShared};
use crate::turn::{TurnContext, TurnInput, text_message};

/// Tokens of one hook's text that the model reads unless the hook says otherwise; the whole is in a file then.
const CONTEXT_TOKENS: usize = 2_500;
/// How often hooks may keep a turn from ending.
const MOST_KEPT_ON: usize = 8;
/// Why every thread ends that nobody has said more of.
const END_REASON: &str = "other";
/// The kind of every agent.
const AGENT_TYPE: &str = "default";

/// What hooks say before the user's input is taken.
pub(crate) struct Opened {
    /// What the model reads before the input.
    pub(crate) before: Vec<String>,
    /// What it reads behind the input; `None` when the input must not be taken.
    pub(crate) behind: Option<Vec<String>>,
}

/// Runs what stands before input: with the first of a thread, its beginning.
pub(crate) async fn before_input(context: &Arc<TurnContext>, input: &TurnInput) -> Opened {
    let hooks = &context.thread.hooks;
    let mut opened = Opened { before: Vec::new(), behind: Some(Vec::new()) };
    if context.is_review() || hooks.found.hooks.is_empty() {
        return opened;
    }
    let scene = Scene::of_turn(context);
    if !hooks.has_begun.swap(true, Ordering::AcqRel) {
        let effects = if context.agent.is_some() {
            let input = json!({"agent_id": context.thread.id(), "agent_type": AGENT_TYPE});
            let names = &[AGENT_TYPE];
            run(&scene, Occasion { event: HookEvent::SubagentStart, names, input, suffix: None }).await
        } else {
            let source = if hooks.is_resumed { "resume" } else { "startup" };
            let (names, input) = (&[source], json!({"source": source}));
            run(&scene, Occasion { event: HookEvent::SessionStart, names, input, suffix: None }).await
        };
        opened.before = texts(&scene, &effects).await;
        if let Some(reason) = &effects.stop {
            return refused(context, &scene, opened, reason);
        }
    }
    // What nobody wrote is no prompt.
    let Some(prompt) = prompt(input) else { return opened };
    let occasion = Occasion {
        event: HookEvent::UserPromptSubmit,
        names: &[],
        input: json!({"prompt": prompt}),
        suffix: None,
    };
    let effects = run(&scene, occasion).await;
    if let Some(reason) = effects.reason().as_ref().or(effects.stop.as_ref()) {
        return refused(context, &scene, opened, reason);
    }
    opened.behind = Some(texts(&scene, &effects).await);
    opened
}

/// The input is not taken. A turn that has nothing else to do ends.
fn refused(context: &TurnContext, scene: &Scene, opened: Opened, reason: &str) -> Opened {
    warn(scene, &format!("A hook did not let the input through: {reason}"));
    if !context.hooks.has_input.load(Ordering::Acquire) {
        context.hooks.end_turn(reason.to_owned());
    }
    Opened { behind: None, ..opened }
}

fn prompt(input: &TurnInput) -> Option<String> {
    let texts: Vec<&str> = input
        .content
        .iter()
        .filter_map(|part| match part {
            UserInput::Text { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    (!input.content.is_empty()).then(|| texts.join("\n"))
}

/// What a tool is called with, as hooks are told.
pub(crate) struct ToolUse<'a> {
    /// The tool's name for hooks, then the other names it is known by.
    pub(crate) names: Vec<&'a str>,
    pub(crate) input: Value,
    pub(crate) call_id: &'a str,
}

impl ToolUse<'_> {
    fn occasion(&self, event: HookEvent, more: Value) -> Occasion<'_> {
        let name = self.names.first().copied().unwrap_or_default();
        let mut input = json!({"tool_name": name, "tool_input": self.input, "tool_use_id": self.call_id});
        if let (Some(input), Value::Object(more)) = (input.as_object_mut(), more) {
            input.extend(more);
        }
        Occasion { event, names: &self.names, input, suffix: Some(self.call_id) }
    }
}

/// What hooks say of a call that is about to be made or was made.
#[derive(Default)]
pub(crate) struct ToolVerdict {
    /// Why the call must not be made, or what is wrong with what it did.
    pub(crate) blocked: Option<String>,
    /// What it is called with instead.
    pub(crate) updated_input: Option<Value>,
    /// What the model reads behind the output.
    pub(crate) contexts: Vec<String>,
}

/// Whether any hook could run in this turn: who must describe a call first need not if none can.
pub(crate) fn has_any(context: &TurnContext) -> bool {
    !context.thread.hooks.found.hooks.is_empty()
}

/// Runs what stands before a call.
pub(crate) async fn before_tool(context: &Arc<TurnContext>, tool: &ToolUse<'_>) -> ToolVerdict {
    tool_verdict(context, tool.occasion(HookEvent::PreToolUse, json!({}))).await
}

/// Runs what stands behind a call.
pub(crate) async fn after_tool(
    context: &Arc<TurnContext>,
    tool: &ToolUse<'_>,
    response: Value,
) -> ToolVerdict {
    tool_verdict(context, tool.occasion(HookEvent::PostToolUse, json!({"tool_response": response}))).await
}

async fn tool_verdict(context: &Arc<TurnContext>, occasion: Occasion<'_>) -> ToolVerdict {
    let scene = Scene::of_turn(context);
    let is_before = occasion.event == HookEvent::PreToolUse;
    let effects = run(&scene, occasion).await;
    if let Some(reason) = &effects.stop {
        context.hooks.end_turn(reason.clone());
    }
    // A call that is to be the end of the turn is not made first.
    let blocked = effects.reason().or_else(|| effects.stop.clone().filter(|_| is_before));
    let contexts = texts(&scene, &effects).await;
    ToolVerdict { blocked, updated_input: effects.updated_input, contexts }
}

/// Runs what stands before a question to the user. `None` leaves the answer to the user.
pub(crate) async fn before_approval(context: &TurnContext, tool: ToolUse<'_>) -> Option<Permission> {
    if !has_any(context) {
        return None;
    }
    run(&Scene::of_turn(context), tool.occasion(HookEvent::PermissionRequest, json!({}))).await.permission
}

/// Runs what stands before the end of a turn. Returns whether the model is asked again: a hook has something for it to do.
pub(crate) async fn before_end(context: &Arc<TurnContext>, last_message: Option<&ThreadItem>) -> bool {
    if !has_any(context) || context.is_review() || context.hooks.wants_end() {
        return false;
    }
    let message = last_message.and_then(|item| match &item.kind {
        ThreadItemKind::AgentMessage { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let kept_on = context.hooks.kept_on();
    let mut input = json!({"stop_hook_active": kept_on > 0, "last_assistant_message": message});
    let (event, names): (_, &[&str]) = match (&context.agent, input.as_object_mut()) {
        (Some(_), Some(input)) => {
            input.insert("agent_id".to_owned(), context.thread.id().into());
            input.insert("agent_type".to_owned(), AGENT_TYPE.into());
            (HookEvent::SubagentStop, &[AGENT_TYPE])
        }
        _ => (HookEvent::Stop, &[]),
    };
    let scene = Scene::of_turn(context);
    let effects = run(&scene, Occasion { event, names, input, suffix: None }).await;
    if effects.stop.is_some() || effects.blocked.is_empty() {
        return false;
    }
    if kept_on >= MOST_KEPT_ON {
        warn(&scene, &format!("Hooks have kept the turn from ending {MOST_KEPT_ON} times; it ends now."));
        return false;
    }
    context.hooks.keep_on();
    tell_prompts(context, effects.blocked);
    true
}

/// Puts what hooks want done before the model, as an item the client sees and words of the user's that nobody wrote.
fn tell_prompts(context: &TurnContext, blocked: Vec<(String, String)>) {
    let fragments: Vec<HookPromptFragment> =
        blocked.into_iter().map(|(hook_run_id, text)| HookPromptFragment { hook_run_id, text }).collect();
    let text: Vec<String> = fragments
        .iter()
        .map(|fragment| {
            let id = escaped(&fragment.hook_run_id);
            format!("<hook_prompt hook_run_id=\"{id}\">{}</hook_prompt>", escaped(&fragment.text))
        })
        .collect();
    let kind = ThreadItemKind::HookPrompt { id: format!("msg_{}", Uuid::now_v7()), fragments };
    let at_ms = now_ms();
    context.started(kind.clone(), at_ms);
    let message = text_message("user", &text.join("\n"));
    context.completed(&mut context.conversation.lock(), kind, at_ms, Some(&message));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Runs what stands before a compaction; `by_hand` if the client asked for it.
pub(crate) async fn before_compaction(context: &TurnContext, by_hand: bool) {
    compaction(context, HookEvent::PreCompact, by_hand).await;
}

/// Runs what stands behind a compaction.
pub(crate) async fn after_compaction(context: &TurnContext, by_hand: bool) {
    compaction(context, HookEvent::PostCompact, by_hand).await;
}

async fn compaction(context: &TurnContext, event: HookEvent, by_hand: bool) {
    if !has_any(context) || context.is_review() {
        return;
    }
    let trigger = if by_hand { "manual" } else { "auto" };
    let (names, input) = (&[trigger], json!({"trigger": trigger}));
    let effects = run(&Scene::of_turn(context), Occasion { event, names, input, suffix: None }).await;
    if let Some(reason) = effects.stop {
        context.hooks.end_turn(reason);
    }
}

/// Begins what stands behind an interrupted turn; its end does not wait.
pub(crate) fn turn_interrupted(context: &TurnContext) {
    if has_any(context) {
        let occasion = Occasion { event: HookEvent::Interrupt, names: &[], input: json!({}), suffix: None };
        run_aside(&Scene::of_turn(context), &occasion);
    }
}

/// Runs what stands at the end of a thread that has had a turn.
pub(crate) async fn thread_ends(thread: &Arc<ThreadShared>, settings: &Settings) {
    if thread.hooks.found.hooks.is_empty() || !thread.hooks.has_begun.load(Ordering::Acquire) {
        return;
    }
    let scene = Scene {
        thread: Arc::clone(thread),
        settings: settings.clone(),
        turn_id: None,
        cancel: CancellationToken::new(),
    };
    let (names, input) = (&[END_REASON], json!({"reason": END_REASON}));
    run(&scene, Occasion { event: HookEvent::SessionEnd, names, input, suffix: None }).await;
}

/// The texts for the model. One that is too long is cut, and the whole put into a file the model may read.
async fn texts(scene: &Scene, effects: &Effects) -> Vec<String> {
    let mut texts = Vec::new();
    for Context { text, limit, run_id } in &effects.contexts {
        let limit = limit.unwrap_or(CONTEXT_TOKENS);
        if tokens(text.len()) <= limit {
            texts.push(text.clone());
            continue;
        }
        let cut = truncate(text, Limit::Tokens(limit)).text;
        texts.push(match spill(scene, text.clone()).await {
            Ok(path) => format!("{cut}\n[The whole text is in {path}.]"),
            Err(error) => {
                tracing::warn!(%error, run = %run_id, "what a hook said cannot be kept");
                cut
            }
        });
    }
    texts
}

async fn spill(scene: &Scene, text: String) -> std::io::Result<String> {
    let folder = scene.thread.services.config.codex_home().join("app-server").join("hook-context");
    let file = folder.join(format!("{}.txt", Uuid::now_v7()));
    let written = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(&file, text)?;
        Ok(file.to_string_lossy().into_owned())
    });
    written.await.map_err(std::io::Error::other)?
}
