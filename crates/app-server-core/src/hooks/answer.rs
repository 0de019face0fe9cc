//! What a hook's end means: its exit code, what it printed, and what follows.

use app_server_config::HookEvent;
use app_server_protocol::v2::{HookOutputEntry, HookOutputEntryKind, HookRunStatus};
use serde::Deserialize;
use serde_json::Value;

/// The exit code by which a hook forbids something; the reason is on its standard error.
const BLOCKED: i32 = 2;
/// Bytes of a failed hook's complaint that are told.
const COMPLAINT_BYTES: usize = 1024;

/// How a hook's process ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// By itself.
    Exited { code: i32, stdout: String, stderr: String },
    /// Anything else, in words.
    Failed(String),
}

/// An answer in place of the user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Permission {
    Allow,
    Deny,
}

/// What hooks want to happen.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Effects {
    /// Why what was about to happen must not, from each hook that says so, with the id of its run.
    pub(crate) blocked: Vec<(String, String)>,
    /// What the model is to read.
    pub(crate) contexts: Vec<Context>,
    /// What a tool is called with instead; of several hooks, the last to finish.
    pub(crate) updated_input: Option<Value>,
    /// An answer to the question that was to be asked; a refusal outweighs a permission.
    pub(crate) permission: Option<Permission>,
    /// Why the turn is to end.
    pub(crate) stop: Option<String>,
    /// What the user is to be told.
    pub(crate) messages: Vec<String>,
}

/// A text for the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) text: String,
    /// How many tokens of it the model reads at most.
    pub(crate) limit: Option<usize>,
    pub(crate) run_id: String,
}

impl Effects {
    /// Adds what another hook wants.
    pub(super) fn add(&mut self, other: Effects) {
        self.blocked.extend(other.blocked);
        self.contexts.extend(other.contexts);
        self.messages.extend(other.messages);
        self.updated_input = other.updated_input.or_else(|| self.updated_input.take());
        self.stop = self.stop.take().or(other.stop);
        if self.permission != Some(Permission::Deny) {
            self.permission = other.permission.or_else(|| self.permission.take());
        }
    }

    /// The reasons of all hooks that forbid it; `None` if none does.
    pub(crate) fn reason(&self) -> Option<String> {
        let reasons: Vec<&str> = self.blocked.iter().map(|(_, reason)| reason.as_str()).collect();
        (!reasons.is_empty()).then(|| reasons.join("\n"))
    }
}

