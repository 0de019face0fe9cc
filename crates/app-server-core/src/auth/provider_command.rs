//! The key of a provider from a program of the user's: run when a request needs it, kept for a while, run again when the
//! server does not take what it printed (config specification 6).

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use app_server_config::ProviderConfig;
use app_server_config::providers::AuthCommand;
use app_server_http::Secret;
use app_server_model_client::ModelError;
use app_server_sandbox::{Exit, Output, StartFailure, Stdio};
use tokio::time::{Instant, timeout};

use super::single_flight::SingleFlight;
use crate::exec::{self, ExecPlan};
use crate::services::Services;

/// How much of what a program writes is read: no key is longer.
const MAX_OUTPUT_BYTES: usize = 64 * 1024;
/// How much of a program's complaint is shown.
const MAX_SHOWN_BYTES: usize = 500;
/// More programs than this are not in use at once; those of older configurations are forgotten.
const MAX_KEPT: usize = 16;

/// The keys that programs have printed.
#[derive(Default)]
pub(crate) struct ProviderKeys {
    flight: SingleFlight<AuthCommand, Result<Secret, ModelError>>,
    kept: Mutex<Vec<Kept>>,
}

struct Kept {
    program: AuthCommand,
    key: Secret,
    at: Instant,
}

impl ProviderKeys {
    /// Returns the key, from the program if none is kept, it is too old, or it is the one that was `refused`. Whoever asks
    /// meanwhile waits for the same run.
    ///
    /// # Errors
    /// `InvalidProvider` when the program prints no key; it names the program and why.
    pub(crate) async fn get(
        &self,
        services: &Services,
        provider: &ProviderConfig,
        program: &AuthCommand,
        refused: Option<&Secret>,
    ) -> Result<Secret, ModelError> {
        if let Some(key) = self.kept(program).filter(|key| Some(key) != refused) {
            return Ok(key);
        }
        let run = async {
            // What somebody else has got while we waited for our turn does as well.
            if let Some(key) = self.kept(program).filter(|key| Some(key) != refused) {
                return Ok(key);
            }
            let key = run(services, program).await.map_err(|reason| {
                ModelError::invalid_provider(format!(
                    "no key for model provider {:?}: `{}` {reason}",
                    provider.id, program.command
                ))
            })?;
            self.keep(program, &key);
            Ok(key)
        };
        self.flight.run(program.clone(), run).await
    }

    fn kept(&self, program: &AuthCommand) -> Option<Secret> {
        let interval = Duration::from_millis(program.refresh_interval_ms);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|kept| kept.program == *program)?;
        (interval.is_zero() || found.at.elapsed() < interval).then(|| found.key.clone())
    }

    fn keep(&self, program: &AuthCommand, key: &Secret) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.program != *program);
        if kept.len() >= MAX_KEPT {
            kept.remove(0);
        }
        kept.push(Kept { program: program.clone(), key: key.clone(), at: Instant::now() });
    }
}

/// Runs the program; says why there is no key in words that follow its name.
async fn run(services: &Services, program: &AuthCommand) -> Result<Secret, String> {
    let environment = services.config.environment();
    let cwd = program.cwd.as_deref().unwrap_or(environment.working_dir());
    // It is the user's own, and what it needs to find the key may look like a secret itself.
    let env = environment.vars().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let argv = std::iter::once(&program.command).chain(&program.args).cloned().collect();
    let plan = ExecPlan { stdio: Stdio::Pipes, ..ExecPlan::users_own(argv, cwd, env) };
    let mut process = exec::start(&services.launcher, &plan, &plan.confinement)
        .map_err(|error| format!("could not be started: {error}"))?;
    let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
    let limit = Duration::from_millis(program.timeout_ms);
    let work = async {
        let exit = async {
            let exit = process.wait().await;
            // What it has left behind would keep the pipes open.
            process.kill();
            exit
        };
        tokio::join!(exit, read(stdout), read(stderr))
    };
    let (exit, stdout, stderr) = timeout(limit, work)
        .await
        .map_err(|_elapsed| format!("took longer than {} ms", program.timeout_ms))?;
    match exit {
        Exit::Code(0) => {}
        Exit::Code(code) => {
            return Err(format!("ended with exit code {code}{}", complaint(services, &stderr)));
        }
        Exit::Signal(signal) => return Err(format!("was ended by signal {signal}")),
        Exit::NotStarted(StartFailure::Program { message, .. }) => {
            return Err(format!("could not be started: {message}"));
        }
        Exit::NotStarted(_) | Exit::Violation(_) => return Err("could not be started".to_owned()),
    }
    let stdout = stdout.map_err(|error| format!("could not be read: {error}"))?;
    match str::from_utf8(&stdout).map(str::trim) {
        Ok("") => Err("printed nothing".to_owned()),
        Ok(key) if key.bytes().any(|byte| byte.is_ascii_control()) => {
            Err("printed more than one line".to_owned())
        }
        Ok(key) => Ok(Secret::new(key)),
        Err(_) => Err("printed what is not text".to_owned()),
    }
}

async fn read(output: Option<Output>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let Some(mut output) = output else { return Ok(bytes) };
    // What is too much is read as well, so that the program can go on to its end.
    let mut rest = Vec::new();
    loop {
        let into = if bytes.len() < MAX_OUTPUT_BYTES { &mut bytes } else { &mut rest };
        if output.read(into, MAX_OUTPUT_BYTES).await? == 0 {
            return Ok(bytes);
        }
        rest.clear();
    }
}

/// The end of what the program said of its failure.
fn complaint(services: &Services, stderr: &io::Result<Vec<u8>>) -> String {
    let Ok(bytes) = stderr else { return String::new() };
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    let start = text.ceil_char_boundary(text.len().saturating_sub(MAX_SHOWN_BYTES));
    match &text[start..] {
        "" => String::new(),
        said => format!(": {}", services.secrets().mask(said)),
    }
}
