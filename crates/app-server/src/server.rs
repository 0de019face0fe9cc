//! One server, from its first line to its exit.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use app_server_config::{ConfigLoader, Environment};
use app_server_core::{KnownSecrets, LogRing, TrustStore};
use app_server_sandbox::Launcher;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::message_processor::{EVENT_QUEUE, Ending, Prepared, Server};
use crate::outgoing::OutgoingMessageSender;
use crate::stdio;

/// Threads of the runtime. Two are enough: the work between the model's socket and stdout is small, and what blocks
/// has threads of its own.
const WORKERS: usize = 2;
/// How long the last lines may take to be written when a signal ends the process.
const WRITE_WITHIN: Duration = Duration::from_millis(500);

/// How a server runs.
pub struct Options {
    /// The environment it sees.
    pub environment: Environment,
    /// What logs are masked with; it learns what comes to be known later.
    pub secrets: Arc<KnownSecrets>,
    /// Where the latest lines of the log are kept.
    pub logs: Arc<LogRing>,
    /// Settings given on the command line, in their order.
    pub overrides: Vec<(String, toml::Value)>,
    /// The program that supervises commands under the name `codex-linux-sandbox`; this binary, for the server itself.
    pub helper: PathBuf,
    /// The folder of the system's configuration, if it is not the usual one.
    pub system_folder: Option<PathBuf>,
    /// Whether signals end it; not for servers inside another program.
    pub handles_signals: bool,
}

/// Serves one client until it closes `input`, stops reading `output`, or the process is told to end. Everything that
/// was read is answered and written then, and every turn has ended.
///
/// # Errors
/// When the home folder cannot be used or a thread cannot be started.
pub fn run(
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
    options: Options,
) -> anyhow::Result<()> {
    let environment = Arc::new(options.environment);
    let codex_home = environment.codex_home()?;
    let trust = Arc::new(TrustStore::new(&codex_home));
    let mut config =
        ConfigLoader::new(Arc::clone(&environment), codex_home, options.overrides).with_trust_records(trust);
    if let Some(folder) = options.system_folder {
        config = config.with_system_folder(folder);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let (events, inbox) = mpsc::channel(EVENT_QUEUE);
    let outgoing = OutgoingMessageSender::default();
    let stop_now = CancellationToken::new();
    stdio::spawn_reader(input, events.clone())?;
    let writer = stdio::spawn_writer(output, outgoing.clone(), stop_now.clone())?;
    if options.handles_signals {
        runtime.spawn(tell_of_signals(stop_now.clone()));
    }
    let launcher = Launcher::new(options.helper);
    let prepared = Prepared { config, launcher, secrets: options.secrets, logs: options.logs };
    let server = Server::new(outgoing.clone(), environment, prepared, events, stop_now.clone());
    let ending = runtime.block_on(async { tokio::spawn(server.run(inbox)).await });
    outgoing.close();
    if !matches!(ending, Ok(Ending::EndOfInput)) {
        stop_now.cancel();
    }
    wait_for_writer(&writer, &stop_now);
    runtime.shutdown_background();
    ending.map(|_| ()).context("the message processor failed")
}

/// Waits until everything is written. The client may take its time; only a reason to stop now limits it.
fn wait_for_writer(writer: &std::thread::JoinHandle<()>, stop_now: &CancellationToken) {
    let step = Duration::from_millis(1);
    let mut left = WRITE_WITHIN;
    while !writer.is_finished() && !left.is_zero() {
        std::thread::sleep(step);
        if stop_now.is_cancelled() {
            left = left.saturating_sub(step);
        }
    }
}

/// Lets signals end the process; the second one does so at once.
#[cfg(unix)]
async fn tell_of_signals(stop_now: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return tracing::warn!("signals cannot be handled");
    };
    let mut is_first = true;
    loop {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if !is_first {
            std::process::exit(0);
        }
        is_first = false;
        stop_now.cancel();
    }
}

#[cfg(not(unix))]
async fn tell_of_signals(stop_now: CancellationToken) {
    if tokio::signal::ctrl_c().await.is_ok() {
        stop_now.cancel();
    }
}
