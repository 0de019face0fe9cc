//! What is taken from a connection before the library sees it, and the calls that are open.
//!
//! The library hands every notification to a task of its own, which loses their order. Progress must be heard before its
//! call returns, so it is taken here, where messages still come one after the other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::RoleClient;
use rmcp::model::{ProgressToken, RequestId, ServerJsonRpcMessage, ServerNotification};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{Listener, Progress};

/// How much progress is kept for calls whose token is not known yet.
const MAX_EARLY: usize = 64;

/// Hears progress.
pub(crate) type OnProgress = Box<dyn Fn(Progress) + Send + Sync>;

/// The calls of tools that are open.
#[derive(Default)]
pub(crate) struct Calls(Mutex<Open>);

#[derive(Default)]
struct Open {
    /// In the order they were begun.
    calls: Vec<Call>,
    /// Progress that came before its call's token was known.
    early: Vec<(ProgressToken, Progress)>,
    next_serial: u64,
}

struct Call {
    serial: u64,
    tag: u64,
    /// Known once the request is on its way.
    ids: Option<(RequestId, ProgressToken)>,
    progress: Option<OnProgress>,
    /// How many questions of this call wait for the user.
    asked: watch::Sender<usize>,
}

impl Call {
    fn hear(&self, progress: Progress) {
        if let Some(listener) = &self.progress {
            listener(progress);
        }
    }
}

/// Keeps a call among those that are open.
pub(crate) struct OpenCall {
    calls: Arc<Calls>,
    serial: u64,
    /// How many questions of this call wait for the user.
    pub(crate) asked: watch::Receiver<usize>,
}

impl Calls {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a call; before its request is sent, so that nothing the server says of it is missed.
    pub(crate) fn begin(self: &Arc<Self>, tag: u64, progress: Option<OnProgress>) -> OpenCall {
        let (asked, receiver) = watch::channel(0);
        let mut open = self.open();
        let serial = open.next_serial;
        open.next_serial += 1;
        open.calls.push(Call { serial, tag, ids: None, progress, asked });
        OpenCall { calls: self.clone(), serial, asked: receiver }
    }

    fn hear(&self, token: ProgressToken, progress: Progress) {
        let mut open = self.open();
        match open.calls.iter().find(|call| call.ids.as_ref().is_some_and(|(_, of)| *of == token)) {
            Some(call) => call.hear(progress),
            None if open.calls.iter().any(|call| call.ids.is_none()) && open.early.len() < MAX_EARLY => {
                open.early.push((token, progress));
            }
            None => tracing::debug!("progress of a call that is not open"),
        }
    }

    /// Says which call a question belongs to, and holds its clock: the call whose request it came with, else the only one,
    /// else the one begun last.
    pub(crate) fn asking(&self, request: Option<&RequestId>) -> Option<(u64, Asking)> {
        let open = self.open();
        let of_request = |call: &&Call| call.ids.as_ref().is_some_and(|(id, _)| Some(id) == request);
        let call = open.calls.iter().find(of_request).or_else(|| open.calls.last())?;
        call.asked.send_modify(|waiting| *waiting += 1);
        Some((call.tag, Asking(call.asked.clone())))
    }
}

impl OpenCall {
    /// Makes the request's ids known.
    pub(crate) fn sent(&self, request: &RequestId, token: &ProgressToken) {
        let mut open = self.calls.open();
        let (mine, others) =
            std::mem::take(&mut open.early).into_iter().partition::<Vec<_>, _>(|(of, _)| of == token);
        open.early = others;
        if let Some(call) = open.calls.iter_mut().find(|call| call.serial == self.serial) {
            call.ids = Some((request.clone(), token.clone()));
            mine.into_iter().for_each(|(_, progress)| call.hear(progress));
        }
        if open.calls.iter().all(|call| call.ids.is_some()) {
            open.early.clear();
        }
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.calls.open().calls.retain(|call| call.serial != self.serial);
    }
}

/// Holds the clock of a call while the user is asked.
pub(crate) struct Asking(watch::Sender<usize>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

/// A transport that is listened to.
pub(crate) struct Tap<T> {
    inner: T,
    calls: Arc<Calls>,
    listener: Arc<dyn Listener>,
    ended: CancellationToken,
    _at_the_latest: DropGuard,
}

impl<T> Tap<T> {
    /// `ended` is cancelled when the transport has ended.
    pub(crate) fn new(
        inner: T,
        calls: Arc<Calls>,
        listener: Arc<dyn Listener>,
        ended: CancellationToken,
    ) -> Self {
        Self { inner, calls, listener, _at_the_latest: ended.clone().drop_guard(), ended }
    }

    /// Returns the message unless it was for us.
    fn filtered(&self, message: ServerJsonRpcMessage) -> Option<ServerJsonRpcMessage> {
        let ServerJsonRpcMessage::Notification(notification) = message else { return Some(message) };
        match notification.notification {
            ServerNotification::ProgressNotification(progress) => {
                let params = progress.params;
                let progress =
                    Progress { progress: params.progress, total: params.total, message: params.message };
                self.calls.hear(params.progress_token, progress);
                None
            }
            ServerNotification::ToolListChangedNotification(_) => {
                self.listener.tools_changed();
                None
            }
            other => Some(ServerJsonRpcMessage::notification(other)),
        }
    }
}

impl<T: Transport<RoleClient>> Transport<RoleClient> for Tap<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.inner.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            let Some(message) = self.inner.receive().await else {
                self.ended.cancel();
                return None;
            };
            if let Some(message) = self.filtered(message) {
                return Some(message);
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.inner.close().await
    }
}
