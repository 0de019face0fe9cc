//! What the model is told about its surroundings: everything before the first turn (and again after a resume), later
//! only what changed (agent-loop specification 3 and 4).

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use app_server_config::login_shell;
use app_server_protocol::v2::{AskForApproval, NetworkAccess, ReasoningSummary, SandboxPolicy};
use serde::Serialize;
use serde_json::value::RawValue;

use super::input::text_message;
use super::{Conversation, TurnContext};
use crate::thread::{Settings, ThreadShared};

/// The settings the model knows of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SeededContext {
    cwd: std::path::PathBuf,
    approval_policy: AskForApproval,
    sandbox: SandboxPolicy,
    mode_instructions: Option<Arc<str>>,
    skills: Option<Arc<str>>,
}

impl SeededContext {
    fn of(shared: &ThreadShared, settings: &Settings) -> Self {
        SeededContext {
            cwd: settings.cwd.clone(),
            approval_policy: settings.approval_policy.clone(),
            sandbox: settings.sandbox.clone(),
            mode_instructions: settings.mode_instructions.clone(),
            skills: shared.skills.section(),
        }
    }
}

/// Everything the model is told of its surroundings, for a history that begins anew.
pub(super) fn anew(shared: &ThreadShared, settings: &Settings) -> (SeededContext, Vec<Box<RawValue>>) {
    let shell = login_shell(shared.services.config.environment());
    let allowed = shared.rules.lock().unwrap_or_else(PoisonError::into_inner).allowed_prefixes();
    let seeded = SeededContext::of(shared, settings);
    let messages = initial(settings, seeded.skills.as_deref(), &shell, &allowed);
    (seeded, messages)
}

/// Tells the model what it does not know yet; `turn_id` is the turn in which it is told. Returns what was recorded.
pub(crate) fn update(
    shared: &ThreadShared,
    settings: &Settings,
    conversation: &mut Conversation,
    turn_id: Option<&str>,
) -> Vec<Box<RawValue>> {
    let now = SeededContext::of(shared, settings);
    let shell = login_shell(shared.services.config.environment());
    let allowed = shared.rules.lock().unwrap_or_else(PoisonError::into_inner).allowed_prefixes();
    let messages = match conversation.seeded.take() {
        None => initial(settings, now.skills.as_deref(), &shell, &allowed),
        Some(known) => changes(&known, &now, settings, &shell, &allowed),
    };
    if !messages.is_empty() {
        conversation.context_told_in = turn_id.map(str::to_owned);
    }
    conversation.seeded = Some(now);
    messages.iter().map(|message| conversation.record(message).into_owned()).collect()
}

fn initial(
    settings: &Settings,
    skills: Option<&str>,
    shell: &Path,
    allowed: &[Vec<String>],
) -> Vec<Box<RawValue>> {
    let mut messages = vec![text_message("developer", &permissions(settings, allowed))];
    if let Some(text) = settings.developer_instructions.as_deref().filter(|text| !text.trim().is_empty()) {
        messages.push(text_message("developer", text));
    }
    if let Some(text) = &settings.mode_instructions {
        messages.push(text_message("developer", &mode(text)));
    }
    let docs: Vec<&str> = settings.docs.text.as_deref().into_iter().chain(skills).collect();
    if !docs.is_empty() {
        let docs = docs.join("\n\n");
        let cwd = settings.cwd.display();
        let text = format!("# AGENTS.md instructions for {cwd}\n\n<INSTRUCTIONS>\n{docs}\n</INSTRUCTIONS>");
        messages.push(text_message("user", &text));
    }
    messages.push(text_message("user", &environment(Some(&settings.cwd), shell)));
    messages
}

fn changes(
    known: &SeededContext,
    now: &SeededContext,
    settings: &Settings,
    shell: &Path,
    allowed: &[Vec<String>],
) -> Vec<Box<RawValue>> {
    let mut messages = Vec::new();
    if known.cwd != settings.cwd {
        messages.push(text_message("user", &environment(Some(&settings.cwd), shell)));
    }
    if known.approval_policy != settings.approval_policy || known.sandbox != settings.sandbox {
        messages.push(text_message("developer", &permissions(settings, allowed)));
    }
    if known.mode_instructions != settings.mode_instructions
        && let Some(text) = &settings.mode_instructions
    {
        messages.push(text_message("developer", &mode(text)));
    }
    if known.skills != now.skills {
        let section = now.skills.as_deref().unwrap_or("There are no skills any more.");
        messages.push(text_message(
            "developer",
            &format!("<skills_instructions>\n{section}\n</skills_instructions>"),
        ));
    }
    messages
}

fn mode(text: &str) -> String {
    format!("<collaboration_mode>{text}</collaboration_mode>")
}

fn environment(cwd: Option<&Path>, shell: &Path) -> String {
    let mut text = "<environment_context>\n".to_owned();
    if let Some(cwd) = cwd {
        let _ = writeln!(text, "  <cwd>{}</cwd>", cwd.display());
    }
    let shell = shell.file_name().map(|name| name.to_string_lossy().into_owned());
    let _ = writeln!(text, "  <shell>{}</shell>", shell.as_deref().unwrap_or("bash"));
    let now = jiff::Zoned::now();
    let _ = writeln!(text, "  <current_date>{}</current_date>", now.date());
    if let Some(zone) = now.time_zone().iana_name() {
        let _ = writeln!(text, "  <timezone>{zone}</timezone>");
    }
    text.push_str("</environment_context>");
    text
}

