//! Logs, on stderr alone: `RUST_LOG` chooses what, `LOG_FORMAT=json` how. Known secrets are masked in every line.

use std::io::{self, Write};
use std::sync::Arc;

use app_server_config::Environment;
use app_server_core::KnownSecrets;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// What is logged unless `RUST_LOG` says otherwise. Some clients show what looks like an error to their user, so
/// ordinary operation must be silent.
const DEFAULT_FILTER: &str = "warn";

/// Begins to log. A bad filter is replaced by the default one. What is returned learns the secrets that come later.
pub(crate) fn start(environment: &Environment) -> Arc<KnownSecrets> {
    let wanted = environment.non_blank("RUST_LOG").unwrap_or(DEFAULT_FILTER);
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let home = environment.codex_home().ok();
    let secrets = Arc::new(KnownSecrets::new(Arc::new(environment.clone()), home.as_deref()));
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(MaskedStderr(Arc::clone(&secrets)));
    // Fails only if somebody logs already, which is as good.
    let _ = if environment.var("LOG_FORMAT") == Some("json") {
        builder.json().try_init()
    } else {
        builder.with_ansi(false).try_init()
    };
    secrets
}

/// Stderr without secrets. A line comes in one piece; the secrets are looked up when there is something to log.
#[derive(Clone)]
struct MaskedStderr(Arc<KnownSecrets>);

impl Write for MaskedStderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        io::stderr().write_all(self.0.mask(&line).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'a> MakeWriter<'a> for MaskedStderr {
    type Writer = MaskedStderr;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}
