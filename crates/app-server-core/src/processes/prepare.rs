//! From a checked request to a plan: where it runs, with which environment, and what confines it. Looks at the disk.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use app_server_config::{LoadRequest, child_environment};
use app_server_sandbox::{Confinement, Stdio};

use super::checks::{Bounds, Order};
use crate::error::CoreError;
use crate::exec::{Boundary, ExecPlan};
use crate::services::Services;
use crate::thread::{check_sandbox, configured_sandbox};

/// Plans what was ordered.
///
/// # Errors
/// [`CoreError::Internal`] when the folder or, without a sandbox, the program does not exist; [`CoreError::Config`], and
/// [`CoreError::Invalid`] for a sandbox that an administrator does not allow.
pub(super) async fn plan(services: &Arc<Services>, order: &Order) -> Result<ExecPlan, CoreError> {
    let (services, order) = (Arc::clone(services), order.clone());
    tokio::task::spawn_blocking(move || planned(&services, &order))
        .await
        .map_err(|error| CoreError::Internal(error.to_string()))?
}

fn planned(services: &Arc<Services>, order: &Order) -> Result<ExecPlan, CoreError> {
    let environment = services.config.environment();
    let own = environment.working_dir();
    let cwd = order.cwd.as_ref().map_or_else(|| own.to_owned(), |cwd| own.join(cwd));
    is_folder(&cwd).map_err(|error| order.failed(error))?;
    // What a project says of its commands is about the agent's; a spawned process is the user's.
    let project = (order.bounds != Bounds::None).then_some(cwd.as_path());
    let config = services.config.load(&LoadRequest { cwd: project, ..LoadRequest::default() })?;
    let mut env = child_environment(&config, environment, &[]);
    env.retain(|(name, _)| name.to_str().is_none_or(|name| !order.env.contains_key(name)));
    let set = order.env.iter().filter_map(|(name, value)| Some((name.into(), value.as_ref()?.into())));
    env.extend(set);
    let stdio = match order.terminal {
        Some(size) => Stdio::Pty { rows: size.rows, cols: size.cols },
        None if order.takes_input => Stdio::PipesWithStdin,
        None => Stdio::Pipes,
    };
    let policy = match &order.bounds {
        Bounds::None => None,
        Bounds::Configured => Some(configured_sandbox(&config)),
        Bounds::Policy(policy) => Some(policy.clone()),
    };
    policy.as_ref().map_or(Ok(()), |policy| check_sandbox(&config.requirements, policy))?;
    let boundary = policy.map(|policy| Boundary::of(services, &policy, &cwd));
    let plan = ExecPlan::clients(order.argv.clone(), &cwd, env, boundary.as_ref(), stdio);
    match plan.confinement {
        Confinement::Sandboxed(_) => services.tell_of_sandbox(),
        Confinement::Direct if is_there(&plan) => {}
        Confinement::Direct => return Err(order.failed(io::Error::from_raw_os_error(NO_SUCH_FILE))),
    }
    Ok(plan)
}

/// `ENOENT`, whose words clients of the reference know.
const NO_SUCH_FILE: i32 = 2;
/// `ENOTDIR`.
const NOT_A_FOLDER: i32 = 20;

fn is_folder(path: &Path) -> io::Result<()> {
    match fs::metadata(path)?.is_dir() {
        true => Ok(()),
        false => Err(io::Error::from_raw_os_error(NOT_A_FOLDER)),
    }
}

/// Whether there is something by the program's name. Without a `PATH` the launcher knows where to look.
fn is_there(plan: &ExecPlan) -> bool {
    let Some(program) = plan.argv.first().map(OsString::from) else { return false };
    if plan.argv[0].contains('/') {
        return plan.cwd.join(program).exists();
    }
    let path = plan.env.iter().rev().find(|(name, _)| name == OsStr::new("PATH"));
    path.is_none_or(|(_, path)| {
        std::env::split_paths(path).any(|folder| plan.cwd.join(folder).join(&program).exists())
    })
}
