//! The boundary of a turn's commands: the sandbox policy of the settings, worked out for this machine.

use std::path::{Path, PathBuf};

use app_server_exec_policy::SandboxKind;
use app_server_protocol::v2::{NetworkAccess, SandboxPolicy};
use app_server_sandbox::{Confinement, Policy, Roots, read_only, workspace_write};

use crate::services::Services;

/// Files under the home folder that no sandboxed command may read.
const UNREADABLE: &[&str] = &["auth.json", ".credentials.json"];
/// Where something a command made under a forbidden name is moved to.
const QUARANTINE: &str = "app-server/quarantine";

/// What the commands of a turn may touch.
pub(crate) struct Boundary {
    pub(crate) kind: SandboxKind,
    /// How a command that was not allowed more is run.
    pub(crate) confinement: Confinement,
    /// Whether the policy allows the network; what runs outside of the sandbox is told of the policy too.
    pub(crate) network: bool,
}

impl Boundary {
    /// Works the policy out; looks at the disk for what is protected in the writable folders.
    pub(crate) fn of(services: &Services, sandbox: &SandboxPolicy, cwd: &Path) -> Self {
        let environment = services.config.environment();
        let (kind, policy, network) = match sandbox {
            SandboxPolicy::DangerFullAccess => (SandboxKind::FullAccess, None, true),
            SandboxPolicy::ExternalSandbox { network_access } => {
                (SandboxKind::External, None, *network_access == NetworkAccess::Enabled)
            }
            SandboxPolicy::ReadOnly { network_access } => {
                (SandboxKind::ReadOnly, Some(read_only(*network_access)), *network_access)
            }
            SandboxPolicy::WorkspaceWrite {
                exclude_slash_tmp,
                exclude_tmpdir_env_var,
                network_access,
                writable_roots,
            } => {
                let extra: Vec<PathBuf> = writable_roots.iter().map(|root| PathBuf::from(&root.0)).collect();
                let roots = Roots {
                    cwd,
                    extra: &extra,
                    tmpdir: environment.tmpdir(),
                    exclude_slash_tmp: *exclude_slash_tmp,
                    exclude_tmpdir: *exclude_tmpdir_env_var,
                };
                let policy = workspace_write(&roots, *network_access, &services.repositories);
                (SandboxKind::WorkspaceWrite, Some(policy), *network_access)
            }
        };
        let confinement = match policy {
            Some(policy) => Confinement::Sandboxed(with_home(policy, services.config.codex_home())),
            None => Confinement::Direct,
        };
        Boundary { kind, confinement, network }
    }

    /// The sandbox's policy, if there is a sandbox.
    pub(crate) fn policy(&self) -> Option<&Policy> {
        match &self.confinement {
            Confinement::Sandboxed(policy) => Some(policy),
            Confinement::Direct => None,
        }
    }

    /// The folders the agent may write to; none without a sandbox, where it may write anywhere.
    pub(crate) fn writable(&self) -> Vec<PathBuf> {
        self.policy()
            .map(|policy| policy.writable.iter().map(|root| root.path.clone()).collect())
            .unwrap_or_default()
    }
}

fn with_home(mut policy: Policy, codex_home: &Path) -> Policy {
    policy.unreadable = UNREADABLE.iter().map(|name| codex_home.join(name)).collect();
    policy.quarantine = Some(codex_home.join(QUARANTINE));
    // Its rules, configuration and programs decide what later runs, outside of the sandbox too.
    for root in policy.writable.iter_mut().filter(|root| codex_home.starts_with(&root.path)) {
        root.read_only.push(codex_home.to_owned());
    }
    policy
}
