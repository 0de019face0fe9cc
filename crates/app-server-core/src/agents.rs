//! Agents: threads that the model of another thread has begun. Here is who began whom and how each stands; what an agent
//! does is its thread's business.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use app_server_protocol::v2::{CollabAgentState, CollabAgentStatus, ThreadItemKind, Turn, TurnStatus};
use app_server_rollout::{SessionMeta, Source};
use serde::Serialize;
use tokio::sync::watch;
use uuid::Uuid;

use crate::turn::{Conversation, TurnContext, text_message};

/// How deep agents may be below a thread of the user's: an agent begins no others.
pub(crate) const MAX_DEPTH: u32 = 1;

/// What a thread that is an agent knows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) parent: Uuid,
    /// The thread of the user's at the top.
    pub(crate) root: Uuid,
    pub(crate) depth: u32,
}

impl Identity {
    /// Reads it out of the head of the thread's file.
    pub(crate) fn of(meta: &SessionMeta) -> Option<Self> {
        let parent = meta.spawned_by()?;
        let depth = match &meta.source {
            Source::SubAgent(kind) => kind.get("thread_spawn").and_then(|spawn| spawn.get("depth")?.as_u64()),
            _ => None,
        };
        let depth = depth.and_then(|depth| u32::try_from(depth).ok()).unwrap_or(1);
        Some(Identity { parent, root: meta.session_id.unwrap_or(parent), depth })
    }
}

/// How an agent stands, as the model reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It has not begun its task.
    PendingInit,
    Running,
    Interrupted,
    /// With its last message.
    Completed(Option<String>),
    Errored(String),
    Shutdown,
    NotFound,
}

impl State {
    /// Whether there is nothing to wait for.
    fn is_final(&self) -> bool {
        !matches!(self, State::PendingInit | State::Running)
    }

    /// How an agent stands after a turn.
    pub(crate) fn after(turn: &Turn) -> Self {
        match turn.status {
            TurnStatus::InProgress => State::Running,
            TurnStatus::Interrupted => State::Interrupted,
            TurnStatus::Failed => {
                State::Errored(turn.error.as_ref().map(|error| error.message.clone()).unwrap_or_default())
            }
            TurnStatus::Completed => {
                State::Completed(turn.items.iter().rev().find_map(|item| match &item.kind {
                    ThreadItemKind::AgentMessage { text, .. } => Some(text.clone()),
                    _ => None,
                }))
            }
        }
    }

    /// The state as the wire shows it.
    pub(crate) fn wire(&self) -> CollabAgentState {
        let (status, message) = match self {
            State::PendingInit => (CollabAgentStatus::PendingInit, None),
            State::Running => (CollabAgentStatus::Running, None),
            State::Interrupted => (CollabAgentStatus::Interrupted, None),
            State::Completed(message) => (CollabAgentStatus::Completed, message.clone()),
            State::Errored(message) => (CollabAgentStatus::Errored, Some(message.clone())),
            State::Shutdown => (CollabAgentStatus::Shutdown, None),
            State::NotFound => (CollabAgentStatus::NotFound, None),
        };
        CollabAgentState { message, status }
    }
}

/// The agents of a session. The lock is held for a look or a change.
#[derive(Default)]
pub(crate) struct Agents {
    tree: Mutex<Tree>,
    /// Counts the changes, for those who wait for one.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Tree {
    agents: HashMap<Uuid, Agent>,
    /// By parent: what its model is to be told with its next request.
    notices: HashMap<Uuid, Vec<String>>,
}

struct Agent {
    parent: Uuid,
    root: Uuid,
    state: State,
}

/// There are as many agents as there may be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Agents {
    /// Makes room for an agent, or for one that comes back.
    ///
    /// # Errors
    /// When `max` others of the same root are there.
    pub(crate) fn reserve(&self, id: Uuid, parent: Uuid, root: Uuid, max: usize) -> Result<(), Full> {
        let mut tree = self.tree();
        let is_there = |(other, agent): (&Uuid, &Agent)| {
            *other != id && agent.root == root && agent.state != State::Shutdown
        };
        if tree.agents.iter().filter(|entry| is_there(*entry)).count() >= max {
            return Err(Full);
        }
        tree.agents.insert(id, Agent { parent, root, state: State::PendingInit });
        Ok(())
    }

    /// Gives the room back of an agent that did not come to be.
    pub(crate) fn release(&self, id: Uuid) {
        self.tree().agents.remove(&id);
    }

    /// Takes in a thread that was loaded, if it is an agent's: a client may resume those as well.
    pub(crate) fn loaded(&self, meta: &SessionMeta) {
        let Some(Identity { parent, root, .. }) = Identity::of(meta) else { return };
        let mut tree = self.tree();
        let agent = tree.agents.entry(meta.id).or_insert(Agent { parent, root, state: State::PendingInit });
        if agent.state == State::Shutdown {
            agent.state = State::PendingInit;
        }
    }

    /// A turn of this thread has begun.
    pub(crate) fn began(&self, id: Uuid) {
        self.set(id, State::Running);
    }

    /// A turn of this thread has ended; its parent's model is to hear of it.
    pub(crate) fn ended(&self, id: Uuid, state: State) {
        let mut tree = self.tree();
        let Some(agent) = tree.agents.get_mut(&id).filter(|agent| agent.state != State::Shutdown) else {
            return;
        };
        let parent = agent.parent;
        let notice = notice(id, &state);
        agent.state = state;
        tree.notices.entry(parent).or_default().push(notice);
        drop(tree);
        self.changes.send_modify(|count| *count += 1);
    }

    /// The thread is being unloaded.
    pub(crate) fn closed(&self, id: Uuid) {
        self.set(id, State::Shutdown);
    }

    fn set(&self, id: Uuid, state: State) {
        if let Some(agent) = self.tree().agents.get_mut(&id) {
            agent.state = state;
        }
        self.changes.send_modify(|count| *count += 1);
    }

    /// Forgets the agents of a thread that is let go of, and returns them.
    pub(crate) fn take_children(&self, parent: Uuid) -> Vec<Uuid> {
        let mut tree = self.tree();
        tree.notices.remove(&parent);
        let is_child = |agent: &Agent| agent.parent == parent;
        let children: Vec<Uuid> =
            tree.agents.iter().filter(|(_, agent)| is_child(agent)).map(|(id, _)| *id).collect();
        tree.agents.retain(|_, agent| !is_child(agent));
        children
    }

    /// How an agent of this parent's stands.
    pub(crate) fn state(&self, id: Uuid, parent: Uuid) -> State {
        let tree = self.tree();
        let agent = tree.agents.get(&id).filter(|agent| agent.parent == parent);
        agent.map_or(State::NotFound, |agent| agent.state.clone())
    }

    /// Waits until one of these has nothing to be waited for, and returns all of which that is so.
    pub(crate) async fn any_done(&self, ids: &[Uuid], parent: Uuid) -> Vec<(Uuid, State)> {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let states = ids.iter().map(|id| (*id, self.state(*id, parent)));
            let done: Vec<_> = states.filter(|(_, state)| state.is_final()).collect();
            // The sender is ours, so there is always another change to come.
            if !done.is_empty() || changes.changed().await.is_err() {
                return done;
            }
        }
    }

    fn take_notices(&self, parent: Uuid) -> Vec<String> {
        self.tree().notices.remove(&parent).unwrap_or_default()
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the model is told when an agent of its has come to an end by itself.
fn notice(id: Uuid, status: &State) -> String {
    #[derive(Serialize)]
    struct Notice<'a> {
        agent_id: Uuid,
        status: &'a State,
    }
    let notice = serde_json::to_string(&Notice { agent_id: id, status }).unwrap_or_default();
    format!("<subagent_notification>\n{notice}\n</subagent_notification>")
}

