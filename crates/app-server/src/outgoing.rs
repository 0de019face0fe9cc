//! Everything that goes to the client: one queue of finished lines, drained by the writer thread, and the answers the
//! client owes us.
//!
//! Putting a line into the queue never waits and never fails, so order is decided there and nothing is lost when a
//! task is cancelled. Whoever produces much waits for [`OutgoingMessageSender::drained`] in between; the message
//! processor does so too, which stops the reading of stdin while the client does not read.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fs::File;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use app_server_core::TurnsText;
use app_server_protocol::rpc::code;
use app_server_protocol::{Request, RequestId, RpcError, ServerNotification, Stability};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::{Notify, oneshot};

/// From this many queued bytes on producers wait. A line of any size is taken whole.
const CONGESTED_BYTES: usize = 4 * 1024 * 1024;
/// Producers that waited go on when this much or less is queued.
const RELAXED_BYTES: usize = 1024 * 1024;

/// In the stable schema, yet sent only to clients that asked for experimental parts (observed of the reference).
const FOR_EXPERIMENTAL_CLIENTS: &[&str] = &["thread/settings/updated"];

/// What the client asked for in `initialize` that changes what is sent.
#[derive(Debug, Default)]
pub(crate) struct Preferences {
    /// Experimental notifications are for clients that asked for them.
    pub(crate) experimental: bool,
    /// Notifications the client does not want, by exact name.
    pub(crate) opted_out: BTreeSet<String>,
}

/// Why a request of ours got no usable answer. Whoever asked treats all of them as "no".
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The client refused, or does not know the method.
    #[error("the client answered with an error: {} ({})", .0.message, .0.code)]
    Refused(RpcError),
    /// The answer has not the form the method needs.
    #[error("the client's answer is not understood: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The client did not answer in time.
    #[error("the client did not answer within {0:?}")]
    TimedOut(Duration),
    /// The request was withdrawn, or the connection ended.
    #[error("the request was cancelled")]
    Cancelled,
}

type Answer = Result<Box<RawValue>, RpcError>;

/// Sends to the client. Cheap to clone; all clones share one queue.
#[derive(Clone)]
pub struct OutgoingMessageSender {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// Wakes the writer.
    filled: Condvar,
    /// Wakes producers that wait.
    drained: Notify,
    /// Copy of the queue's length, so that asking costs no lock.
    queued_bytes: AtomicUsize,
    /// Nobody reads any more: lines are thrown away.
    is_broken: AtomicBool,
    preferences: OnceLock<Preferences>,
    next_id: AtomicI64,
    /// Requests of ours without an answer yet.
    pending: Mutex<HashMap<i64, oneshot::Sender<Answer>>>,
}

#[derive(Default)]
struct Queue {
    pieces: VecDeque<Piece>,
    /// How much is in the pieces.
    bytes: usize,
    /// Memory to be used again for lines.
    spare: Vec<u8>,
    is_closed: bool,
}

impl Queue {
    fn push(&mut self, piece: Piece) {
        self.bytes = self.bytes.saturating_add(piece.len());
        match (self.pieces.back_mut(), piece) {
            (Some(Piece::Bytes(last)), Piece::Bytes(bytes)) => last.extend_from_slice(&bytes),
            (None, Piece::Bytes(bytes)) if bytes.len() < self.spare.capacity() => {
                let mut lines = std::mem::take(&mut self.spare);
                lines.extend_from_slice(&bytes);
                self.pieces.push_back(Piece::Bytes(lines));
            }
            (_, piece) => self.pieces.push_back(piece),
        }
    }
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::File(_, length) => usize::try_from(*length).unwrap_or(usize::MAX),
        }
    }
}

/// What is written in one go: lines, or a part of one.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Held in memory.
    Bytes(Vec<u8>),
    /// So many bytes of a file, from where it stands.
    File(File, u64),
}

/// Where the turns of a thread are put in. Within a text of JSON the quotes would follow a backslash, so this is a member
/// and never something that a user wrote.
const NO_TURNS: &[u8] = b"\"turns\":[]";

