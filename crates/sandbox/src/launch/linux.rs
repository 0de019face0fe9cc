//! Hands a command to the helper, which supervises it, and listens to what the helper says.
//!
//! The helper is started with a socket as its standard input and nothing else: no argument and no variable of the command reaches it
//! before it has decided what to do with them. The socket is also its lifeline: when our end closes, whatever the reason, it kills.

use std::io::{self, IoSlice, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::Stdio as Redirect;
use std::sync::Arc;

use rustix::fs::MemfdFlags;
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    sendmsg,
};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::process::{Reins, State};
use super::watched::{Watched, watched};
use super::{Exit, Launch, Process, SpawnError, StartFailure, attempt, stdio};
use crate::request::{MAX_RECORD_BYTES, Record, Request};
use crate::{Capabilities, Confinement, HELPER_NAME};

type Socket = Arc<Watched>;

/// Starts a command under the helper.
pub(super) fn spawn(helper: &Path, launch: &Launch<'_>) -> Result<Process, SpawnError> {
    if tokio::runtime::Handle::try_current().is_err() {
        return Err(SpawnError::NoRuntime);
    }
    let request = attempt("prepare the command", written(&request(launch)))?;
    let streams = stdio::open(launch.stdio)?;
    let (ours, theirs) = attempt(
        "open a socket to the sandbox helper",
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None),
    )?;
    let socket: Socket =
        Arc::new(attempt("watch the socket to the sandbox helper", watched(Arc::new(ours)))?);
    let [stdin, stdout, stderr] = &streams.theirs;
    let descriptors = [request.as_fd(), stdin.as_fd(), stdout.as_fd(), stderr.as_fd()];
    attempt("send the command to the sandbox helper", send(socket.get_ref(), &descriptors))?;
    let child = attempt("start the sandbox helper", start(helper, theirs))?;
    let id = child.id().unwrap_or_default();
    let (report, state) = watch::channel(State::default());
    tokio::spawn(watch_over(child, Arc::clone(&socket), report));
    Ok(Process {
        stdin: streams.stdin,
        stdout: streams.stdout,
        stderr: streams.stderr,
        id,
        state,
        reins: Reins::Lifeline(socket),
        terminal: streams.terminal,
    })
}

/// Runs the helper once to find out what it can do.
pub(super) async fn probe(helper: &Path) -> io::Result<Capabilities> {
    let answer = Command::new(helper)
        .arg0(HELPER_NAME)
        .arg("--probe")
        .env_clear()
        .current_dir("/")
        .stdin(Redirect::null())
        .stderr(Redirect::null())
        .kill_on_drop(true)
        .output()
        .await?;
    let text = String::from_utf8_lossy(&answer.stdout);
    Capabilities::decode(&text)
        .ok_or_else(|| io::Error::other(format!("not an answer: {text:?}, {}", answer.status)))
}

fn request(launch: &Launch<'_>) -> Request {
    Request {
        argv: launch.argv.to_vec(),
        arg0: launch.arg0.map(Into::into),
        cwd: launch.cwd.to_path_buf(),
        env: launch.env.to_vec(),
        policy: match launch.confinement {
            Confinement::Direct => None,
            Confinement::Sandboxed(policy) => Some(policy.clone()),
        },
        tty: matches!(launch.stdio, super::Stdio::Pty { .. }),
    }
}

/// Puts the request where the helper can read it whatever its length, without anybody waiting.
fn written(request: &Request) -> io::Result<OwnedFd> {
    let mut file = std::fs::File::from(rustix::fs::memfd_create(c"launch", MemfdFlags::CLOEXEC)?);
    file.write_all(&request.encode())?;
    Ok(file.into())
}

/// Sends descriptors before the receiver even exists; the socket keeps them.
fn send(socket: &OwnedFd, descriptors: &[BorrowedFd<'_>]) -> rustix::io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    sendmsg(socket, &[IoSlice::new(b"L")], &mut ancillary, SendFlags::NOSIGNAL)
}

fn start(helper: &Path, socket: OwnedFd) -> io::Result<Child> {
    // Nothing here needs code between fork and exec, so that the standard library can use posix_spawn: its cost does not grow with ours.
    Command::new(helper)
        .arg0(HELPER_NAME)
        .arg("--serve")
        .env_clear()
        .current_dir("/")
        .stdin(socket)
        .stdout(Redirect::null())
        .stderr(Redirect::null())
        .spawn()
}

/// Passes on what the helper says until it has ended, then reaps it.
async fn watch_over(mut child: Child, socket: Socket, report: watch::Sender<State>) {
    loop {
        match receive(&socket).await {
            Ok(Some(record)) => {
                if record == Record::Gone {
                    report.send_modify(|state| state.is_empty = state.exit.is_some());
                } else if let Some(exit) = exit_of(record) {
                    report.send_modify(|state| {
                        state.exit.get_or_insert(exit);
                    });
                }
            }
            Ok(None) => break,
            Err(error) => {
                tracing::debug!(%error, "the sandbox helper cannot be heard any more");
                break;
            }
        }
    }
    let status = child.wait().await;
    report.send_modify(|state| {
        // Ended without a word: killed by somebody else, or it never got as far as to read what it should do.
        state.exit.get_or_insert_with(|| match status.map(|status| status.code()) {
            Ok(None) => Exit::Signal(libc::SIGKILL),
            Ok(Some(code)) => helper_failed(&format!("the sandbox helper ended with code {code}")),
            Err(error) => helper_failed(&format!("the sandbox helper is lost: {error}")),
        });
        state.is_empty = true;
        state.gone = true;
    });
}

fn helper_failed(message: &str) -> Exit {
    Exit::NotStarted(StartFailure::Sandbox(message.into()))
}

fn exit_of(record: Record) -> Option<Exit> {
    Some(match record {
        Record::Ready(_) | Record::Gone => return None,
        Record::Code(code) => Exit::Code(code),
        Record::Signal(signal) => Exit::Signal(signal),
        Record::Program { code, message } => Exit::NotStarted(StartFailure::Program { message, code }),
        Record::Sandbox(message) | Record::Refused(message) => {
            Exit::NotStarted(StartFailure::Sandbox(message))
        }
        Record::Violation(message) => Exit::Violation(message),
    })
}

/// Returns the next record; `None` once the helper has closed its end.
async fn receive(socket: &Socket) -> io::Result<Option<Record>> {
    let mut buffer = [0; MAX_RECORD_BYTES];
    loop {
        let mut ready = socket.readable().await?;
        let received = ready.try_io(|socket| {
            let (count, _) = rustix::net::recv(socket.get_ref(), &mut buffer[..], RecvFlags::empty())?;
            Ok(count)
        });
        match received {
            Ok(Ok(0)) => return Ok(None),
            Ok(Ok(count)) => {
                if let Some(record) = Record::decode(&buffer[..count]) {
                    return Ok(Some(record));
                }
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            Ok(Err(error)) => return Err(error),
            Err(_not_yet) => {}
        }
    }
}