/// Tells the model of a turn which of its agents have come to an end.
pub(crate) fn remind(context: &TurnContext, conversation: &mut Conversation) {
    // A reviewer has nothing to do with them; the thread's model hears of them when it goes on.
    let id = Uuid::try_parse(context.thread.id()).ok().filter(|_| !context.is_review());
    let Some(id) = id else { return };
    for notice in context.thread.services.agents.take_notices(id) {
        context.record(conversation, &text_message("user", &notice));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PARENT: Uuid = Uuid::from_u128(1);

    fn reserve(agents: &Agents, id: u128) -> Result<Uuid, Full> {
        let id = Uuid::from_u128(id);
        agents.reserve(id, PARENT, PARENT, 2).map(|()| id)
    }

    #[test]
    fn there_is_room_for_some_and_closing_makes_room() {
        let agents = Agents::default();
        let first = reserve(&agents, 10).unwrap();
        reserve(&agents, 11).unwrap();
        assert_eq!(reserve(&agents, 12), Err(Full));
        // Others have room of their own.
        let other = Uuid::from_u128(2);
        agents.reserve(Uuid::from_u128(20), other, other, 2).unwrap();
        agents.closed(first);
        reserve(&agents, 12).unwrap();
        assert_eq!(agents.reserve(first, PARENT, PARENT, 2), Err(Full));
        assert_eq!(agents.take_children(PARENT).len(), 3);
        assert_eq!(agents.state(first, PARENT), State::NotFound);
    }

    #[tokio::test]
    async fn waiting_ends_with_the_first_that_is_done() {
        let agents = Agents::default();
        let ids = [reserve(&agents, 10).unwrap(), reserve(&agents, 11).unwrap()];
        agents.began(ids[0]);
        let done = State::Completed(Some("answer".to_owned()));
        let (states, ()) = tokio::join!(agents.any_done(&ids, PARENT), async {
            agents.began(ids[1]);
            agents.ended(ids[1], done.clone());
        });
        assert_eq!(states, [(ids[1], done.clone())]);
        assert_eq!(agents.take_notices(PARENT), [notice(ids[1], &done)]);
        // Agents of others are not told of.
        assert_eq!(agents.any_done(&ids, ids[0]).await[0].1, State::NotFound);
        agents.closed(ids[0]);
        agents.ended(ids[0], State::Interrupted);
        assert_eq!(agents.state(ids[0], PARENT), State::Shutdown);
        assert!(agents.take_notices(PARENT).is_empty());
    }

    #[test]
    fn states_read_as_words_or_as_objects() {
        let check = |state: State, expected: serde_json::Value| {
            assert_eq!(serde_json::to_value(state).unwrap(), expected);
        };
        check(State::PendingInit, json!("pending_init"));
        check(State::Completed(Some("done".to_owned())), json!({"completed": "done"}));
        check(State::Completed(None), json!({"completed": null}));
        check(State::Errored("no".to_owned()), json!({"errored": "no"}));
    }

    #[test]
    fn an_agent_knows_where_it_comes_from() {
        let source = Source::SubAgent(json!({"thread_spawn": {"parent_thread_id": PARENT, "depth": 2}}));
        let root = Uuid::from_u128(3);
        let meta = SessionMeta { source, session_id: Some(root), ..SessionMeta::default() };
        assert_eq!(Identity::of(&meta), Some(Identity { parent: PARENT, root, depth: 2 }));
        assert_eq!(Identity::of(&SessionMeta::default()), None);
        let meta = SessionMeta { parent_thread_id: Some(PARENT), ..SessionMeta::default() };
        assert_eq!(Identity::of(&meta), Some(Identity { parent: PARENT, root: PARENT, depth: 1 }));
    }
}
