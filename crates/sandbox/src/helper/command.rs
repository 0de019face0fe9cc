//! The last steps of a process before it becomes the command's program.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;

use super::Streams;
use crate::request::{Record, Request, shown};
use crate::sys;

/// Exit codes of shells for a program that cannot be run.
const NOT_FOUND: i32 = 127;
const NOT_EXECUTABLE: i32 = 126;
/// Where programs are looked for without a `PATH`.
const DEFAULT_PATH: &[u8] = b"/usr/local/bin:/usr/bin:/bin";

/// Becomes the command, or reports why not and ends.
pub(super) fn become_program(request: &Request, streams: &Streams, report: &OwnedFd) -> ! {
    let (code, message) = match prepare(request, streams) {
        Ok(()) => run(request),
        Err(error) => (NOT_EXECUTABLE, format!("cannot enter {}: {}", shown(&request.cwd), reason(&error))),
    };
    let record = Record::Program { code, message };
    // Written, not sent: the filter may already deny sending.
    let _ = rustix::io::write(report, &record.encode());
    sys::exit_now(code)
}

fn prepare(request: &Request, streams: &Streams) -> io::Result<()> {
    // Fails only for a leader of a process group, which a new process is not.
    let _ = rustix::process::setsid();
    let [stdin, stdout, stderr] = streams;
    if request.tty {
        // Without it the command still has its terminal, only no job control.
        let _ = rustix::process::ioctl_tiocsctty(stdin.as_fd());
    }
    rustix::stdio::dup2_stdin(stdin)?;
    rustix::stdio::dup2_stdout(stdout)?;
    rustix::stdio::dup2_stderr(stderr)?;
    rustix::process::chdir(&request.cwd)?;
    sys::reset_signals();
    sys::close_on_exec_from(3)
}

/// Runs the program. Returns only to say why not.
fn run(request: &Request) -> (i32, String) {
    let Some(name) = request.argv.first() else { return (NOT_FOUND, "no program".into()) };
    let failed = |code: i32, reason: &str| (code, format!("exec {}: {reason}", name.display()));
    let words =
        |words: &mut dyn Iterator<Item = Vec<u8>>| words.map(CString::new).collect::<Result<Vec<_>, _>>();
    let arg0 = request.arg0.as_ref().unwrap_or(name);
    let argv = words(&mut [arg0].into_iter().chain(&request.argv[1..]).map(|word| word.as_bytes().to_vec()));
    let env = words(
        &mut request.env.iter().map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat()),
    );
    let (Ok(argv), Ok(env)) = (argv, env) else {
        return failed(NOT_EXECUTABLE, "a null byte in an argument or variable");
    };
    let error = search(request, name, &argv, &env);
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR) => failed(NOT_FOUND, "no such file or directory"),
        _ => failed(NOT_EXECUTABLE, &reason(&error)),
    }
}

/// Tries the places where the program may be. Returns the error that says most.
fn search(request: &Request, name: &OsStr, argv: &[CString], env: &[CString]) -> io::Error {
    let missing = || io::Error::from_raw_os_error(libc::ENOENT);
    let name = name.as_bytes();
    if name.is_empty() {
        return missing();
    }
    if name.contains(&b'/') {
        return exec(name, argv, env);
    }
    let path = request.env.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_bytes());
    let mut result = missing();
    for folder in path.unwrap_or(DEFAULT_PATH).split(|byte| *byte == b':') {
        let folder = if folder.is_empty() { b".".as_slice() } else { folder };
        let error = exec(&[folder, b"/", name].concat(), argv, env);
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => {}
            // Another one of this name may be ours to run.
            Some(libc::EACCES) => result = error,
            _ => return error,
        }
    }
    result
}

fn exec(program: &[u8], argv: &[CString], env: &[CString]) -> io::Error {
    let Ok(program) = CString::new(program) else { return io::ErrorKind::InvalidInput.into() };
    let error = sys::exec(&program, argv, env);
    if error.raw_os_error() != Some(libc::ENOEXEC) {
        return error;
    }
    // A script without a first line naming its interpreter is the shell's, as everywhere.
    let mut with_shell = vec![c"sh".to_owned(), program];
    with_shell.extend(argv.iter().skip(1).cloned());
    sys::exec(c"/bin/sh", &with_shell, env)
}

/// Says why in words that are not taken for a denial by the sandbox.
fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ENOENT) => "no such file or directory".into(),
        Some(libc::ENOTDIR) => "not a directory".into(),
        Some(libc::EACCES) => "not accessible".into(),
        Some(libc::EPERM) => "not allowed".into(),
        Some(libc::E2BIG) => "arguments and environment are too long".into(),
        Some(libc::ENOEXEC) => "not a program".into(),
        Some(number) => format!("error {number}"),
        None => "failed".into(),
    }
}