/// What commands may touch and when the user is asked, in words.
fn permissions(settings: &Settings, allowed_prefixes: &[Vec<String>]) -> String {
    let mut text = "<permissions instructions>\n".to_owned();
    let network = |allowed: bool| if allowed { "enabled" } else { "restricted" };
    match &settings.sandbox {
        SandboxPolicy::ReadOnly { network_access } => {
            let _ = write!(
                text,
                "Commands run in a sandbox of mode `read-only`: they may read files and write none. Network access \
                 is {}. ",
                network(*network_access)
            );
        }
        SandboxPolicy::WorkspaceWrite { network_access, .. } => {
            let _ = write!(
                text,
                "Commands run in a sandbox of mode `workspace-write`: they may read files, and write in the working \
                 folder and the writable roots. Network access is {}. ",
                network(*network_access)
            );
        }
        SandboxPolicy::DangerFullAccess => {
            text.push_str(
                "Commands run without a sandbox (`danger-full-access`). Network access is enabled. ",
            );
        }
        SandboxPolicy::ExternalSandbox { network_access } => {
            let allowed = *network_access == NetworkAccess::Enabled;
            let _ = write!(
                text,
                "Commands run without a sandbox of ours (`danger-full-access`); the surroundings limit them. \
                 Network access is {}. ",
                network(allowed)
            );
        }
    }
    text.push_str(match &settings.approval_policy {
        AskForApproval::Never => {
            "Approval policy is `never`: the user cannot be asked, so do without what is not allowed."
        }
        AskForApproval::Untrusted => {
            "Approval policy is `untrusted`: the user is asked before most commands, except plainly harmless ones."
        }
        AskForApproval::OnFailure => {
            "Approval policy is `on-failure`: commands run in the sandbox first, and the user is asked when it stops one."
        }
        AskForApproval::OnRequest | AskForApproval::Granular { .. } => {
            "Approval policy is `on-request`: where a command needs more than the sandbox allows, ask for it with \
             `sandbox_permissions` set to `require_escalated` and a one-sentence `justification` the user can judge. \
             Where commands like it will come again, give their first words as `prefix_rule`."
        }
    });
    let allowed: Vec<String> =
        allowed_prefixes.iter().filter_map(|words| serde_json::to_string(words).ok()).collect();
    if settings.approval_policy == AskForApproval::OnRequest && !allowed.is_empty() {
        text.push_str("\nCommands that begin with these words are allowed already:");
        for words in allowed {
            let _ = write!(text, "\n- {words}");
        }
    }
    if let SandboxPolicy::WorkspaceWrite { writable_roots, .. } = &settings.sandbox {
        let cwd = settings.cwd.to_string_lossy();
        let roots = std::iter::once(cwd.as_ref()).chain(writable_roots.iter().map(|root| root.0.as_str()));
        let roots: Vec<String> = roots.map(|root| format!("`{root}`")).collect();
        let _ = write!(text, "\nWritable roots: {}.", roots.join(", "));
    }
    text.push_str("\n</permissions instructions>");
    text
}

/// The settings of a turn as a rollout keeps them (rollout specification 2.5).
#[derive(Serialize)]
pub(super) struct RecordedContext<'a> {
    turn_id: &'a str,
    cwd: &'a Path,
    approval_policy: &'a AskForApproval,
    sandbox_policy: RecordedSandbox<'a>,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'a str>,
    summary: ReasoningSummary,
    #[serde(skip_serializing_if = "Option::is_none")]
    final_output_json_schema: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum RecordedSandbox<'a> {
    DangerFullAccess,
    ReadOnly,
    ExternalSandbox {
        network_access: NetworkAccess,
    },
    WorkspaceWrite {
        writable_roots: &'a [app_server_protocol::v2::AbsolutePathBuf],
        network_access: bool,
        exclude_tmpdir_env_var: bool,
        exclude_slash_tmp: bool,
    },
}

pub(super) fn recorded(context: &TurnContext) -> RecordedContext<'_> {
    recorded_settings(context, &context.settings)
}

/// As [`recorded`], for a turn that runs on other settings than its thread goes on with.
pub(super) fn recorded_settings<'a>(context: &'a TurnContext, settings: &'a Settings) -> RecordedContext<'a> {
    RecordedContext {
        turn_id: &context.turn_id,
        cwd: &settings.cwd,
        approval_policy: &settings.approval_policy,
        sandbox_policy: match &settings.sandbox {
            SandboxPolicy::DangerFullAccess => RecordedSandbox::DangerFullAccess,
            SandboxPolicy::ReadOnly { .. } => RecordedSandbox::ReadOnly,
            SandboxPolicy::ExternalSandbox { network_access } => {
                RecordedSandbox::ExternalSandbox { network_access: *network_access }
            }
            SandboxPolicy::WorkspaceWrite {
                exclude_slash_tmp,
                exclude_tmpdir_env_var,
                network_access,
                writable_roots,
            } => RecordedSandbox::WorkspaceWrite {
                writable_roots,
                network_access: *network_access,
                exclude_tmpdir_env_var: *exclude_tmpdir_env_var,
                exclude_slash_tmp: *exclude_slash_tmp,
            },
        },
        model: &settings.model,
        effort: settings.effort.as_deref(),
        summary: settings.summary.unwrap_or(ReasoningSummary::Auto),
        final_output_json_schema: context.output_schema.as_deref(),
    }
}