impl Default for OutgoingMessageSender {
    fn default() -> Self {
        OutgoingMessageSender {
            shared: Arc::new(Shared {
                queue: Mutex::default(),
                filled: Condvar::new(),
                drained: Notify::new(),
                queued_bytes: AtomicUsize::new(0),
                is_broken: AtomicBool::new(false),
                preferences: OnceLock::new(),
                next_id: AtomicI64::new(0),
                pending: Mutex::default(),
            }),
        }
    }
}

impl OutgoingMessageSender {
    /// Takes over what `initialize` said; later calls change nothing.
    pub(crate) fn prefer(&self, preferences: Preferences) {
        // The first one counts: a second `initialize` is refused before it gets here.
        let _ = self.shared.preferences.set(preferences);
    }

    /// Queues a result.
    pub(crate) fn respond(&self, id: &RequestId, result: &impl Serialize) {
        if let Some(line) = self.response(id, result) {
            self.push(line);
        }
    }

    /// Queues a result with a thread in it whose turns are given as text.
    pub(crate) fn respond_with_turns(&self, id: &RequestId, result: &impl Serialize, turns: TurnsText) {
        let Some(mut head) = self.response(id, result) else { return };
        let Some(at) = head.windows(NO_TURNS.len()).position(|bytes| bytes == NO_TURNS) else {
            let error = RpcError::internal("the answer has no place for the turns".to_owned());
            return self.refuse(id, &error);
        };
        let mut tail = head.split_off(at + NO_TURNS.len());
        tail.push(b'\n');
        head.truncate(head.len() - b"[]".len());
        match turns {
            TurnsText::Held(text) => {
                head.extend_from_slice(&text);
                head.extend_from_slice(&tail);
                self.queue_pieces([Piece::Bytes(head)]);
            }
            TurnsText::Spilled(file, length) => {
                self.queue_pieces([Piece::Bytes(head), Piece::File(file, length), Piece::Bytes(tail)]);
            }
        }
    }

