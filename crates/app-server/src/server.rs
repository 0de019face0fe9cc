//! One server, from its first line to its exit.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use app_server_config::{ConfigLoader, Environment};
use tokio::sync::mpsc;

use crate::message_processor::{EVENT_QUEUE, Ending, Event, Server};
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
    /// Settings given on the command line, in their order.
    pub overrides: Vec<(String, toml::Value)>,
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
    let codex_home = environment.codex_home().context("the home folder cannot be used")?;
    let config = ConfigLoader::new(Arc::clone(&environment), codex_home, options.overrides);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let (events, inbox) = mpsc::channel(EVENT_QUEUE);
    let outgoing = OutgoingMessageSender::default();
    stdio::spawn_reader(input, events.clone())?;
    let writer = stdio::spawn_writer(output, outgoing.clone(), events.clone())?;
    if options.handles_signals {
        runtime.spawn(tell_of_signals(events.clone()));
    }
    let server = Server::new(outgoing.clone(), environment, config, events);
    let ending = runtime.block_on(async { tokio::spawn(server.run(inbox)).await });
    outgoing.close();
    match ending {
        Ok(Ending::EndOfInput) => {
            // The client may still read; whatever it takes, it gets everything. A signal ends the wait.
            if writer.join().is_err() {
                tracing::error!("the writer failed");
            }
        }
        Ok(Ending::Now) => wait_for(&writer, WRITE_WITHIN),
        Err(error) => {
            wait_for(&writer, WRITE_WITHIN);
            anyhow::bail!("the message processor failed: {error}");
        }
    }
    runtime.shutdown_background();
    Ok(())
}

/// Waits for a thread's end, not longer than `limit`.
fn wait_for(thread: &std::thread::JoinHandle<()>, limit: Duration) {
    let step = Duration::from_millis(5);
    let mut waited = Duration::ZERO;
    while !thread.is_finished() && waited < limit {
        std::thread::sleep(step);
        waited += step;
    }
}

/// Turns signals into events; the second one ends the process at once.
#[cfg(unix)]
async fn tell_of_signals(events: mpsc::Sender<Event>) {
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
        // The queue may be full of requests; a signal must not wait behind them for ever.
        if events.send(Event::Terminate).await.is_err() {
            std::process::exit(0);
        }
    }
}

#[cfg(not(unix))]
async fn tell_of_signals(events: mpsc::Sender<Event>) {
    if tokio::signal::ctrl_c().await.is_ok() {
        let _ = events.send(Event::Terminate).await;
    }
}
