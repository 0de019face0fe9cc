//! Starting the process of a server: what it sees of our environment, where its program is, what it says on stderr.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app_server_config::{Environment, looks_secret};
use app_server_mcp::{Stdio as Definition, Tail};
use app_server_sandbox::{Exit, Output, Process, StartFailure, Stdio};
use tokio::task::JoinHandle;

use crate::exec::{self, ExecPlan};
use crate::services::Services;

/// The variables every server gets (tools specification 8): who and where the user is, and the certificates to trust.
const INHERITED: &[&str] = &[
    "HOME",
    "LOGNAME",
    "PATH",
    "SHELL",
    "USER",
    "LANG",
    "LC_ALL",
    "TERM",
    "TMPDIR",
    "TZ",
    "__CF_USER_TEXT_ENCODING",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "GIT_SSL_CAINFO",
    "CODEX_CA_CERTIFICATE",
];
/// Read at once from stderr.
const CHUNK_BYTES: usize = 8 * 1024;
/// How long the end of a process is waited for once it has closed its output, so that the reason can be told.
const EXIT_WITHIN: Duration = Duration::from_millis(300);
/// How long a server has to end by itself when its input is closed.
const LEAVE_WITHIN: Duration = Duration::from_millis(300);

/// A started server and what it says beside the protocol.
pub(super) struct Running {
    pub(super) process: Process,
    stderr: Arc<Mutex<Tail>>,
    reader: Option<JoinHandle<()>>,
}

/// The environment of a server: of ours what is listed and what the definition names, and the definition's own.
pub(super) fn environment(ours: &Environment, definition: &Definition) -> Vec<(OsString, OsString)> {
    let is_handed_on = |name: &OsStr| {
        INHERITED.iter().any(|known| name == *known)
            || definition.env_vars.iter().any(|known| name == known.as_str())
    };
    let is_set = |name: &OsStr| definition.env.keys().any(|known| name == known.as_str());
    let inherited = ours.vars().filter(|(name, _)| is_handed_on(name) && !is_set(name));
    let own = definition.env.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    inherited.map(|(name, value)| (name.to_owned(), value.to_owned())).chain(own).collect()
}

/// Takes what looks like a secret in a server's environment for one from now on.
pub(super) fn learn_secrets(services: &Services, environment: &[(OsString, OsString)]) {
    for (name, value) in environment {
        if let Some(value) = value.to_str().filter(|_| looks_secret(name)) {
            services.learn_secret(value);
        }
    }
}

/// Where a definition's process starts: the folder it names, else our own. A server is shared by threads, so it is never
/// a thread's.
pub(super) fn folder(ours: &Environment, definition: &Definition) -> PathBuf {
    match &definition.cwd {
        Some(cwd) => ours.working_dir().join(cwd),
        None => ours.working_dir().to_owned(),
    }
}

/// Starts the process.
///
/// # Errors
/// When there is no such program, which needs no process to be found out, or the system refuses.
pub(super) async fn start(services: &Arc<Services>, definition: &Definition) -> io::Result<Running> {
    let ours = services.config.environment();
    let env = environment(ours, definition);
    learn_secrets(services, &env);
    let cwd = folder(ours, definition);
    let argv: Vec<String> = std::iter::once(&definition.command).chain(&definition.args).cloned().collect();
    let plan = ExecPlan { stdio: Stdio::PipesWithStdin, ..ExecPlan::users_own(argv, &cwd, env) };
    let services = Arc::clone(services);
    let mut process = tokio::task::spawn_blocking(move || {
        check_program(&plan)?;
        exec::start(&services.launcher, &plan, &plan.confinement)
    })
    .await
    .unwrap_or_else(|error| Err(io::Error::other(error)))?;
    let stderr = Arc::new(Mutex::new(Tail::default()));
    let reader = process.stderr.take().map(|output| tokio::spawn(read(output, Arc::clone(&stderr))));
    Ok(Running { process, stderr, reader })
}