    /// The line of a result; says so when there can be none.
    fn response(&self, id: &RequestId, result: &impl Serialize) -> Option<Vec<u8>> {
        #[derive(Serialize)]
        struct Response<'a, R> {
            id: &'a RequestId,
            result: &'a R,
        }
        match serde_json::to_vec(&Response { id, result }) {
            Ok(line) => Some(line),
            Err(error) => {
                self.refuse(id, &RpcError::internal(format!("the answer cannot be written: {error}")));
                None
            }
        }
    }

    /// Queues an error.
    pub(crate) fn refuse(&self, id: &RequestId, error: &RpcError) {
        #[derive(Serialize)]
        struct Refusal<'a> {
            error: &'a RpcError,
            id: &'a RequestId,
        }
        match serde_json::to_vec(&Refusal { error, id }) {
            Ok(line) => self.push(line),
            Err(error) => tracing::error!(%error, "an error reply cannot be written"),
        }
    }

    /// Queues a notification, unless the client does not want it.
    pub(crate) fn notify(&self, notification: &ServerNotification) {
        struct Params<'a>(&'a ServerNotification);
        impl Serialize for Params<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize_params(serializer)
            }
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Notification<'a> {
            method: &'static str,
            params: Params<'a>,
            emitted_at_ms: u64,
        }
        let method = notification.method();
        if !self.wants(method, notification.stability()) {
            return;
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let emitted_at_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        match serde_json::to_vec(&Notification { method, params: Params(notification), emitted_at_ms }) {
            Ok(line) => self.push(line),
            Err(error) => tracing::error!(%error, method, "a notification cannot be written"),
        }
    }

    fn wants(&self, method: &str, stability: Stability) -> bool {
        let is_for_all = stability == Stability::Stable && !FOR_EXPERIMENTAL_CLIENTS.contains(&method);
        match self.shared.preferences.get() {
            Some(preferences) => {
                (preferences.experimental || is_for_all) && !preferences.opted_out.contains(method)
            }
            None => is_for_all,
        }
    }

    /// Asks the client. Returns the question's id and its answer, to be waited for; dropping the latter withdraws the
    /// question: an answer that comes later is ignored.
    pub fn ask<P: Serialize + ?Sized>(
        &self,
        method: &'static str,
        params: &P,
    ) -> (RequestId, impl Future<Output = Result<Box<RawValue>, ClientError>> + use<P>) {
        #[derive(Serialize)]
        struct Question<'a, P: ?Sized> {
            method: &'static str,
            id: i64,
            params: &'a P,
        }
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.pending().insert(id, sender);
        let withdrawn = Withdraw { sender: self.clone(), id };
        match serde_json::to_vec(&Question { method, id, params }) {
            Ok(line) => self.push(line),
            Err(error) => {
                tracing::error!(%error, method, "a request cannot be written");
                self.pending().remove(&id);
            }
        }
        let answer = async move {
            let _withdrawn = withdrawn;
            match receiver.await {
                Ok(Ok(result)) => Ok(result),
                Ok(Err(error)) => Err(ClientError::Refused(error)),
                Err(_) => Err(ClientError::Cancelled),
            }
        };
        (RequestId::Integer(id), answer)
    }

    /// Asks the client and waits for its answer, typed. Dropping the returned future withdraws the question.
    ///
    /// # Errors
    /// [`ClientError`]; a client that does not know the method has refused.
    pub fn request<R>(
        &self,
        params: &R::Params,
        timeout: Option<Duration>,
    ) -> impl Future<Output = Result<R::Response, ClientError>> + use<R>
    where
        R: Request,
        R::Params: Serialize,
        R::Response: DeserializeOwned,
    {
        let (_, answer) = self.ask(R::METHOD, params);
        async move {
            let answer = match timeout {
                None => answer.await,
                Some(limit) => {
                    tokio::time::timeout(limit, answer).await.unwrap_or(Err(ClientError::TimedOut(limit)))
                }
            };
            Ok(serde_json::from_str(answer?.get())?)
        }
    }

    /// Hands the client's answer to whoever asked. Returns false for an answer nobody waits for.
    pub(crate) fn answered(&self, id: &RequestId, answer: Answer) -> bool {
        let RequestId::Integer(id) = id else { return false };
        match self.pending().remove(id) {
            Some(sender) => sender.send(answer).is_ok(),
            None => false,
        }
    }

    /// Ends every wait for the client: the connection is over.
    pub(crate) fn cancel_pending(&self) {
        self.pending().clear();
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<i64, oneshot::Sender<Answer>>> {
        self.shared.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, mut line: Vec<u8>) {
        line.push(b'\n');
        self.queue_pieces([Piece::Bytes(line)]);
    }

    /// Queues what belongs together: nothing gets in between.
    fn queue_pieces<const N: usize>(&self, pieces: [Piece; N]) {
        if self.shared.is_broken.load(Ordering::Acquire) {
            return;
        }
        let mut queue = self.queue();
        for piece in pieces {
            queue.push(piece);
        }
        self.shared.queued_bytes.store(queue.bytes, Ordering::Release);
        drop(queue);
        self.shared.filled.notify_one();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether producers should wait.
    pub(crate) fn is_congested(&self) -> bool {
        self.shared.queued_bytes.load(Ordering::Acquire) >= CONGESTED_BYTES
    }

    /// Waits until little enough is queued; returns at once when it is.
    pub(crate) async fn drained(&self) {
        if !self.is_congested() {
            return;
        }
        loop {
            let drained = self.shared.drained.notified();
            let mut drained = std::pin::pin!(drained);
            // Registered before the look, so that a wake-up in between is not missed.
            drained.as_mut().enable();
            if self.shared.queued_bytes.load(Ordering::Acquire) <= RELAXED_BYTES {
                return;
            }
            drained.await;
        }
    }

    /// For the writer: waits for something to write and takes it: all lines up to a file, or the file. `None` when the
    /// queue is closed and empty. `spare` is a buffer whose memory is used again.
    pub(crate) fn take(&self, mut spare: Vec<u8>) -> Option<Piece> {
        spare.clear();
        let mut queue = self.queue();
        loop {
            if let Some(piece) = queue.pieces.pop_front() {
                queue.bytes = queue.bytes.saturating_sub(piece.len());
                if queue.pieces.is_empty() {
                    queue.spare = spare;
                }
                return Some(piece);
            }
            if queue.is_closed {
                return None;
            }
            queue = self.shared.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// For the writer: what [`Self::take`] returned is written.
    pub(crate) fn written(&self) {
        let queue = self.queue();
        self.shared.queued_bytes.store(queue.bytes, Ordering::Release);
        drop(queue);
        if !self.is_congested() {
            self.shared.drained.notify_waiters();
        }
    }

    /// Lets the writer end when it has written everything.
    pub(crate) fn close(&self) {
        self.queue().is_closed = true;
        self.shared.filled.notify_one();
    }

    /// Nobody reads any more.
    pub(crate) fn break_off(&self) {
        self.shared.is_broken.store(true, Ordering::Release);
        let mut queue = self.queue();
        *queue = Queue { is_closed: queue.is_closed, ..Queue::default() };
        drop(queue);
        self.shared.queued_bytes.store(0, Ordering::Release);
        self.shared.drained.notify_waiters();
    }
}

/// Forgets a question whose asker is gone.
struct Withdraw {
    sender: OutgoingMessageSender,
    id: i64,
}

impl Drop for Withdraw {
    fn drop(&mut self) {
        self.sender.pending().remove(&self.id);
    }
}

/// The duty to answer one request exactly once. Dropped without an answer, it answers that the server failed, so that
/// a lost task never leaves a client waiting.
pub(crate) struct Responder {
    outgoing: OutgoingMessageSender,
    id: Option<RequestId>,
}

impl Responder {
    pub(crate) fn new(outgoing: OutgoingMessageSender, id: RequestId) -> Self {
        Responder { outgoing, id: Some(id) }
    }

    /// Answers with a thread whose turns are given as text.
    pub(crate) fn send_with_turns(mut self, result: &impl Serialize, turns: TurnsText) {
        if let Some(id) = self.id.take() {
            self.outgoing.respond_with_turns(&id, result, turns);
        }
    }

    /// Answers.
    pub(crate) fn send<R: Serialize>(mut self, result: Result<R, RpcError>) {
        if let Some(id) = self.id.take() {
            match result {
                Ok(result) => self.outgoing.respond(&id, &result),
                Err(error) => self.outgoing.refuse(&id, &error),
            }
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            let error =
                RpcError::new(code::INTERNAL_ERROR, "the server failed while working on this request");
            self.outgoing.refuse(&id, &error);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write};

    use app_server_protocol::methods::server::ItemFileChangeRequestApproval;
    use app_server_protocol::v2::{
        FileChangeApprovalDecision, FileChangeRequestApprovalParams, FileChangeRequestApprovalResponse,
    };
    use serde_json::{Value, json};

    use super::*;

    fn params() -> FileChangeRequestApprovalParams {
        serde_json::from_value(json!({
            "threadId": "t", "turnId": "u", "itemId": "i", "startedAtMs": 1, "reason": null, "grantRoot": null
        }))
        .unwrap()
    }

    fn lines(outgoing: &OutgoingMessageSender) -> Vec<Value> {
        let Some(Piece::Bytes(bytes)) = outgoing.take(Vec::new()) else { panic!("a file") };
        outgoing.written();
        bytes
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| serde_json::from_slice(l).unwrap())
            .collect()
    }

    fn ask(
        outgoing: &OutgoingMessageSender,
        timeout: Option<Duration>,
    ) -> impl Future<Output = Result<FileChangeRequestApprovalResponse, ClientError>> + use<> {
        outgoing.request::<ItemFileChangeRequestApproval>(&params(), timeout)
    }

    fn raw(value: &Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(value).unwrap()
    }

    #[tokio::test]
    async fn questions_are_numbered_and_answers_find_their_asker() {
        let outgoing = OutgoingMessageSender::default();
        let (first, second) = (ask(&outgoing, None), ask(&outgoing, None));
        let sent = lines(&outgoing);
        assert_eq!((&sent[0]["id"], &sent[1]["id"]), (&json!(0), &json!(1)));
        assert!(outgoing.answered(&RequestId::Integer(1), Ok(raw(&json!({ "decision": "decline" })))));
        assert!(outgoing.answered(&RequestId::Integer(0), Ok(raw(&json!({ "decision": "accept" })))));
        assert_eq!(first.await.unwrap().decision, FileChangeApprovalDecision::Accept);
        assert_eq!(second.await.unwrap().decision, FileChangeApprovalDecision::Decline);
        assert!(!outgoing.answered(&RequestId::Integer(0), Ok(raw(&json!({})))), "answered twice");
        assert!(!outgoing.answered(&RequestId::String("0".to_owned()), Ok(raw(&json!({})))), "never asked");
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_a_silence_and_nonsense_are_told_apart() {
        let outgoing = OutgoingMessageSender::default();
        let refused = ask(&outgoing, None);
        outgoing.answered(&RequestId::Integer(0), Err(RpcError::new(code::METHOD_NOT_FOUND, "no")));
        assert!(matches!(refused.await, Err(ClientError::Refused(_))));
        let silent = ask(&outgoing, Some(Duration::from_secs(10)));
        assert!(matches!(silent.await, Err(ClientError::TimedOut(_))));
        assert!(!outgoing.answered(&RequestId::Integer(1), Ok(raw(&json!({})))), "too late");
        let nonsense = ask(&outgoing, None);
        outgoing.answered(&RequestId::Integer(2), Ok(raw(&json!({}))));
        assert!(matches!(nonsense.await, Err(ClientError::Malformed(_))));
        let cut = ask(&outgoing, None);
        outgoing.cancel_pending();
        assert!(matches!(cut.await, Err(ClientError::Cancelled)));
    }

    #[test]
    fn a_dropped_duty_answers_with_an_error() {
        let outgoing = OutgoingMessageSender::default();
        drop(Responder::new(outgoing.clone(), RequestId::Integer(7)));
        let sent = lines(&outgoing);
        assert_eq!(sent[0]["id"], json!(7));
        assert_eq!(sent[0]["error"]["code"], json!(code::INTERNAL_ERROR));
    }

    #[tokio::test]
    async fn producers_wait_while_nobody_reads() {
        let outgoing = OutgoingMessageSender::default();
        outgoing.push(vec![b'x'; CONGESTED_BYTES]);
        assert!(outgoing.is_congested());
        let mut waiting = tokio_test_poll(outgoing.drained());
        assert!(waiting.is_pending());
        let taken = outgoing.take(Vec::new()).unwrap();
        assert_eq!(taken.len(), CONGESTED_BYTES + 1);
        assert!(outgoing.is_congested(), "taken is not yet written");
        outgoing.written();
        waiting.finish().await;
    }

    #[test]
    fn turns_given_as_text_stand_in_their_thread_and_nowhere_else() {
        let tricky = r#""turns":[] \"turns\":[]"#;
        let result =
            json!({"cwd": tricky, "thread": {"preview": tricky, "turns": []}, "more": {"turns": []}});
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"[1,2]").unwrap();
        file.rewind().unwrap();
        for (turns, pieces) in [(TurnsText::Held(b"[1,2]".to_vec()), 1), (TurnsText::Spilled(file, 5), 3)] {
            let outgoing = OutgoingMessageSender::default();
            outgoing.respond_with_turns(&RequestId::Integer(1), &result, turns);
            outgoing.respond(&RequestId::Integer(2), &json!({}));
            outgoing.close();
            let (mut sent, mut taken) = (Vec::new(), 0);
            while let Some(piece) = outgoing.take(Vec::new()) {
                taken += 1;
                match piece {
                    Piece::Bytes(bytes) => sent.extend(bytes),
                    Piece::File(mut file, length) => {
                        assert_eq!(file.read_to_end(&mut sent).unwrap() as u64, length)
                    }
                }
            }
            assert_eq!((taken, outgoing.queue().bytes), (pieces, 0));
            let lines: Vec<Value> = sent
                .trim_ascii()
                .split(|b| *b == b'\n')
                .map(|line| serde_json::from_slice(line).unwrap())
                .collect();
            assert_eq!(lines[0]["result"]["thread"], json!({"preview": tricky, "turns": [1, 2]}));
            assert_eq!(
                (&lines[0]["result"]["cwd"], &lines[0]["result"]["more"]),
                (&json!(tricky), &json!({"turns": []}))
            );
            assert_eq!(lines[1], json!({"id": 2, "result": {}}));
        }
    }

    /// A future polled once, to see whether it waits.
    struct Polled<F: Future>(std::pin::Pin<Box<F>>, bool);

    fn tokio_test_poll<F: Future<Output = ()>>(future: F) -> Polled<F> {
        let mut future = Box::pin(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let is_pending = future.as_mut().poll(&mut context).is_pending();
        Polled(future, is_pending)
    }

    impl<F: Future<Output = ()>> Polled<F> {
        fn is_pending(&self) -> bool {
            self.1
        }

        async fn finish(&mut self) {
            self.0.as_mut().await;
        }
    }
}
