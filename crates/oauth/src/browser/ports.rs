//! A port to listen on. The issuer knows two, so a login may have to wait for another one to give way.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::error::LoginError;

/// How often a port is tried.
const ATTEMPTS: u32 = 10;
/// How long between two tries.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(200);
/// How long whoever has the port may take for each step of being asked to leave it.
const ASKING_LIMIT: Duration = Duration::from_secs(2);
/// How much of that answer is read. Nobody looks at it.
const ASKING_ANSWER: u64 = 4096;

/// Listens on the first of the ports that is to be had, on the IPv4 loopback address only.
pub(super) async fn listen(ports: &[u16]) -> Result<TcpListener, LoginError> {
    let mut refused = None;
    for &port in ports {
        match listen_on(port).await {
            Ok(listener) => return Ok(listener),
            Err(error) if is_busy(&error) => {}
            Err(error) => {
                refused = Some(format!("cannot listen on {}:{port}: {error}", Ipv4Addr::LOCALHOST));
            }
        }
    }
    Err(refused.map_or_else(|| LoginError::PortsBusy(ports.to_vec()), LoginError::Failed))
}

async fn listen_on(port: u16) -> io::Result<TcpListener> {
    let mut attempt = 1;
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Err(error) if is_busy(&error) && attempt < ATTEMPTS => {
                if attempt == 1 {
                    ask_to_leave(port).await;
                }
                sleep(BETWEEN_ATTEMPTS).await;
                attempt += 1;
            }
            end => return end,
        }
    }
}

fn is_busy(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrInUse
}

/// Asks whoever has the port to leave it, as a login does when asked for `/cancel`. Another program may have it, so no
/// answer is as good as any.
async fn ask_to_leave(port: u16) {
    let asked = async {
        let mut peer = in_time(TcpStream::connect((Ipv4Addr::LOCALHOST, port))).await?;
        let request = format!("GET /cancel HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
        in_time(peer.write_all(request.as_bytes())).await?;
        let mut answer = Vec::new();
        in_time(peer.take(ASKING_ANSWER).read_to_end(&mut answer)).await
    };
    if let Err(error) = asked.await {
        tracing::debug!(%error, port, "whoever has the login port did not answer");
    }
}

async fn in_time<T>(step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(ASKING_LIMIT, step).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
