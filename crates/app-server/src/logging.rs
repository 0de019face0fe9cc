//! Logs: on stderr, where `RUST_LOG` chooses what and `LOG_FORMAT=json` how, and in memory, where the latest lines wait
//! for somebody who sends feedback. Nothing of them is written to disk. Known secrets are masked in every line.

use std::io::{self, Write};
use std::sync::Arc;

use app_server_config::Environment;
use app_server_core::{KnownSecrets, LogRing};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

/// What is logged unless `RUST_LOG` says otherwise. Some clients show what looks like an error to their user, so
/// ordinary operation must be silent; the library of MCP calls a server that wants a sign-in an error.
const DEFAULT_FILTER: &str = "warn,rmcp=off";
/// What is kept in memory. Libraries that show what they send at this level are left out.
const KEPT_FILTER: &str = "info,rmcp=warn";
/// What is kept besides where `RUST_LOG` asks for as much.
const KEPT_DETAILS: &str = "app_server=debug,app_server_core=debug";

/// What the log of a process is made of.
pub(crate) struct Logs {
    /// Learns the secrets that come later.
    pub(crate) secrets: Arc<KnownSecrets>,
    pub(crate) ring: Arc<LogRing>,
}

/// Begins to log. A bad filter is replaced by the default one.
pub(crate) fn start(environment: &Environment) -> Logs {
    let wanted = environment.non_blank("RUST_LOG").unwrap_or(DEFAULT_FILTER);
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let home = environment.codex_home().ok();
    let secrets = Arc::new(KnownSecrets::new(Arc::new(environment.clone()), home.as_deref()));
    let ring = Arc::new(LogRing::default());
    let on_stderr = fmt::layer().with_writer(Masked { secrets: Arc::clone(&secrets), to: Stderr });
    let on_stderr = match environment.var("LOG_FORMAT") {
        Some("json") => on_stderr.json().with_filter(filter).boxed(),
        _ => on_stderr.with_ansi(false).with_filter(filter).boxed(),
    };
    let kept = fmt::layer()
        .with_ansi(false)
        .with_writer(Masked { secrets: Arc::clone(&secrets), to: Arc::clone(&ring) })
        .with_filter(EnvFilter::new(kept_filter(wanted)));
    // Fails only if somebody logs already, which is as good.
    let _ = tracing_subscriber::registry().with(on_stderr).with(kept).try_init();
    Logs { secrets, ring }
}

fn kept_filter(wanted: &str) -> String {
    match ["debug", "trace"].iter().any(|level| wanted.to_ascii_lowercase().contains(level)) {
        true => format!("{KEPT_FILTER},{KEPT_DETAILS}"),
        false => KEPT_FILTER.to_owned(),
    }
}

/// Where lines go.
trait Sink: Clone {
    fn take(&self, line: &str);
}

#[derive(Clone)]
struct Stderr;

impl Sink for Stderr {
    fn take(&self, line: &str) {
        // Nobody need read it; and an error would be told of where nobody reads.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

impl Sink for Arc<LogRing> {
    fn take(&self, line: &str) {
        self.push(line);
    }
}

/// A sink without secrets. A line comes in one piece; the secrets are looked up when there is something to log.
#[derive(Clone)]
struct Masked<S> {
    secrets: Arc<KnownSecrets>,
    to: S,
}

impl<S: Sink> Write for Masked<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        self.to.take(&self.secrets.mask(&line));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a, S: Sink + 'static> MakeWriter<'a> for Masked<S> {
    type Writer = Masked<S>;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_kept_where_more_is_asked_for() {
        assert_eq!(kept_filter("warn"), "info,rmcp=warn");
        assert_eq!(kept_filter("DEBUG"), "info,rmcp=warn,app_server=debug,app_server_core=debug");
        for filter in [KEPT_FILTER.to_owned(), kept_filter("trace")] {
            assert!(EnvFilter::try_new(filter).is_ok());
        }
    }
}
