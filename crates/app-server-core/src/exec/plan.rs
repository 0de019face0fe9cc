//! The planner: policy, approval and command make a plan, and nothing runs without one (sandbox specification 1). Pure:
//! it starts nothing, asks nobody and reads no file but those a verdict about a command needs.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use app_server_exec_policy::{
    ApprovalKey, ApprovalPolicy, CommandRequest, OnDenial, Rules, Surroundings, Verdict, judge,
};
use app_server_sandbox::{Confinement, Stdio};

use super::Boundary;

/// Tells commands that the policy gives them no network, whether a sandbox enforces it or not.
const NETWORK_DISABLED: &str = "CODEX_SANDBOX_NETWORK_DISABLED";

/// A command somebody wants to run.
#[derive(Debug, Clone)]
pub(crate) struct ExecRequest<'a> {
    pub(crate) argv: Vec<String>,
    pub(crate) cwd: PathBuf,
    /// The environment, complete.
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stdio: Stdio,
    /// Whether it asks to run outside of the sandbox.
    pub(crate) escalated: bool,
    pub(crate) justification: Option<&'a str>,
    pub(crate) prefix_rule: Option<&'a [String]>,
}

/// How a command will run.
#[derive(Debug, Clone)]
pub(crate) struct ExecPlan {
    pub(crate) argv: Vec<String>,
    pub(crate) cwd: PathBuf,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stdio: Stdio,
    /// Of the first attempt.
    pub(crate) confinement: Confinement,
    /// What to ask before the first attempt.
    pub(crate) approval: Option<ApprovalQuestion>,
    /// What to do when the sandbox refused the first attempt.
    pub(crate) on_denial: OnDenial,
    /// What to propose when that asks.
    pub(crate) retry_amendment: Option<Vec<String>>,
    /// What an approval for the session is remembered by.
    pub(crate) key: ApprovalKey,
}

/// A question that stands before a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApprovalQuestion {
    pub(crate) reason: Option<String>,
    pub(crate) amendment: Option<Vec<String>>,
}

/// Why a command does not run, for the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rejected(pub(crate) String);

/// Plans a command.
///
/// # Errors
/// [`Rejected`] when it may not run whatever the client would say.
pub(crate) fn plan(
    request: ExecRequest<'_>,
    policy: ApprovalPolicy,
    boundary: &Boundary,
    rules: &Rules,
) -> Result<ExecPlan, Rejected> {
    let writable = boundary.writable();
    let search_path = search_path(&request.env);
    let around = Surroundings { cwd: &request.cwd, search_path: &search_path, writable: &writable };
    let asked = CommandRequest {
        argv: &request.argv,
        escalated: request.escalated,
        justification: request.justification,
        prefix_rule: request.prefix_rule,
    };
    let judgement = judge(&asked, policy, boundary.kind, rules, &around);
    let (sandboxed, approval) = match judgement.verdict {
        Verdict::Run { sandboxed } => (sandboxed, None),
        Verdict::Ask { reason, amendment, sandboxed } => {
            (sandboxed, Some(ApprovalQuestion { reason, amendment }))
        }
        Verdict::Reject { text } => return Err(Rejected(text)),
    };
    let is_tty = matches!(request.stdio, Stdio::Pty { .. });
    let key = ApprovalKey::new(&request.argv, request.escalated, is_tty, &around);
    let mut env = request.env;
    mark_network(&mut env, boundary);
    Ok(ExecPlan {
        argv: request.argv,
        cwd: request.cwd,
        env,
        timeout: request.timeout,
        stdio: request.stdio,
        confinement: if sandboxed { boundary.confinement.clone() } else { Confinement::Direct },
        approval,
        on_denial: judgement.on_denial,
        retry_amendment: judgement.retry_amendment,
        key,
    })
}

/// Tells a command whether its policy gives it the network.
fn mark_network(env: &mut Vec<(OsString, OsString)>, boundary: &Boundary) {
    if !boundary.network {
        env.retain(|(name, _)| name != NETWORK_DISABLED);
        env.push((NETWORK_DISABLED.into(), "1".into()));
    }
}

/// Where the command's programs are looked up.
fn search_path(env: &[(OsString, OsString)]) -> OsString {
    let path = env.iter().find(|(name, _)| name == OsStr::new("PATH"));
    path.map(|(_, value)| value.clone()).unwrap_or_default()
}

impl ExecPlan {
    /// A plan for something that is ours and runs in the sandbox without a question of its own, such as writing a patch.
    /// It sees no environment.
    pub(crate) fn own(argv: Vec<String>, cwd: &Path, boundary: &Boundary, stdio: Stdio) -> Self {
        Self::clients(argv, cwd, Vec::new(), Some(boundary), stdio)
    }

    /// A plan for a command of the client's, which nobody is asked about. Without a boundary it may do what the user may.
    pub(crate) fn clients(
        argv: Vec<String>,
        cwd: &Path,
        mut env: Vec<(OsString, OsString)>,
        boundary: Option<&Boundary>,
        stdio: Stdio,
    ) -> Self {
        let confinement = match boundary {
            Some(boundary) => {
                mark_network(&mut env, boundary);
                boundary.confinement.clone()
            }
            None => Confinement::Direct,
        };
        ExecPlan { confinement, stdio, ..Self::users_own(argv, cwd, env) }
    }