/// Looks for the program where the system would.
fn check_program(plan: &ExecPlan) -> io::Result<()> {
    let Some(program) = plan.argv.first() else { return Err(io::ErrorKind::NotFound.into()) };
    if !plan.cwd.is_dir() {
        let words = format!("the folder {} does not exist", plan.cwd.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, words));
    }
    if program.contains('/') {
        return check_file(&plan.cwd.join(program));
    }
    let path = plan.env.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_os_str());
    let mut problem = missing();
    for folder in std::env::split_paths(path.unwrap_or_default()) {
        match check_file(&plan.cwd.join(folder).join(program)) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => problem = error,
            Err(_) => {}
        }
    }
    Err(problem)
}

fn check_file(path: &Path) -> io::Result<()> {
    let found = path.metadata()?;
    if !found.is_file() {
        return Err(missing());
    }
    if found.permissions().mode() & 0o111 == 0 {
        return Err(io::Error::from_raw_os_error(libc_errno::ACCESS));
    }
    Ok(())
}

fn missing() -> io::Error {
    io::Error::from_raw_os_error(libc_errno::NO_ENTRY)
}

/// Two numbers every Unix agrees on.
mod libc_errno {
    pub(super) const NO_ENTRY: i32 = 2;
    pub(super) const ACCESS: i32 = 13;
}

/// Keeps the last words of stderr. It is read to its end, so that the server never waits for us.
async fn read(mut output: Output, tail: Arc<Mutex<Tail>>) {
    let mut bytes = Vec::with_capacity(CHUNK_BYTES);
    while let Ok(1..) = output.read(&mut bytes, CHUNK_BYTES).await {
        tail.lock().unwrap_or_else(PoisonError::into_inner).push(&bytes);
        bytes.clear();
    }
}

impl Running {
    /// Says why a server that has closed its output did: how its process ended, and its last words.
    pub(super) async fn last_words(&mut self) -> String {
        let exit = tokio::time::timeout(EXIT_WITHIN, self.process.wait()).await;
        if exit.is_ok()
            && let Some(reader) = &mut self.reader
        {
            // A child it left behind may keep stderr open.
            let _ = tokio::time::timeout(EXIT_WITHIN, reader).await;
            self.reader = None;
        }
        let how = match exit {
            Ok(Exit::Code(code)) => format!("the server ended with exit code {code}"),
            Ok(Exit::Signal(signal)) => format!("the server was ended by signal {signal}"),
            Ok(Exit::NotStarted(StartFailure::Program { message, .. } | StartFailure::Sandbox(message)))
            | Ok(Exit::Violation(message)) => message,
            Err(_) => "the server closed its output".to_owned(),
        };
        self.with_stderr(how)
    }

    /// Adds the last lines of stderr to an error.
    pub(super) fn with_stderr(&self, mut words: String) -> String {
        let lines = self.stderr.lock().unwrap_or_else(PoisonError::into_inner).text();
        let lines = lines.trim_end();
        if !lines.is_empty() {
            words.push_str("; its last words:\n");
            words.push_str(lines);
        }
        words
    }

    /// Lets the server end by itself, whose input has been closed, and then ends whatever is left of it.
    pub(super) async fn end(mut self) {
        // An error means that it takes too long.
        let _ = tokio::time::timeout(LEAVE_WITHIN, self.process.wait()).await;
        self.process.kill();
        self.process.empty().await;
        if let Some(reader) = self.reader.take() {
            reader.abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn plan(program: &str, cwd: &Path, path: &str) -> ExecPlan {
        ExecPlan::users_own(vec![program.to_owned()], cwd, vec![("PATH".into(), path.into())])
    }

    #[test]
    fn a_missing_program_is_found_out_without_a_process() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tool");
        std::fs::write(&file, "").unwrap();
        let said = |program: &str, path: &str| {
            check_program(&plan(program, folder.path(), path)).map_err(|error| error.to_string())
        };
        let here = folder.path().to_str().unwrap();
        assert_eq!(said("no-such", "/usr/bin:/bin").unwrap_err(), "No such file or directory (os error 2)");
        assert_eq!(said("tool", here).unwrap_err(), "Permission denied (os error 13)");
        assert_eq!(said("./tool", "").unwrap_err(), "Permission denied (os error 13)");
        assert_eq!(said("sh", "/nowhere:/usr/bin:/bin"), Ok(()));
        assert_eq!(said("/bin/sh", ""), Ok(()));
        assert_eq!(said("/bin", "").unwrap_err(), "No such file or directory (os error 2)");
    }
}
