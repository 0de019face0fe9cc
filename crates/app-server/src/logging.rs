//! Logs, on stderr alone: `RUST_LOG` chooses what, `LOG_FORMAT=json` how.

use app_server_config::Environment;
use tracing_subscriber::EnvFilter;

/// What is logged unless `RUST_LOG` says otherwise. Some clients show what looks like an error to their user, so
/// ordinary operation must be silent.
const DEFAULT_FILTER: &str = "warn";

/// Begins to log. A bad filter is replaced by the default one.
pub(crate) fn start(environment: &Environment) {
    let wanted = environment.non_blank("RUST_LOG").unwrap_or(DEFAULT_FILTER);
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Fails only if somebody logs already, which is as good.
    let _ = if environment.var("LOG_FORMAT") == Some("json") {
        builder.json().try_init()
    } else {
        builder.with_ansi(false).try_init()
    };
}
