//! The callback server's connections. Whoever can reach the loopback address can open as many as they like, so few are
//! held, each for a short time, and those that say nothing give way to new ones.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::desk::Desk;

/// How many connections are held. When there are more, the oldest one that has not asked for anything is dropped.
pub(super) const MAX_CONNECTIONS: usize = 128;
/// How long a request's head may take to arrive.
const HEAD_LIMIT: Duration = Duration::from_secs(5);
/// How long a request's head may be, in bytes.
const HEAD_BYTES: usize = 16 * 1024;
/// How long to wait after a connection could not be taken, for lack of descriptors say.
const AFTER_FAILURE: Duration = Duration::from_millis(50);
/// How long answers that are under way may take once the login is over.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Where connections come from.
pub(super) trait Accept: Send {
    /// Waits for the next one. Dropping the wait loses none.
    fn accept(&mut self) -> impl Future<Output = io::Result<TcpStream>> + Send;
}

impl Accept for TcpListener {
    async fn accept(&mut self) -> io::Result<TcpStream> {
        Ok(TcpListener::accept(self).await?.0)
    }
}

/// Listens, and owns the connections: dropping it ends them all.
pub(super) struct Server<A = TcpListener> {
    listener: A,
    desk: Arc<Desk>,
    connections: Connections,
}

impl<A: Accept> Server<A> {
    pub(super) fn new(listener: A, desk: Arc<Desk>) -> Self {
        Self { listener, desk, connections: Connections::default() }
    }

    /// Serves for as long as it is polled. It may be dropped and called again.
    pub(super) async fn run(&mut self) -> Infallible {
        loop {
            match self.listener.accept().await {
                Ok(stream) => self.connections.add(stream, &self.desk),
                Err(error) => {
                    tracing::debug!(%error, "a connection of the login server was not taken");
                    self.connections.drop_oldest_silent();
                    sleep(AFTER_FAILURE).await;
                }
            }
        }
    }

    /// Leaves the port at once. Answers that are under way are finished by whoever awaits what is returned.
    pub(super) fn close(self) -> impl Future<Output = ()> + Send + 'static {
        let Self { listener, mut connections, .. } = self;
        drop(listener);
        async move {
            while connections.drop_oldest_silent() {}
            // Dropping the connections ends those that take longer.
            let _ =
                timeout(LAST_ANSWERS, async { while connections.tasks.join_next().await.is_some() {} }).await;
        }
    }
}

/// The connections that are held, the oldest first.
#[derive(Default)]
struct Connections {
    tasks: JoinSet<()>,
    held: VecDeque<Held>,
}

struct Held {
    task: AbortHandle,
    /// Whether a whole request has arrived.
    has_asked: Arc<AtomicBool>,
}

impl Connections {
    fn add(&mut self, stream: TcpStream, desk: &Arc<Desk>) {
        while self.tasks.try_join_next().is_some() {}
        self.held.retain(|held| !held.task.is_finished());
        if self.held.len() >= MAX_CONNECTIONS && !self.drop_oldest_silent() {
            // All of them wait for answers that are being written, so there will be room soon.
            return;
        }
        let has_asked = Arc::new(AtomicBool::new(false));
        let task = self.tasks.spawn(serve(stream, Arc::clone(desk), Arc::clone(&has_asked)));
        self.held.push_back(Held { task, has_asked });
    }

    /// Drops the oldest connection without a request, if there is one.
    fn drop_oldest_silent(&mut self) -> bool {
        let silent = self.held.iter().position(|held| !held.has_asked.load(Ordering::Acquire));
        let Some(held) = silent.and_then(|index| self.held.remove(index)) else { return false };
        held.task.abort();
        true
    }
}

/// Answers one request and closes.
async fn serve(stream: TcpStream, desk: Arc<Desk>, has_asked: Arc<AtomicBool>) {
    let answer = service_fn(|request| {
        has_asked.store(true, Ordering::Release);
        let desk = Arc::clone(&desk);
        async move { desk.answer(&request).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), answer);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection of the login server ended early");
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use app_server_http::Secret;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::desk::Outcome;
    use super::*;

    /// A listener that has no descriptors left for a while.
    struct Exhausted {
        listener: TcpListener,
        failures: u32,
    }

    impl Accept for Exhausted {
        async fn accept(&mut self) -> io::Result<TcpStream> {
            if self.failures > 0 {
                self.failures -= 1;
                return Err(io::Error::other("too many open files"));
            }
            Accept::accept(&mut self.listener).await
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_due_is_given_after_the_port_has_been_left() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (desk, mut verdicts) = Desk::new(port, "/auth/callback", Secret::new("right"));
        let mut server = Server::new(listener, Arc::new(desk));
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let request = b"GET /auth/callback?code=c&state=right HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let verdict = tokio::select! {
            never = server.run() => match never {},
            verdict = verdicts.recv() => verdict.unwrap(),
        };
        let closing = tokio::spawn(server.close());
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        assert!(verdict.browser.send(Outcome::Failed("too late".to_owned())).is_ok());
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains("too late"), "{answer}");
        closing.await.unwrap();
    }

    #[tokio::test]
    async fn connections_that_cannot_be_taken_do_not_end_the_server() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (desk, _verdicts) = Desk::new(port, "/auth/callback", Secret::new("state"));
        let mut server = Server::new(Exhausted { listener, failures: 3 }, Arc::new(desk));
        let answer = async {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let answer = tokio::select! {
            never = server.run() => match never {},
            answer = answer => answer,
        };
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    }
}