/// What a hook may print. What is not known is passed over: newer hooks say more.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Printed {
    r#continue: Option<bool>,
    stop_reason: Option<String>,
    suppress_output: bool,
    system_message: Option<String>,
    decision: Option<String>,
    reason: Option<String>,
    hook_specific_output: Specific,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Specific {
    additional_context: Option<String>,
    permission_decision: Option<String>,
    permission_decision_reason: Option<String>,
    updated_input: Option<Value>,
    decision: Option<Decision>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Decision {
    behavior: String,
    #[serde(default)]
    message: Option<String>,
}

/// What one run of a hook came to.
pub(super) struct Verdict {
    pub(super) status: HookRunStatus,
    pub(super) entries: Vec<HookOutputEntry>,
    pub(super) effects: Effects,
}

impl Verdict {
    fn failed(reason: impl Into<String>) -> Self {
        let entries = vec![HookOutputEntry { kind: HookOutputEntryKind::Error, text: reason.into() }];
        Verdict { status: HookRunStatus::Failed, entries, effects: Effects::default() }
    }

    fn tell(&mut self, kind: HookOutputEntryKind, text: &str) {
        self.entries.push(HookOutputEntry { kind, text: text.to_owned() });
    }

    fn block(&mut self, event: HookEvent, run_id: &str, reason: &str) {
        self.status = HookRunStatus::Blocked;
        self.tell(HookOutputEntryKind::Feedback, reason);
        if event == HookEvent::PermissionRequest {
            self.effects.permission = Some(Permission::Deny);
        } else {
            self.effects.blocked.push((run_id.to_owned(), reason.to_owned()));
        }
    }
}

/// Whether hooks of this event can forbid something.
fn can_block(event: HookEvent) -> bool {
    matches!(
        event,
        HookEvent::PreToolUse
            | HookEvent::PermissionRequest
            | HookEvent::PostToolUse
            | HookEvent::UserPromptSubmit
            | HookEvent::Stop
            | HookEvent::SubagentStop
    )
}

/// Whether plain text that hooks of this event print is for the model.
fn prints_context(event: HookEvent) -> bool {
    matches!(event, HookEvent::SessionStart | HookEvent::SubagentStart | HookEvent::UserPromptSubmit)
}

/// Reads what a hook said.
pub(super) fn verdict(event: HookEvent, run_id: &str, limit: Option<usize>, ended: Ended) -> Verdict {
    let (code, stdout, stderr) = match ended {
        Ended::Exited { code, stdout, stderr } => (code, stdout, stderr),
        Ended::Failed(reason) => return Verdict::failed(reason),
    };
    let complaint = stderr.trim();
    if code == BLOCKED && can_block(event) && !complaint.is_empty() {
        let mut verdict = Verdict::completed();
        verdict.block(event, run_id, complaint);
        return verdict;
    }
    if code != 0 {
        let cut = &complaint[..complaint.floor_char_boundary(COMPLAINT_BYTES)];
        let colon = if cut.is_empty() { "" } else { ": " };
        return Verdict::failed(format!("the hook exited with code {code}{colon}{cut}"));
    }
    let text = stdout.trim();
    if text.is_empty() {
        return Verdict::completed();
    }
    if text.starts_with('{') {
        return match serde_json::from_str::<Printed>(text) {
            Ok(printed) => printed.verdict(event, run_id, limit),
            Err(error) => Verdict::failed(format!("what the hook printed is not understood: {error}")),
        };
    }
    let mut verdict = Verdict::completed();
    if prints_context(event) {
        verdict.add_context(run_id, limit, text);
    }
    verdict
}

impl Verdict {
    fn completed() -> Self {
        Verdict { status: HookRunStatus::Completed, entries: Vec::new(), effects: Effects::default() }
    }

    fn add_context(&mut self, run_id: &str, limit: Option<usize>, text: &str) {
        self.tell(HookOutputEntryKind::Context, text);
        let context = Context { text: text.to_owned(), limit, run_id: run_id.to_owned() };
        self.effects.contexts.push(context);
    }
}

impl Printed {
    fn verdict(self, event: HookEvent, run_id: &str, limit: Option<usize>) -> Verdict {
        let mut verdict = Verdict::completed();
        let specific = self.hook_specific_output;
        if let Some(message) = self.system_message.filter(|text| !text.trim().is_empty()) {
            verdict.tell(HookOutputEntryKind::Warning, &message);
            verdict.effects.messages.push(message);
        }
        if let Some(context) =
            specific.additional_context.filter(|text| !text.trim().is_empty() && !self.suppress_output)
        {
            verdict.add_context(run_id, limit, &context);
        }
        match (event, specific.permission_decision.as_deref(), specific.decision) {
            (HookEvent::PreToolUse, Some("deny"), _) => {
                let reason = specific.permission_decision_reason.or(self.reason.clone()).unwrap_or_default();
                verdict.block(event, run_id, &reason);
            }
            (HookEvent::PreToolUse, _, _) => verdict.effects.updated_input = specific.updated_input,
            (HookEvent::PermissionRequest, _, Some(decision)) => match decision.behavior.as_str() {
                "allow" => verdict.effects.permission = Some(Permission::Allow),
                "deny" => verdict.block(event, run_id, &decision.message.unwrap_or_default()),
                other => {
                    return Verdict::failed(format!("`{other}` is no decision; known are allow and deny"));
                }
            },
            _ => {}
        }
        if self.decision.as_deref() == Some("block")
            && can_block(event)
            && verdict.status != HookRunStatus::Blocked
        {
            match self.reason.filter(|reason| !reason.trim().is_empty()) {
                Some(reason) => verdict.block(event, run_id, &reason),
                None => return Verdict::failed("the hook forbids it without a reason"),
            }
        }
        if self.r#continue == Some(false) {
            let reason = self.stop_reason.unwrap_or_else(|| "a hook ended the turn".to_owned());
            verdict.status = HookRunStatus::Stopped;
            verdict.tell(HookOutputEntryKind::Stop, &reason);
            verdict.effects.stop = Some(reason);
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn exited(code: i32, stdout: &str, stderr: &str) -> Ended {
        Ended::Exited { code, stdout: stdout.to_owned(), stderr: stderr.to_owned() }
    }

    fn of(event: HookEvent, code: i32, stdout: &str, stderr: &str) -> (HookRunStatus, Vec<String>, Effects) {
        let verdict = verdict(event, "run", None, exited(code, stdout, stderr));
        let entries =
            verdict.entries.iter().map(|entry| format!("{:?}: {}", entry.kind, entry.text)).collect();
        (verdict.status, entries, verdict.effects)
    }

    #[test]
    fn exit_codes_say_what_happened() {
        let (status, entries, effects) = of(HookEvent::PreToolUse, 2, "", " not that\n");
        assert_eq!((status, entries), (HookRunStatus::Blocked, vec!["Feedback: not that".to_owned()]));
        assert_eq!(effects.reason().as_deref(), Some("not that"));
        for (event, code, stderr, told) in [
            (HookEvent::PreToolUse, 1, "oops", "Error: the hook exited with code 1: oops"),
            (HookEvent::PreToolUse, 2, "", "Error: the hook exited with code 2"),
            (HookEvent::SessionEnd, 2, "no", "Error: the hook exited with code 2: no"),
        ] {
            let (status, entries, effects) = of(event, code, "ignored", stderr);
            assert_eq!((status, entries), (HookRunStatus::Failed, vec![told.to_owned()]));
            assert_eq!(effects, Effects::default());
        }
    }

    #[test]
    fn plain_text_is_for_the_model_where_it_can_be() {
        assert_eq!(of(HookEvent::UserPromptSubmit, 0, "know this\n", "").1, ["Context: know this"]);
        assert_eq!(of(HookEvent::PostToolUse, 0, "know this\n", "").1, Vec::<String>::new());
        let (status, entries, _) = of(HookEvent::PostToolUse, 0, "{\"decision\": 7}", "");
        assert_eq!(status, HookRunStatus::Failed);
        assert!(entries[0].starts_with("Error: what the hook printed is not understood"), "{entries:?}");
    }

    #[test]
    fn what_hooks_print_has_effects() {
        let of = |event, text: &str| of(event, 0, text, "");
        let deny =
            r#"{"hookSpecificOutput": {"permissionDecision": "deny", "permissionDecisionReason": "no"}}"#;
        assert_eq!(of(HookEvent::PreToolUse, deny).2.reason().as_deref(), Some("no"));
        let rewrite =
            r#"{"hookSpecificOutput": {"permissionDecision": "allow", "updatedInput": {"a": 1}}, "new": []}"#;
        assert_eq!(of(HookEvent::PreToolUse, rewrite).2.updated_input, Some(serde_json::json!({"a": 1})));
        let allow = r#"{"hookSpecificOutput": {"decision": {"behavior": "allow"}}}"#;
        assert_eq!(of(HookEvent::PermissionRequest, allow).2.permission, Some(Permission::Allow));
        let deny = r#"{"hookSpecificOutput": {"decision": {"behavior": "deny", "message": "never"}}}"#;
        assert_eq!(of(HookEvent::PermissionRequest, deny).1, ["Feedback: never"]);
        let (status, entries, effects) =
            of(HookEvent::Stop, r#"{"decision": "block", "reason": "more", "systemMessage": "hm"}"#);
        assert_eq!(
            (status, entries),
            (HookRunStatus::Blocked, vec!["Warning: hm".into(), "Feedback: more".into()])
        );
        assert_eq!((effects.messages, effects.blocked.len()), (vec!["hm".to_owned()], 1));
        let (status, entries, effects) =
            of(HookEvent::PostToolUse, r#"{"continue": false, "stopReason": "enough"}"#);
        assert_eq!((status, entries), (HookRunStatus::Stopped, vec!["Stop: enough".to_owned()]));
        assert_eq!(effects.stop.as_deref(), Some("enough"));
    }

    #[test]
    fn of_several_hooks_the_last_rewrite_and_any_refusal_count() {
        let with = |input: i32, permission| Effects {
            updated_input: Some(input.into()),
            permission: Some(permission),
            ..Effects::default()
        };
        let mut effects = with(1, Permission::Deny);
        effects.add(with(2, Permission::Allow));
        effects.add(Effects::default());
        assert_eq!((effects.updated_input, effects.permission), (Some(2.into()), Some(Permission::Deny)));
    }
}
