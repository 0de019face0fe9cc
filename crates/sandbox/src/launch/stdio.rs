//! Our ends of a command's standard streams.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::termios::Winsize;

use super::watched::{Watched, watched};
use super::{SpawnError, Stdio, attempt};

/// Both ends of a command's standard streams, before it starts.
pub(super) struct Streams {
    pub(super) stdin: Option<Input>,
    pub(super) stdout: Option<Output>,
    pub(super) stderr: Option<Output>,
    /// What becomes the command's descriptors 0, 1 and 2.
    pub(super) theirs: [OwnedFd; 3],
    pub(super) terminal: Option<Arc<OwnedFd>>,
}

/// What a command writes.
#[derive(Debug)]
pub struct Output {
    pub(super) descriptor: Watched,
}

impl Output {
    /// Waits for output and appends at most `at_most` bytes of it. Returns their number; 0 at the end. Loses nothing when dropped.
    ///
    /// # Errors
    /// The system's.
    pub async fn read(&mut self, into: &mut Vec<u8>, at_most: usize) -> io::Result<usize> {
        loop {
            let mut ready = self.descriptor.readable().await?;
            if let Ok(result) = ready.try_io(|descriptor| read(descriptor.get_ref(), into, at_most)) {
                return result;
            }
        }
    }

    /// As [`Output::read`], but returns `None` at once when there is nothing yet.
    ///
    /// # Errors
    /// The system's.
    pub fn try_read(&mut self, into: &mut Vec<u8>, at_most: usize) -> io::Result<Option<usize>> {
        match read(self.descriptor.get_ref(), into, at_most) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            result => result.map(Some),
        }
    }
}

fn read(descriptor: &OwnedFd, into: &mut Vec<u8>, at_most: usize) -> io::Result<usize> {
    // Reading into at most what was asked for needs a vector that has exactly that to spare.
    let mut piece = Vec::with_capacity(at_most);
    let count = loop {
        match rustix::io::read(descriptor, spare_capacity(&mut piece)) {
            Err(Errno::INTR) => {}
            // What a terminal says when nobody has it open any more.
            Err(Errno::IO) => break 0,
            result => break result?,
        }
    };
    into.extend_from_slice(&piece);
    Ok(count.min(piece.len()))
}

/// What a command reads.
#[derive(Debug)]
pub struct Input {
    pub(super) descriptor: Watched,
}

impl Input {
    /// Writes all of `bytes`, waiting for the command to read.
    ///
    /// # Errors
    /// The command does not read any more, or the system's.
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let count = self.write(bytes).await?;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Waits until the command reads and writes as much of `bytes` as fits; returns how much. Nothing is written when
    /// dropped.
    ///
    /// # Errors
    /// As [`Input::write_all`].
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.descriptor.writable().await?;
            match ready.try_io(|descriptor| Ok(rustix::io::write(descriptor.get_ref(), bytes)?)) {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(result) => return result,
                Err(_not_yet) => {}
            }
        }
    }

    /// Ends a pipe. A terminal stays open for the command: its end of input is a character.
    pub fn close(self) {}
}

/// Opens the streams.
pub(super) fn open(stdio: Stdio) -> Result<Streams, SpawnError> {
    match stdio {
        Stdio::Pty { rows, cols } => attempt("open a terminal", open_terminal(rows, cols)),
        Stdio::Pipes => attempt("open pipes for the command", open_pipes(false, false)),
        Stdio::PipesWithStdin => attempt("open pipes for the command", open_pipes(true, false)),
        Stdio::Merged => attempt("open pipes for the command", open_pipes(false, true)),
        Stdio::MergedWithStdin => attempt("open pipes for the command", open_pipes(true, true)),
    }
}

fn open_pipes(with_stdin: bool, merged: bool) -> io::Result<Streams> {
    let (stdin, their_stdin) = if with_stdin {
        let (theirs, ours) = pipe()?;
        (Some(Input { descriptor: watched(Arc::new(ours))? }), theirs)
    } else {
        (None, OwnedFd::from(std::fs::File::open("/dev/null")?))
    };
    let (stdout, their_stdout) = pipe()?;
    let (stderr, their_stderr) = if merged {
        (None, their_stdout.try_clone()?)
    } else {
        let (ours, theirs) = pipe()?;
        (Some(Output { descriptor: watched(Arc::new(ours))? }), theirs)
    };
    Ok(Streams {
        stdin,
        stdout: Some(Output { descriptor: watched(Arc::new(stdout))? }),
        stderr,
        theirs: [their_stdin, their_stdout, their_stderr],
        terminal: None,
    })
}

fn open_terminal(rows: u16, cols: u16) -> io::Result<Streams> {
    let (master, slave) = terminal()?;
    set_size(&master, rows, cols)?;
    let master = Arc::new(master);
    // Reading and writing are registered apart, each with its own descriptor: epoll takes one only once.
    let writer = Arc::new(rustix::io::fcntl_dupfd_cloexec(&master, 3)?);
    Ok(Streams {
        stdin: Some(Input { descriptor: watched(writer)? }),
        stdout: Some(Output { descriptor: watched(Arc::clone(&master))? }),
        stderr: None,
        theirs: [slave.try_clone()?, slave.try_clone()?, slave],
        terminal: Some(master),
    })
}

#[cfg(target_os = "linux")]
fn terminal() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    unlockpt(&master)?;
    let slave = ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    Ok((master, slave))
}

#[cfg(not(target_os = "linux"))]
fn terminal() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::fs::{Mode, OFlags};
    use rustix::io::{FdFlags, fcntl_setfd};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    fcntl_setfd(&master, FdFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let slave = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    Ok((master, slave))
}

/// Changes a terminal's size.
pub(super) fn set_size(terminal: &OwnedFd, rows: u16, cols: u16) -> io::Result<()> {
    let size = Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
    Ok(rustix::termios::tcsetwinsize(terminal, size)?)
}

/// Returns the reading and the writing end. Neither is inherited by what other threads start meanwhile.
#[cfg(target_os = "linux")]
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}

#[cfg(not(target_os = "linux"))]
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = std::io::pipe()?;
    Ok((reader.into(), writer.into()))
}
