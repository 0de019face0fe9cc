//! The tools for agents: other threads that the model begins, talks to, waits for and ends (agent-loop specification 14).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use app_server_protocol::v2::{
    CollabAgentTool, CollabAgentToolCallStatus as Status, MediaSource, ReasoningEffort, ThreadItemKind,
    UserInput,
};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Call, Output};
use crate::agents::{Full, MAX_DEPTH, State};
use crate::clock::now_ms;
use crate::host::Reply;
use crate::thread::{AgentInput, AgentOp, AgentSettings, Spawned, ThreadOp};
use crate::turn::TurnContext;

/// How long a wait may be, and is when nothing is said, in milliseconds.
const WAIT_MS: (f64, f64) = (10_000.0, 300_000.0);
const DEFAULT_WAIT_MS: f64 = 30_000.0;

#[derive(Deserialize)]
struct Spawn {
    #[serde(flatten)]
    task: Task,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    reasoning_effort: Option<String>,
    #[serde(default)]
    fork_context: bool,
}

#[derive(Deserialize)]
struct SendInput {
    #[serde(alias = "id")]
    target: String,
    #[serde(flatten)]
    task: Task,
    #[serde(default)]
    interrupt: bool,
}

#[derive(Deserialize)]
struct Wait {
    #[serde(alias = "ids")]
    targets: Vec<String>,
    #[serde(default)]
    timeout_ms: Option<f64>,
}

#[derive(Deserialize)]
struct Target {
    #[serde(alias = "id")]
    target: String,
}

