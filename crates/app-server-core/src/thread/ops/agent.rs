//! What the model of one thread asks of another that it has begun. Nobody waits for the answers but that model.

use std::fmt;
use std::sync::Arc;

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{ThreadClosedNotification, ThreadResumeParams, ThreadStatus, UserInput};
use app_server_rollout::{RolloutWriter, Scope, SessionMeta, Source, WriterLock};
use jiff::Zoned;
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::clock::now_s;
use crate::error::CoreError;
use crate::history::History;
use crate::host::Reply;
use crate::thread::ThreadOp;
use crate::thread::actor::Actor;
use crate::thread::loaded::{Loaded, Prepared, Resumed, new_meta, preview, share};
use crate::thread::settings::Settings;
use crate::tools::DynamicTools;
use crate::turn::{Conversation, TurnInput, Work};

/// Something asked of an agent's thread.
pub enum AgentOp {
    /// The thread is new.
    Start(Box<Spawned>, Reply<()>),
    /// A task, or more about the one it is at; answered with the turn's id.
    Input(Box<AgentInput>, Reply<String>),
    /// Loads it again, for this parent and with its settings.
    Resume(Uuid, Box<AgentSettings>, Reply<()>),
    /// Stops what it does and unloads it.
    Close(Reply<()>),
}

impl fmt::Debug for AgentOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AgentOp::Start(..) => "Start",
            AgentOp::Input(..) => "Input",
            AgentOp::Resume(..) => "Resume",
            AgentOp::Close(..) => "Close",
        })
    }
}

/// The settings an agent runs with: those of the turn that asks for it.
pub struct AgentSettings(pub(crate) Settings);

/// What an agent begins with.
pub struct Spawned {
    pub(crate) settings: Settings,
    pub(crate) parent: Uuid,
    pub(crate) root: Uuid,
    pub(crate) depth: u32,
    /// What it knows already.
    pub(crate) history: Vec<Box<RawValue>>,
    /// Whether it is kept in memory only, as its parent is.
    pub(crate) is_ephemeral: bool,
}

/// What an agent is told.
pub struct AgentInput {
    pub(crate) content: Vec<UserInput>,
    /// The turn of the user's that all of this belongs to.
    pub(crate) root_turn_id: String,
    /// Whether what runs is stopped first.
    pub(crate) interrupt: bool,
}

impl Actor {
    pub(in crate::thread) async fn do_agent_op(&mut self, op: AgentOp) {
        match op {
            AgentOp::Start(spawned, reply) => reply.send(self.start_agent(*spawned)),
            AgentOp::Input(input, reply) => match self.live() {
                Ok(loaded) => reply.send(loaded.take_task(*input).await),
                Err(error) => reply.send(Err(error)),
            },
            AgentOp::Resume(parent, settings, reply) => {
                reply.send(self.resume_agent(parent, settings.0).await)
            }
            AgentOp::Close(reply) => {
                self.close_agent().await;
                reply.send(Ok(()));
            }
        }
    }

    fn start_agent(&mut self, spawned: Spawned) -> Result<(), CoreError> {
        let loaded = Loaded::spawned(self, spawned)?;
        self.keep(Box::new(loaded));
        self.tell_status(ThreadStatus::Idle);
        Ok(())
    }

    async fn resume_agent(&mut self, parent: Uuid, settings: Settings) -> Result<(), CoreError> {
        if self.loaded.is_some() {
            return Ok(());
        }
        let missing = || CoreError::NoRollout(self.id.to_string());
        let found = self.find(Scope::Live)?.ok_or_else(missing)?;
        if self.services.store.header(&found.path)?.meta.spawned_by() != Some(parent) {
            return Err(missing());
        }
        let params = json!({"threadId": self.id, "excludeTurns": true});
        let mut params: ThreadResumeParams =
            serde_json::from_value(params).map_err(|error| CoreError::Internal(error.to_string()))?;
        let services = Arc::clone(&self.services);
        let Resumed { mut loaded, .. } =
            Loaded::resume(services, self.id, &mut params, found.path, self.publish.clone()).await?;
        // It may do what its parent may, whatever the configuration says by now.
        let own = &loaded.settings;
        let (model, effort, cwd) = (own.model.clone(), own.effort.clone(), own.cwd.clone());
        let base_instructions = Arc::clone(&own.base_instructions);
        loaded.settings = Settings { model, effort, cwd, base_instructions, ..settings };
        self.keep(loaded);
        self.tell_status(ThreadStatus::Idle);
        Ok(())
    }

