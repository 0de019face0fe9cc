//! System calls by name: this program, started inside a sandbox, makes one and exits with 0 if it worked.
#![allow(unsafe_code, reason = "system calls that no safe wrapper would make")]
#![allow(clippy::disallowed_methods, reason = "the variable is how the call is named")]

use std::io;
use std::mem::zeroed;
use std::net::{TcpStream, ToSocketAddrs as _, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use libc::c_long;

/// Does nothing in an ordinary run.
#[test]
fn prober() {
    let Ok(line) = std::env::var("PROBE") else { return };
    let words: Vec<&str> = line.split(' ').collect();
    match probe(words[0], words.get(1).copied().unwrap_or_default()) {
        Ok(()) => std::process::exit(0),
        Err(error) => {
            println!("{line}: {error}");
            std::process::exit(1)
        }
    }
}

fn checked(result: c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn call(number: c_long, arguments: [c_long; 4]) -> io::Result<()> {
    let [a, b, c, d] = arguments;
    // SAFETY: the callers below pass numbers, null pointers, or pointers to memory that outlives the call.
    checked(unsafe { libc::syscall(number, a, b, c, d) })
}

fn pair() -> io::Result<[i32; 2]> {
    let mut ends = [0; 2];
    // SAFETY: there is room for two descriptors.
    checked(unsafe { libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, ends.as_mut_ptr()) }.into())?;
    Ok(ends)
}

fn probe(name: &str, argument: &str) -> io::Result<()> {
    let path = std::ffi::CString::new(argument)?;
    let path = path.as_ptr() as c_long;
    match name {
        "socket" => call(libc::SYS_socket, [argument.parse().unwrap(), c_long::from(libc::SOCK_DGRAM), 0, 0]),
        "unix-bind" => UnixListener::bind(argument).map(drop),
        "unix-connect" => UnixStream::connect(argument).map(drop),
        "abstract-connect" => UnixStream::connect_addr(&SocketAddr::from_abstract_name(argument)?).map(drop),
        "tcp" => TcpStream::connect(("127.0.0.1", argument.parse().unwrap())).map(drop),
        "udp" => {
            UdpSocket::bind("127.0.0.1:0")?.send_to(b"x", ("127.0.0.1", argument.parse().unwrap())).map(drop)
        }
        "resolve" => {
            // From the hosts file; which addresses it has is not our business.
            let text = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
            if text.contains("localhost") { ("localhost", 1).to_socket_addrs().map(drop) } else { Ok(()) }
        }
        "pair" => {
            let [one, other] = pair()?;
            let mut byte = [0_u8];
            // SAFETY: one byte is written, received and read; the message is empty but valid.
            unsafe {
                checked(libc::write(one, c"x".as_ptr().cast(), 1) as c_long)?;
                checked(libc::recv(other, byte.as_mut_ptr().cast(), 1, 0) as c_long)?;
                let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
                let mut message: libc::msghdr = zeroed();
                (message.msg_iov, message.msg_iovlen) = (&raw mut part, 1);
                checked(libc::sendmsg(one, &raw const message, 0) as c_long)?;
                checked(libc::read(other, byte.as_mut_ptr().cast(), 1) as c_long)
            }
        }
        "pair-send" => call(libc::SYS_sendto, [pair()?[0].into(), path, 0, 0]),
        "getsockopt" => {
            let (mut value, mut length) = (0_i32, 4_u32);
            let (socket, level, option) = (pair()?[0], libc::SOL_SOCKET, libc::SO_TYPE);
            // SAFETY: there is room for the value and its length is given.
            let result =
                unsafe { libc::getsockopt(socket, level, option, (&raw mut value).cast(), &raw mut length) };
            checked(result.into())
        }
        "ptrace" => call(libc::SYS_ptrace, [0, 0, 0, 0]),
        "io-uring" => {
            let mut parameters = [0_u8; 120];
            call(libc::SYS_io_uring_setup, [1, parameters.as_mut_ptr() as c_long, 0, 0])
        }
        "vm-read" => call(libc::SYS_process_vm_readv, [std::process::id().into(), 0, 0, 0]),
        "unshare" => call(libc::SYS_unshare, [(libc::CLONE_NEWUSER | libc::CLONE_NEWNS).into(), 0, 0, 0]),
        "clone-user" => {
            let flags = c_long::from(libc::CLONE_NEWUSER | libc::SIGCHLD);
            // SAFETY: as fork; the child, if there is one, ends at once.
            match unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) } {
                // SAFETY: does not return.
                0 => unsafe { libc::_exit(0) },
                pid => checked(pid),
            }
        }
        "mount" => call(libc::SYS_mount, [c"none".as_ptr() as c_long, path, c"tmpfs".as_ptr() as c_long, 0]),
        "keyctl" => call(libc::SYS_keyctl, [0, -5, 1, 0]),
        "bpf" => call(libc::SYS_bpf, [0, 0, 0, 0]),
        "userfault" => call(libc::SYS_userfaultfd, [1, 0, 0, 0]),
        "push-input" => {
            let byte = c"x".as_ptr() as c_long;
            call(libc::SYS_ioctl, [0, c_long::try_from(libc::TIOCSTI).unwrap(), byte, 0])
        }
        "openpty" => {
            let master = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR)?;
            rustix::pty::unlockpt(&master)?;
            let name = rustix::pty::ptsname(&master, Vec::new())?;
            std::fs::OpenOptions::new().write(true).open(name.to_str().unwrap()).map(drop)
        }
        "semaphore" => {
            // SAFETY: the name is a string; the semaphore is of use to nobody.
            let semaphore = unsafe { libc::sem_open(c"/probe".as_ptr(), libc::O_CREAT, 0o600, 1) };
            if semaphore == libc::SEM_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
        }
        "xattr" => {
            let name = c"user.probe".as_ptr() as c_long;
            call(libc::SYS_setxattr, [path, name, c"x".as_ptr() as c_long, 1])
        }
        other => panic!("no probe {other}"),
    }
}
