//! The helper as a person types it: `codex-linux-sandbox --sandbox-policy-cwd DIR --sandbox-policy JSON -- PROGRAM ARGUMENT...`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Streams, supervisor};
use crate::request::{Record, Request};
use crate::{NETWORK_DISABLED_VARIABLE, Policy, RepositoryCache, Roots, read_only, workspace_write};

/// Policies as they are written on the wire and in the older command line.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Wire {
    #[serde(alias = "dangerFullAccess")]
    DangerFullAccess,
    #[serde(alias = "externalSandbox")]
    ExternalSandbox {},
    #[serde(alias = "readOnly")]
    ReadOnly {
        #[serde(default, alias = "networkAccess")]
        network_access: bool,
    },
    #[serde(alias = "workspaceWrite")]
    WorkspaceWrite {
        #[serde(default, alias = "writableRoots")]
        writable_roots: Vec<PathBuf>,
        #[serde(default, alias = "networkAccess")]
        network_access: bool,
        #[serde(default, alias = "excludeTmpdirEnvVar")]
        exclude_tmpdir_env_var: bool,
        #[serde(default, alias = "excludeSlashTmp")]
        exclude_slash_tmp: bool,
    },
}

/// Runs the command and returns its exit code.
#[allow(clippy::print_stderr, reason = "a person reads it")]
pub(super) fn main(args: Vec<OsString>) -> i32 {
    let result = parse(args).and_then(|request| {
        let streams = streams().ok_or("no standard streams")?;
        Ok((request, streams))
    });
    let (request, streams) = match result {
        Ok(parsed) => parsed,
        Err(message) => {
            eprintln!("{}: {message}", crate::HELPER_NAME);
            return super::FAILED;
        }
    };
    let mut code = super::FAILED;
    supervisor::run(&request, streams, None, &mut |record| {
        code = match record {
            Record::Code(code) => *code,
            Record::Signal(signal) => 128 + signal,
            Record::Program { code, message } => {
                eprintln!("{message}");
                *code
            }
            Record::Sandbox(message) | Record::Refused(message) | Record::Violation(message) => {
                eprintln!("{}: {message}", crate::HELPER_NAME);
                super::FAILED
            }
            Record::Ready(_) | Record::Gone => return,
        };
    });
    code
}

fn streams() -> Option<Streams> {
    use rustix::stdio::{stderr, stdin, stdout};
    let copy = |fd| rustix::io::fcntl_dupfd_cloexec(fd, 3).ok();
    Some([copy(stdin())?, copy(stdout())?, copy(stderr())?])
}

fn parse(args: Vec<OsString>) -> Result<Request, String> {
    let mut args = args.into_iter();
    let (mut folder, mut policy, mut cwd) = (None, None, None);
    while let Some(word) = args.next() {
        let slot = match word.to_str() {
            Some("--sandbox-policy-cwd") => &mut folder,
            Some("--sandbox-policy") => &mut policy,
            Some("--command-cwd" | "--cwd") => &mut cwd,
            Some("--") => break,
            _ => return Err(format!("{}: not an option", word.display())),
        };
        *slot = Some(args.next().ok_or_else(|| format!("{}: no value", word.display()))?);
    }
    let argv: Vec<OsString> = args.collect();
    if argv.is_empty() {
        return Err("no command after --".into());
    }
    let policy = policy.ok_or("--sandbox-policy is missing")?;
    let policy = serde_json::from_str(policy.to_str().ok_or("the policy is not text")?);
    let here = rustix::process::getcwd(Vec::new()).map_err(|error| error.to_string())?;
    let here = PathBuf::from(OsString::from(here.to_string_lossy().into_owned()));
    let policy = build(policy.map_err(|error| error.to_string())?, folder.as_ref().map_or(&here, Path::new));
    let mut env: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    if policy.as_ref().is_some_and(|policy| !policy.network) {
        env.push((NETWORK_DISABLED_VARIABLE.into(), "1".into()));
    }
    Ok(Request { argv, arg0: None, cwd: cwd.map_or(here, PathBuf::from), env, policy, tty: false })
}

fn build(wire: Wire, folder: &Path) -> Option<Policy> {
    match wire {
        Wire::DangerFullAccess | Wire::ExternalSandbox {} => None,
        Wire::ReadOnly { network_access } => Some(read_only(network_access)),
        Wire::WorkspaceWrite {
            writable_roots,
            network_access,
            exclude_tmpdir_env_var,
            exclude_slash_tmp,
        } => {
            #[allow(clippy::disallowed_methods, reason = "by hand there is no configuration to ask")]
            let tmpdir = std::env::var_os("TMPDIR").filter(|value| !value.is_empty());
            let roots = Roots {
                cwd: folder,
                extra: &writable_roots,
                tmpdir: tmpdir.as_deref().map(Path::new),
                exclude_slash_tmp,
                exclude_tmpdir: exclude_tmpdir_env_var,
            };
            Some(workspace_write(&roots, network_access, &RepositoryCache::default()))
        }
    }
}