    async fn close_agent(&mut self) {
        let Some(loaded) = &mut self.loaded else { return };
        // First, so that the end of its turn is not taken for the end of its task.
        self.services.agents.closed(self.id);
        loaded.leave_goal();
        loaded.stop_turn().await;
        self.unload().await;
        let thread_id = self.id.to_string();
        self.services.host.notify(ServerNotification::ThreadClosed(ThreadClosedNotification { thread_id }));
    }

    /// The thread is let go of, and with it the agents it has begun.
    pub(in crate::thread) fn let_go_of_agents(&self) {
        self.services.agents.closed(self.id);
        for child in self.services.agents.take_children(self.id) {
            self.services.host.hand_over(child, ThreadOp::Agent(AgentOp::Close(Reply::new(|_| {}))));
        }
    }
}

impl Loaded {
    /// Makes the thread of an agent. Its file comes with its first turn.
    fn spawned(actor: &Actor, spawned: Spawned) -> Result<Self, CoreError> {
        let Spawned { settings, parent, root, depth, history, is_ephemeral } = spawned;
        let (services, id) = (Arc::clone(&actor.services), actor.id);
        let now = Zoned::now();
        let source = json!({"thread_spawn": {"parent_thread_id": parent, "depth": depth}});
        let meta = SessionMeta {
            source: Source::SubAgent(source),
            session_id: Some(root),
            parent_thread_id: Some(parent),
            ..new_meta(&services, id, &settings, &now, None)
        };
        let (path, lock) = if is_ephemeral {
            (None, None)
        } else {
            let lock = WriterLock::acquire(services.store.codex_home(), id)?;
            (Some(services.store.new_path(id, &now)), Some(lock))
        };
        let rollout = path.as_ref().map(|path| RolloutWriter::pending(path.clone(), meta.clone()));
        let mut conversation = Conversation::new(History::default(), rollout, None, services.known_secrets());
        for item in &history {
            conversation.record(item);
        }
        let created_at = now.timestamp().as_second();
        let publish = actor.publish.clone();
        Ok(Loaded {
            shared: share(services, id, &settings, conversation, DynamicTools::default(), publish),
            meta,
            settings,
            running: None,
            abandoned_at: None,
            preview: String::new(),
            name: None,
            created_at,
            updated_at: created_at,
            recency_at: created_at,
            path,
            usage_turn_id: None,
            raw_events: false,
            _lock: lock,
        })
    }

    /// Begins a turn, or tells the one that runs. Returns its id.
    async fn take_task(&mut self, input: AgentInput) -> Result<String, CoreError> {
        let AgentInput { content, root_turn_id, interrupt } = input;
        if interrupt {
            self.stop_turn().await;
        }
        let mut input = TurnInput::new(content, None, &self.shared.services.secrets());
        if let Some(running) = &self.running {
            let is_ending = running.context.cancel.is_cancelled();
            if let Some(kind) = running.context.not_steerable.filter(|_| !is_ending) {
                return Err(CoreError::NotSteerable(kind));
            }
            match if is_ending { Err(input) } else { running.context.pending.push(input) } {
                Ok(()) => return Ok(running.turn.id.clone()),
                Err(refused) => {
                    input = refused;
                    // It is ending: this one comes after it.
                    self.join_turn().await;
                }
            }
        }
        let Prepared { mut turn, mut context } = self.prepare_turn(None);
        turn.root_turn_id = Some(root_turn_id.clone());
        context.root_turn_id = root_turn_id;
        if self.preview.is_empty() {
            self.preview = preview(&input.content);
        }
        self.recency_at = now_s();
        let turn_id = turn.id.clone();
        self.begin_turn(turn, context, Work::Model(input));
        Ok(turn_id)
    }
}