/// What an agent is told, in one of two forms.
#[derive(Deserialize)]
struct Task {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    items: Option<Vec<Part>>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part {
    Text { text: String },
    Image { image_url: String },
    LocalImage { path: String },
    Skill { name: String, path: String },
    Mention { name: String, path: String },
}

impl Task {
    fn input(self) -> Result<Vec<UserInput>, Output> {
        let text = |text: String| UserInput::Text { text, text_elements: Vec::new() };
        let input: Vec<UserInput> = match (self.message, self.items) {
            (Some(_), Some(_)) => return Err(Output::text("give either `message` or `items`, not both")),
            (Some(message), None) => {
                Some(message).filter(|message| !message.trim().is_empty()).map(text).into_iter().collect()
            }
            (None, items) => items
                .unwrap_or_default()
                .into_iter()
                .map(|part| match part {
                    Part::Text { text: words } => text(words),
                    Part::Image { image_url } => {
                        UserInput::Image { source: MediaSource::Url { url: image_url }, detail: None }
                    }
                    Part::LocalImage { path } => UserInput::LocalImage { path, detail: None },
                    Part::Skill { name, path } => UserInput::Skill { name, path },
                    Part::Mention { name, path } => UserInput::Mention { name, path },
                })
                .collect(),
        };
        if input.is_empty() {
            return Err(Output::text("an agent must be told something: `message` is empty"));
        }
        Ok(input)
    }
}

/// What the client is shown of an agent's task: its words.
fn prompt(context: &TurnContext, input: &[UserInput]) -> String {
    let words: Vec<&str> = input
        .iter()
        .filter_map(|part| match part {
            UserInput::Text { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    context.thread.services.secrets().mask(&words.join("\n")).into_owned()
}

/// Whether the model is offered agents.
pub(super) fn is_on(context: &TurnContext) -> bool {
    is_enabled(context) && depth(context) < MAX_DEPTH
}

/// Whether a call is understood. Models of today's reference call these tools in a group.
pub(super) fn is_known(context: &TurnContext, call: &Call) -> bool {
    is_enabled(context) && matches!(call.namespace.as_deref(), None | Some("multi_agent_v1"))
}

fn is_enabled(context: &TurnContext) -> bool {
    !context.is_review() && context.settings.config.features.enabled("multi_agent")
}

fn depth(context: &TurnContext) -> u32 {
    context.agent.as_ref().map_or(0, |agent| agent.depth)
}

pub(super) async fn call(context: &Arc<TurnContext>, call: &Call) -> Result<Output, Output> {
    if !is_on(context) {
        return Err(Output::text("agents cannot have agents of their own; do the task yourself"));
    }
    let own_id = id(context.thread.id())?;
    let caller = Caller { context, call, own_id, started_at_ms: now_ms() };
    match call.name.as_str() {
        "spawn_agent" => caller.spawn().await,
        "send_input" => caller.send_input().await,
        "close_agent" => caller.close().await,
        "resume_agent" => caller.resume().await,
        _ => caller.wait().await,
    }
}

fn id(text: &str) -> Result<Uuid, Output> {
    Uuid::try_parse(text).map_err(|_| Output::text(format!("{text} is not the id of an agent")))
}

fn json(value: &impl Serialize) -> Output {
    match serde_json::to_string(value) {
        Ok(text) => Output::text(text),
        Err(error) => Output::text(error.to_string()),
    }
}

#[derive(Serialize)]
struct Answer {
    status: State,
}

/// A call at work.
struct Caller<'a> {
    context: &'a Arc<TurnContext>,
    call: &'a Call,
    own_id: Uuid,
    started_at_ms: i64,
}

/// What an item says besides who is in it.
#[derive(Clone)]
struct Shown {
    tool: CollabAgentTool,
    prompt: Option<String>,
    model: Option<String>,
    effort: Option<String>,
}

impl Shown {
    fn of(tool: CollabAgentTool) -> Self {
        Shown { tool, prompt: None, model: None, effort: None }
    }
}

impl Caller<'_> {
    async fn spawn(&self) -> Result<Output, Output> {
        #[derive(Serialize)]
        struct Begun {
            agent_id: Uuid,
        }
        let context = self.context;
        let Spawn { task, model, reasoning_effort, fork_context } = self.call.arguments()?;
        let content = task.input()?;
        let mut settings = context.settings.clone();
        settings.model = model.filter(|model| !model.is_empty()).unwrap_or(settings.model);
        settings.effort = reasoning_effort.filter(|effort| !effort.is_empty()).or(settings.effort);
        let default_effort = settings.model_info(&context.thread.services.models).default_reasoning_effort;
        let mut shown = Shown {
            tool: CollabAgentTool::SpawnAgent,
            prompt: Some(prompt(context, &content)),
            // Known once there is an agent.
            model: Some(String::new()),
            effort: settings.effort.clone().or(default_effort),
        };
        self.started(&shown, &[]);
        let model = settings.model.clone();
        let agent = Uuid::now_v7();
        let agents = &context.thread.services.agents;
        let spawned = Spawned {
            parent: self.own_id,
            root: self.root(),
            depth: depth(context) + 1,
            history: if fork_context { self.history() } else { Vec::new() },
            is_ephemeral: context.thread.conversation.lock().rollout.is_none(),
            settings,
        };
        let begun = match self.reserve(agent) {
            Ok(()) => self.hand_over(agent, |reply| AgentOp::Start(Box::new(spawned), reply)).await,
            Err(refusal) => Err(refusal),
        };
        if let Err(reason) = begun {
            agents.release(agent);
            return Err(self.failed(&shown, &[], reason));
        }
        shown.model = Some(model);
        self.completed(&shown, Status::Completed, &[agent], &[(agent, State::PendingInit)]);
        match self.tell(agent, content, false).await {
            Ok(_) => Ok(json(&Begun { agent_id: agent })),
            Err(reason) => Err(Output::text(reason)),
        }
    }

    async fn send_input(&self) -> Result<Output, Output> {
        #[derive(Serialize)]
        struct Sent {
            submission_id: String,
        }
        let SendInput { target, task, interrupt } = self.call.arguments()?;
        let (agent, content) = (id(&target)?, task.input()?);
        let prompt = Some(prompt(self.context, &content));
        let shown = Shown { prompt, ..Shown::of(CollabAgentTool::SendInput) };
        self.started(&shown, &[agent]);
        let sent = match self.state(agent) {
            State::NotFound => Err(not_found(agent)),
            State::Shutdown => Err(format!("agent {agent} was ended; call resume_agent first")),
            _ => self.tell(agent, content, interrupt).await,
        };
        match sent {
            Ok(submission_id) => {
                self.completed(&shown, Status::Completed, &[agent], &[(agent, self.state(agent))]);
                Ok(json(&Sent { submission_id }))
            }
            Err(reason) => Err(self.failed(&shown, &[agent], reason)),
        }
    }

    async fn wait(&self) -> Result<Output, Output> {
        #[derive(Serialize)]
        struct Waited {
            status: BTreeMap<Uuid, State>,
            timed_out: bool,
        }
        let Wait { targets, timeout_ms } = self.call.arguments()?;
        let mut ids = targets.iter().map(|target| id(target)).collect::<Result<Vec<_>, _>>()?;
        if ids.is_empty() {
            return Err(Output::text("name the agents to wait for"));
        }
        ids.dedup();
        let timeout_ms = timeout_ms.unwrap_or(DEFAULT_WAIT_MS).clamp(WAIT_MS.0, WAIT_MS.1);
        let shown = Shown::of(CollabAgentTool::Wait);
        self.started(&shown, &ids);
        let done = tokio::select! {
            done = self.context.thread.services.agents.any_done(&ids, self.own_id) => done,
            () = tokio::time::sleep(Duration::from_secs_f64(timeout_ms / 1000.0)) => Vec::new(),
            () = self.context.cancel.cancelled() => {
                self.completed(&shown, Status::Interrupted, &ids, &[]);
                return Err(Output::text("aborted"));
            }
        };
        self.completed(&shown, Status::Completed, &ids, &done);
        Ok(json(&Waited { timed_out: done.is_empty(), status: done.into_iter().collect() }))
    }

    async fn close(&self) -> Result<Output, Output> {
        let Target { target } = self.call.arguments()?;
        let agent = id(&target)?;
        let shown = Shown::of(CollabAgentTool::CloseAgent);
        self.started(&shown, &[agent]);
        let status = self.state(agent);
        let closed = match status {
            State::NotFound => Err(not_found(agent)),
            State::Shutdown => Ok(()),
            _ => self.hand_over(agent, AgentOp::Close).await,
        };
        match closed {
            Ok(()) => {
                self.completed(&shown, Status::Completed, &[agent], &[(agent, status.clone())]);
                Ok(json(&Answer { status }))
            }
            Err(reason) => Err(self.failed(&shown, &[agent], reason)),
        }
    }

    async fn resume(&self) -> Result<Output, Output> {
        let Target { target } = self.call.arguments()?;
        let agent = id(&target)?;
        let shown = Shown::of(CollabAgentTool::ResumeAgent);
        self.started(&shown, &[agent]);
        let before = self.state(agent);
        let resumed = match before {
            State::NotFound | State::Shutdown => match self.reserve(agent) {
                Ok(()) => {
                    let settings = Box::new(AgentSettings(self.context.settings.clone()));
                    self.hand_over(agent, |reply| AgentOp::Resume(self.own_id, settings, reply)).await
                }
                Err(refusal) => return Err(self.failed(&shown, &[agent], refusal)),
            },
            _ => Ok(()),
        };
        match resumed {
            Ok(()) => {
                let status = self.state(agent);
                self.completed(&shown, Status::Completed, &[agent], &[(agent, status.clone())]);
                Ok(json(&Answer { status }))
            }
            Err(reason) => {
                self.context.thread.services.agents.release(agent);
                Err(self.failed(&shown, &[agent], reason))
            }
        }
    }

    fn root(&self) -> Uuid {
        self.context.agent.as_ref().map_or(self.own_id, |agent| agent.root)
    }

    fn state(&self, agent: Uuid) -> State {
        self.context.thread.services.agents.state(agent, self.own_id)
    }

    fn reserve(&self, agent: Uuid) -> Result<(), String> {
        let max = self.context.settings.config.agents_max_threads;
        let agents = &self.context.thread.services.agents;
        agents.reserve(agent, self.own_id, self.root(), max).map_err(|Full| {
            format!("there are {max} agents, which is as many as there may be; end one with close_agent")
        })
    }

    /// What the model has seen so far, without the call that asks for the agent.
    fn history(&self) -> Vec<Box<serde_json::value::RawValue>> {
        let own = serde_json::to_string(&self.call.call_id).unwrap_or_default();
        let conversation = self.context.conversation.lock();
        let prompt = conversation.history.prompt();
        let others = prompt.iter().filter(|item| !item.get().contains(&format!("\"call_id\":{own}")));
        others.map(|item| item.clone().into_owned()).collect()
    }

    /// Gives an agent its task. Returns the turn's id.
    async fn tell(&self, agent: Uuid, content: Vec<UserInput>, interrupt: bool) -> Result<String, String> {
        let root_turn_id = self.context.root_turn_id.clone();
        let input = Box::new(AgentInput { content, root_turn_id, interrupt });
        self.hand_over(agent, |reply| AgentOp::Input(input, reply)).await
    }

    /// Asks the agent's thread and waits for its answer.
    async fn hand_over<T: Send + 'static>(
        &self,
        agent: Uuid,
        op: impl FnOnce(Reply<T>) -> AgentOp,
    ) -> Result<T, String> {
        let (sender, answer) = oneshot::channel();
        let reply = Reply::new(move |result| {
            // A turn that was lost waits no more.
            let _ = sender.send(result);
        });
        self.context.thread.services.host.hand_over(agent, ThreadOp::Agent(op(reply)));
        match answer.await {
            Ok(answer) => answer.map(|answer| answer.result).map_err(|error| error.to_string()),
            Err(_) => Err("the session is ending".to_owned()),
        }
    }

    fn started(&self, shown: &Shown, receivers: &[Uuid]) {
        self.context.started(self.item(shown, Status::InProgress, receivers, &[]), self.started_at_ms);
    }

    fn completed(&self, shown: &Shown, status: Status, receivers: &[Uuid], states: &[(Uuid, State)]) {
        let item = self.item(shown, status, receivers, states);
        let mut conversation = self.context.conversation.lock();
        self.context.completed(&mut conversation, item, self.started_at_ms, None);
    }

    /// Completes the item of a call that could not be done. Returns what the model is told.
    fn failed(&self, shown: &Shown, receivers: &[Uuid], reason: String) -> Output {
        let states: Vec<_> = receivers.iter().map(|agent| (*agent, self.state(*agent))).collect();
        self.completed(shown, Status::Failed, receivers, &states);
        Output::text(reason)
    }

    fn item(
        &self,
        shown: &Shown,
        status: Status,
        receivers: &[Uuid],
        states: &[(Uuid, State)],
    ) -> ThreadItemKind {
        let Shown { tool, prompt, model, effort } = shown.clone();
        ThreadItemKind::CollabAgentToolCall {
            id: self.call.id.clone(),
            tool,
            status,
            sender_thread_id: self.context.thread.id().to_owned(),
            receiver_thread_ids: receivers.iter().map(Uuid::to_string).collect(),
            prompt,
            model,
            reasoning_effort: effort.map(ReasoningEffort),
            agents_states: states.iter().map(|(agent, state)| (agent.to_string(), state.wire())).collect(),
        }
    }
}

fn not_found(agent: Uuid) -> String {
    format!("there is no agent {agent}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_task_has_words_or_parts() {
        #[track_caller]
        fn check(task: serde_json::Value, parts: Option<usize>) {
            let task: Task = serde_json::from_value(task).unwrap();
            assert_eq!(task.input().ok().map(|input| input.len()), parts);
        }
        check(json!({"message": "do it"}), Some(1));
        check(
            json!({"items": [{"type": "text", "text": "see"}, {"type": "image", "image_url": "u"}]}),
            Some(2),
        );
        check(json!({"message": " "}), None);
        check(json!({"items": []}), None);
        check(json!({}), None);
        check(json!({"message": "a", "items": []}), None);
    }
}
