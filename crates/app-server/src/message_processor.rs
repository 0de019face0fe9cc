//! The loop that owns the server's state: it takes one event after the other and hands requests to their handlers.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use app_server_config::{ConfigLoader, Environment};
use app_server_core::account::{self, AccountHandle, AccountOp};
use app_server_core::thread::{self, ThreadHandle, ThreadOp, ThreadState};
use app_server_core::{Host, KnownSecrets, LogRing, NoReply, Question, Services};
use app_server_protocol::ServerNotification;
use app_server_protocol::rpc::{Incoming, code};
use app_server_sandbox::Launcher;
use serde_json::value::RawValue;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::dispatch::{Call, dispatch};
use crate::lanes::Lanes;
use crate::outgoing::{ClientError, OutgoingMessageSender};

/// Lines read ahead of the loop. When it is full, stdin is not read.
pub(crate) const EVENT_QUEUE: usize = 128;

/// How long turns may take to stop when a signal ends the process. Clients kill two seconds after their signal.
const STOP_WITHIN: Duration = Duration::from_millis(1200);

/// What the loop reacts to.
#[derive(Debug)]
pub(crate) enum Event {
    /// A line from the client.
    Line(Vec<u8>),
    /// The client will send no more.
    EndOfInput,
    /// A thread's actor has nothing loaded and nothing to do.
    ThreadIdle(Uuid),
    /// Something for a thread's actor, handed over by the actor of another thread.
    Thread(Uuid, Box<ThreadOp>),
}

/// Why the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// What was read is answered and everything is to be written.
    EndOfInput,
    /// As soon as possible.
    Now,
}

/// The session, from `initialize` on.
pub(crate) struct Session {
    /// Whether the client asked for experimental methods and fields.
    pub(crate) experimental: bool,
    pub(crate) services: Arc<Services>,
}

/// What a session is made of besides what its client says.
pub(crate) struct Prepared {
    pub(crate) config: ConfigLoader,
    pub(crate) launcher: Launcher,
    pub(crate) secrets: Arc<KnownSecrets>,
    pub(crate) logs: Arc<LogRing>,
}

/// The server's state. The loop owns it; nobody else sees it.
pub(crate) struct Server {
    pub(crate) outgoing: OutgoingMessageSender,
    pub(crate) environment: Arc<Environment>,
    /// Taken by the session.
    pub(crate) prepared: Option<Prepared>,
    /// Requests that are worked on beside the loop.
    pub(crate) tasks: TaskTracker,
    /// Those of them that wait for each other.
    pub(crate) lanes: Lanes,
    /// Cancelled when the process is asked to end or the client reads no more.
    stop_now: CancellationToken,
    session: Option<Session>,
    threads: BTreeMap<Uuid, ThreadHandle>,
    /// There once somebody asked about the account.
    account: Option<AccountHandle>,
    events: mpsc::Sender<Event>,
}

impl Server {
    pub(crate) fn new(
        outgoing: OutgoingMessageSender,
        environment: Arc<Environment>,
        prepared: Prepared,
        events: mpsc::Sender<Event>,
        stop_now: CancellationToken,
    ) -> Self {
        Server {
            outgoing,
            environment,
            prepared: Some(prepared),
            tasks: TaskTracker::new(),
            lanes: Lanes::default(),
            stop_now,
            session: None,
            threads: BTreeMap::new(),
            account: None,
            events,
        }
    }

