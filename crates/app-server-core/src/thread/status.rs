//! The status of a loaded thread: what its actor, its turn and its tools say of it together, told once per change.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{ThreadActiveFlag, ThreadStatus, ThreadStatusChangedNotification};
use tokio::sync::watch;

use super::ThreadState;
use super::shared::Listener;

/// The one owner of the status. Clones are the same board.
#[derive(Clone)]
pub(crate) struct StatusBoard {
    listener: Listener,
    state: Arc<Mutex<State>>,
}

struct State {
    status: ThreadStatus,
    /// What others may know; told before the client hears of a change, so that its next request finds it.
    publish: watch::Sender<ThreadState>,
    /// Questions to the client that are open, by what they wait for.
    approvals: usize,
    inputs: usize,
}

impl StatusBoard {
    /// A board for an idle thread.
    pub(super) fn new(listener: Listener, publish: watch::Sender<ThreadState>) -> Self {
        let state = State { status: ThreadStatus::Idle, publish, approvals: 0, inputs: 0 };
        StatusBoard { listener, state: Arc::new(Mutex::new(state)) }
    }

    /// The status now.
    pub(super) fn get(&self) -> ThreadStatus {
        self.state().status.clone()
    }

    /// Tells of a status, never twice of the same.
    pub(super) fn set(&self, status: ThreadStatus) {
        self.tell(&mut self.state(), status);
    }

    fn tell(&self, state: &mut State, status: ThreadStatus) {
        if state.status != status {
            state.status = status.clone();
            state.publish.send_replace(ThreadState { is_loaded: true, status: status.clone() });
            self.listener.notify(ServerNotification::ThreadStatusChanged(ThreadStatusChangedNotification {
                status,
                thread_id: self.listener.thread_id().to_owned(),
            }));
        }
    }

    /// Says that a question to the client is open, until what is returned is dropped.
    pub(crate) fn wait(&self, flag: ThreadActiveFlag) -> Waiting {
        *self.state().count(flag) += 1;
        self.refresh();
        Waiting { board: self.clone(), flag, is_told: true }
    }

    /// Shows the flags of the questions that are open.
    fn refresh(&self) {
        // One lock from the look to the telling: else an old look could be told last, or after the end of the turn.
        let mut state = self.state();
        if !matches!(state.status, ThreadStatus::Active { .. }) {
            return;
        }
        let approval = (state.approvals > 0).then_some(ThreadActiveFlag::WaitingOnApproval);
        let input = (state.inputs > 0).then_some(ThreadActiveFlag::WaitingOnUserInput);
        let active_flags = approval.into_iter().chain(input).collect();
        self.tell(&mut state, ThreadStatus::Active { active_flags });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, flag: ThreadActiveFlag) -> &mut usize {
        match flag {
            ThreadActiveFlag::WaitingOnApproval => &mut self.approvals,
            ThreadActiveFlag::WaitingOnUserInput => &mut self.inputs,
        }
    }
}

/// A question to the client that is open.
pub(crate) struct Waiting {
    board: StatusBoard,
    flag: ThreadActiveFlag,
    is_told: bool,
}

impl Waiting {
    /// Ends the waiting without telling: the turn ends, and its end is told.
    pub(crate) fn withdraw(mut self) {
        self.is_told = false;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        *self.board.state().count(self.flag) -= 1;
        if self.is_told {
            self.board.refresh();
        }
    }
}