    /// A plan for a command of the user's own, which nobody is asked about.
    pub(crate) fn users_own(argv: Vec<String>, cwd: &Path, env: Vec<(OsString, OsString)>) -> Self {
        let around = Surroundings { cwd, search_path: OsStr::new(""), writable: &[] };
        ExecPlan {
            key: ApprovalKey::new(&argv, false, false, &around),
            argv,
            cwd: cwd.to_owned(),
            env,
            timeout: None,
            stdio: Stdio::Merged,
            confinement: Confinement::Direct,
            approval: None,
            on_denial: OnDenial::Report,
            retry_amendment: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use app_server_exec_policy::SandboxKind;
    use app_server_sandbox::{RepositoryCache, Roots, read_only, workspace_write};
    use expect_test::expect;

    use super::*;

    fn boundary(kind: SandboxKind, cwd: &Path) -> Boundary {
        let roots = Roots { cwd, extra: &[], tmpdir: None, exclude_slash_tmp: true, exclude_tmpdir: true };
        let confinement = match kind {
            SandboxKind::ReadOnly => Confinement::Sandboxed(read_only(false)),
            SandboxKind::WorkspaceWrite => {
                Confinement::Sandboxed(workspace_write(&roots, false, &RepositoryCache::default()))
            }
            SandboxKind::FullAccess | SandboxKind::External => Confinement::Direct,
        };
        Boundary { kind, confinement, network: kind == SandboxKind::FullAccess }
    }

    fn shown(
        script: &str,
        escalated: bool,
        policy: ApprovalPolicy,
        kind: SandboxKind,
        rules: &Rules,
    ) -> String {
        let folder = tempfile::tempdir().unwrap();
        let argv = ["/bin/bash", "-lc", script].map(str::to_owned).to_vec();
        let request = ExecRequest {
            argv,
            cwd: folder.path().to_owned(),
            env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            timeout: None,
            stdio: Stdio::Merged,
            escalated,
            justification: None,
            prefix_rule: None,
        };
        match plan(request, policy, &boundary(kind, folder.path()), rules) {
            Err(Rejected(text)) => format!("rejected: {text}"),
            Ok(plan) => {
                let first = match plan.confinement {
                    Confinement::Direct => "direct",
                    Confinement::Sandboxed(_) => "sandboxed",
                };
                let ask = if plan.approval.is_some() { "ask, " } else { "" };
                let marker = plan.env.iter().any(|(name, _)| name == NETWORK_DISABLED);
                format!("{ask}{first}, on denial {:?}, network marker {marker}", plan.on_denial)
            }
        }
    }

    /// One cell of each kind: the whole table is the exec policy's.
    #[test]
    fn a_plan_says_how_a_command_runs_and_what_is_asked_first() {
        let none = Rules::default();
        let mut allowed = Rules::default();
        allowed.allow_prefix(&["touch".to_owned()]);
        let cells: Vec<String> = [
            ("ls", false, ApprovalPolicy::Untrusted, SandboxKind::WorkspaceWrite, &none),
            ("touch a", false, ApprovalPolicy::Untrusted, SandboxKind::WorkspaceWrite, &none),
            ("touch a", false, ApprovalPolicy::Untrusted, SandboxKind::WorkspaceWrite, &allowed),
            ("touch a", false, ApprovalPolicy::OnFailure, SandboxKind::WorkspaceWrite, &none),
            ("touch a", false, ApprovalPolicy::OnRequest, SandboxKind::ReadOnly, &none),
            ("touch a", true, ApprovalPolicy::OnRequest, SandboxKind::ReadOnly, &none),
            ("touch a", false, ApprovalPolicy::Never, SandboxKind::FullAccess, &none),
            ("touch a", false, ApprovalPolicy::Never, SandboxKind::External, &none),
            ("touch a", true, ApprovalPolicy::Never, SandboxKind::ReadOnly, &none),
            ("rm -rf a", false, ApprovalPolicy::Never, SandboxKind::FullAccess, &none),
        ]
        .into_iter()
        .map(|(script, escalated, policy, kind, rules)| {
            let shown = shown(script, escalated, policy, kind, rules);
            format!("{policy:?} {kind:?} {script}{}: {shown}\n", if escalated { " (escalated)" } else { "" })
        })
        .collect();
        expect![[r#"
            Untrusted WorkspaceWrite ls: sandboxed, on denial AskThenRetryDirect, network marker true
            Untrusted WorkspaceWrite touch a: ask, sandboxed, on denial RetryDirect, network marker true
            Untrusted WorkspaceWrite touch a: direct, on denial Report, network marker true
            OnFailure WorkspaceWrite touch a: sandboxed, on denial AskThenRetryDirect, network marker true
            OnRequest ReadOnly touch a: sandboxed, on denial Report, network marker true
            OnRequest ReadOnly touch a (escalated): ask, direct, on denial Report, network marker true
            Never FullAccess touch a: direct, on denial Report, network marker false
            Never External touch a: direct, on denial Report, network marker true
            Never ReadOnly touch a (escalated): rejected: approval policy is Never; reject command — you should not ask for escalated permissions if the approval policy is Never
            Never FullAccess rm -rf a: rejected: `/bin/bash -lc 'rm -rf a'` rejected: blocked by policy
        "#]].assert_eq(&cells.concat());
    }
}
