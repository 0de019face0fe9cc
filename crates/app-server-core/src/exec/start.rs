//! The one place that starts a process.

use std::ffi::OsString;
use std::io;

use app_server_sandbox::{Confinement, Launch, Launcher, Process};

use super::ExecPlan;

/// Starts a process as it was planned, under the given confinement: the plan's own, or that of another attempt.
///
/// # Errors
/// When the system refuses to start anything at all.
pub(crate) fn start(launcher: &Launcher, plan: &ExecPlan, confinement: &Confinement) -> io::Result<Process> {
    let argv: Vec<OsString> = plan.argv.iter().map(OsString::from).collect();
    let launch =
        Launch { argv: &argv, arg0: None, cwd: &plan.cwd, env: &plan.env, confinement, stdio: plan.stdio };
    launcher.spawn(&launch).map_err(io::Error::other)
}