    /// Takes events until the client or the system ends the session, then ends everything that runs.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Event>) -> Ending {
        let stop_now = self.stop_now.clone();
        let ending = loop {
            // Whatever holds the loop up, a client that does not read above all, must not hold up a signal.
            tokio::select! {
                biased;
                () = stop_now.cancelled() => break Ending::Now,
                is_over = self.next_event(&mut inbox) => if is_over {
                    break Ending::EndOfInput;
                }
            }
        };
        let mut stopped = pin!(self.stop(&mut inbox));
        if ending == Ending::EndOfInput {
            tokio::select! {
                () = &mut stopped => return ending,
                () = stop_now.cancelled() => {}
            }
        }
        if tokio::time::timeout(STOP_WITHIN, stopped).await.is_err() {
            tracing::warn!("ended without waiting for all turns");
        }
        Ending::Now
    }

    /// Takes one event; returns whether it was the last.
    async fn next_event(&mut self, inbox: &mut mpsc::Receiver<Event>) -> bool {
        match inbox.recv().await {
            Some(Event::Line(line)) => self.take_line(&line).await,
            Some(Event::ThreadIdle(id)) => {
                if self.threads.get(&id).is_some_and(ThreadHandle::is_idle) {
                    self.threads.remove(&id);
                }
            }
            Some(Event::Thread(id, op)) => self.send_to_thread(id, *op).await,
            Some(Event::EndOfInput) | None => return true,
        }
        // A client that does not read is not read from.
        self.outgoing.drained().await;
        false
    }

    async fn take_line(&mut self, line: &[u8]) {
        let message = match Incoming::parse(line) {
            Ok(message) => message,
            Err(error) => {
                // Not the text: it may hold a key nobody has learnt to mask.
                tracing::warn!(%error, bytes = line.len(), "dropped a line");
                return;
            }
        };
        match message {
            Incoming::Request { id, method, params } => {
                // Of the highest level, so that every line about it says so, whatever the filter leaves.
                let span = tracing::error_span!("request", %id, %method);
                let call = Call { id, method: &method, params };
                async {
                    tracing::debug!("taken");
                    dispatch(self, call).await;
                }
                .instrument(span)
                .await;
            }
            Incoming::Notification { method } if method == "initialized" => {}
            Incoming::Notification { method } => tracing::warn!(%method, "ignored a notification"),
            Incoming::Response { id, result } => {
                if !self.outgoing.answered(&id, Ok(result.to_owned())) {
                    tracing::warn!(%id, "ignored an answer nobody waits for");
                }
            }
            Incoming::Error { id, error } => {
                tracing::info!(%id, message = %error.message, "the client refused a request");
                if !self.outgoing.answered(&id, Err(error)) {
                    tracing::warn!(%id, "ignored an error nobody waits for");
                }
            }
        }
    }

    /// The session, once there is one.
    pub(crate) fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Begins the session.
    pub(crate) fn begin(&mut self, session: Session) {
        self.session = Some(session);
    }

    /// The way from the core to this server.
    pub(crate) fn host(&self) -> Arc<dyn Host> {
        Arc::new(ProcessHost { outgoing: self.outgoing.clone(), events: self.events.clone() })
    }

    /// Hands an operation to a thread's actor, starting one if there is none.
    pub(crate) async fn send_to_thread(&mut self, id: Uuid, op: ThreadOp) {
        let Some(session) = &self.session else { return };
        let handle =
            self.threads.entry(id).or_insert_with(|| thread::spawn(Arc::clone(&session.services), id));
        handle.send(op).await;
    }

    /// Hands an operation to the account's actor, starting it if it is the first.
    pub(crate) async fn send_to_account(&mut self, op: AccountOp) {
        let Some(session) = &self.session else { return };
        let handle = self.account.get_or_insert_with(|| account::spawn(Arc::clone(&session.services)));
        handle.send(op).await;
    }

    /// What is known of the threads that have an actor, in the order of their ids.
    pub(crate) fn thread_states(&self) -> impl Iterator<Item = (Uuid, ThreadState)> {
        self.threads.iter().map(|(id, handle)| (*id, handle.state()))
    }

    /// Ends all threads, whose earlier operations are answered first, and waits for what runs beside the loop.
    async fn stop(&mut self, inbox: &mut mpsc::Receiver<Event>) {
        loop {
            self.stop_threads().await;
            // What they handed to each other before they stopped belongs to what is answered.
            let mut is_done = true;
            while let Ok(event) = inbox.try_recv() {
                if let Event::Thread(id, op) = event {
                    self.send_to_thread(id, *op).await;
                    is_done = false;
                }
            }
            if is_done {
                break;
            }
        }
        if let Some(account) = &self.account {
            let (done, stopped) = oneshot::channel();
            account.send(AccountOp::Shutdown(done)).await;
            // An actor that is gone has stopped.
            let _ = stopped.await;
        }
        // After the turns: one whose question goes unanswered would go on without it and ask the model once more.
        self.outgoing.cancel_pending();
        if let Some(session) = &self.session {
            session.services.settle().await;
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn stop_threads(&self) {
        let mut stopping = Vec::new();
        for handle in self.threads.values() {
            let (done, stopped) = oneshot::channel();
            handle.send(ThreadOp::Shutdown(done)).await;
            stopping.push(stopped);
        }
        for stopped in stopping {
            // An actor that is gone has stopped.
            let _ = stopped.await;
        }
    }
}

/// What the core sees of the process.
struct ProcessHost {
    outgoing: OutgoingMessageSender,
    events: mpsc::Sender<Event>,
}

impl Host for ProcessHost {
    fn notify(&self, notification: ServerNotification) {
        self.outgoing.notify(&notification);
    }

    fn ask(&self, method: &'static str, params: &RawValue) -> Question {
        let (id, answer) = self.outgoing.ask(method, params);
        let answer = async move {
            answer.await.map_err(|error| match error {
                ClientError::Refused(refusal) if refusal.code == code::METHOD_NOT_FOUND => {
                    NoReply::UnknownMethod
                }
                error => NoReply::Failed(error.to_string()),
            })
        };
        Question { id, answer: Box::pin(answer) }
    }

    fn is_congested(&self) -> bool {
        self.outgoing.is_congested()
    }

    fn drained(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.outgoing.drained())
    }

    fn thread_idle(&self, id: Uuid) {
        // When the queue is full the handle stays until the next operation on this thread: a little memory, no harm.
        let _ = self.events.try_send(Event::ThreadIdle(id));
    }
    fn hand_over(&self, id: Uuid, op: ThreadOp) {
        // Whoever hands over must not wait: the processor may be waiting for its mailbox. When the session is over
        // the operation is dropped, and a dropped reply answers with an error.
        if let Err(TrySendError::Full(event)) = self.events.try_send(Event::Thread(id, Box::new(op))) {
            // As many of these as there are unanswered requests.
            let events = self.events.clone();
            tokio::spawn(async move { events.send(event).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use app_server_core::CoreError;
    use app_server_core::host::{Answer, Reply};
    use app_server_protocol::v2::ThreadReadResponse;
    use app_server_test_support::TempHome;

    use super::*;

    type Receiver = oneshot::Receiver<Result<ThreadReadResponse, CoreError>>;

    fn read() -> (ThreadOp, Receiver) {
        let (sender, answer) = oneshot::channel();
        let reply = Reply::new(move |answer: Result<Answer<ThreadReadResponse>, CoreError>| {
            assert!(sender.send(answer.map(|answer| answer.result)).is_ok(), "nobody waits");
        });
        (ThreadOp::Read(false, reply), answer)
    }

    fn host(events: mpsc::Sender<Event>) -> ProcessHost {
        ProcessHost { outgoing: OutgoingMessageSender::default(), events }
    }

    #[tokio::test]
    async fn handing_over_does_not_wait_for_a_full_queue() {
        let (events, mut inbox) = mpsc::channel(1);
        let host = host(events);
        let ids = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let answers = ids.map(|id| {
            let (op, answer) = read();
            host.hand_over(id, op);
            answer
        });
        for id in ids {
            assert!(matches!(inbox.recv().await, Some(Event::Thread(handed, _)) if handed == id));
        }
        for answer in answers {
            assert!(
                answer.await.is_err(),
                "the dropped operations are answered by whoever dropped their replies"
            );
        }
    }

    #[tokio::test]
    async fn what_is_handed_over_as_the_session_ends_is_still_done() {
        let home = TempHome::new().unwrap();
        let environment = Arc::new(Environment::from_pairs([("PWD", home.work().as_os_str())]));
        let config = ConfigLoader::new(Arc::clone(&environment), home.home(), Vec::new());
        let secrets = Arc::new(KnownSecrets::new(Arc::clone(&environment), None));
        let launcher = Launcher::new(home.base().join("no-helper"));
        let prepared = Prepared { config, launcher, secrets, logs: Arc::default() };
        let (events, inbox) = mpsc::channel(EVENT_QUEUE);
        let outgoing = OutgoingMessageSender::default();
        let server = Server::new(outgoing, environment, prepared, events.clone(), CancellationToken::new());
        let line = r#"{"id":0,"method":"initialize","params":{"clientInfo":{"name":"test","version":"1"}}}"#;
        events.try_send(Event::Line(line.as_bytes().to_vec())).unwrap();
        events.try_send(Event::EndOfInput).unwrap();
        let (op, answer) = read();
        host(events).hand_over(Uuid::from_u128(1), op);
        assert_eq!(server.run(inbox).await, Ending::EndOfInput);
        assert!(matches!(answer.await, Ok(Err(CoreError::ThreadNotLoaded(_)))));
    }
}
