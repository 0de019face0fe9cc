//! Runs, is asked about, or is refused: the decision tables for commands and patches. Must not ask anybody.

use crate::danger::is_dangerous;
use crate::place::{Lookup, Surroundings};
use crate::propose::is_too_broad;
use crate::rules::{Decision, RuleMatch, Rules};
use crate::safety::{Position, doubt, script_doubts, shell_is_ours};
use crate::script::{Script, shell_script};
use crate::words::join;

/// When the user wants to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApprovalPolicy {
    /// Before everything that is not known to be safe.
    Untrusted,
    /// When the sandbox refused something.
    OnFailure,
    /// When the model wants out of the sandbox.
    OnRequest,
    /// Never: what would be asked about is refused.
    Never,
    /// As on request, with kinds of questions switched off; those are refused instead.
    Granular {
        /// Questions about leaving the sandbox and about dangerous commands.
        sandbox_approval: bool,
        /// Questions that a rule demands.
        rules: bool,
    },
}

impl ApprovalPolicy {
    /// The name that the model is told.
    fn name(self) -> &'static str {
        match self {
            Self::Untrusted => "UnlessTrusted",
            Self::OnFailure => "OnFailure",
            Self::OnRequest => "OnRequest",
            Self::Never => "Never",
            Self::Granular { .. } => "Granular",
        }
    }

    /// Whether the model may ask to leave the sandbox.
    fn takes_requests(self) -> bool {
        matches!(self, Self::OnRequest | Self::Granular { sandbox_approval: true, .. })
    }

    /// Whether a command that is dangerous may be asked about.
    fn asks_about_danger(self) -> bool {
        !matches!(self, Self::Never | Self::Granular { sandbox_approval: false, .. })
    }
}

/// How commands are confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SandboxKind {
    /// They write nothing.
    ReadOnly,
    /// They write in the workspace.
    WorkspaceWrite,
    /// Not at all.
    FullAccess,
    /// By whoever runs us.
    External,
}

impl SandboxKind {
    fn is_restricted(self) -> bool {
        matches!(self, Self::ReadOnly | Self::WorkspaceWrite)
    }
}

/// A command the model wants to run.
#[derive(Clone, Copy, Debug)]
pub struct CommandRequest<'a> {
    /// The command.
    pub argv: &'a [String],
    /// The model wants it to run outside the sandbox.
    pub escalated: bool,
    /// Why, in the model's words.
    pub justification: Option<&'a str>,
    /// The rule the model would like to have, as the beginning of a command.
    pub prefix_rule: Option<&'a [String]>,
}

/// What is to be done with a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Run it.
    Run {
        /// Within the sandbox. `false` also when there is none.
        sandboxed: bool,
    },
    /// Ask first.
    Ask {
        /// What the user is told as the reason.
        reason: Option<String>,
        /// The beginning of commands for which a rule is offered.
        amendment: Option<Vec<String>>,
        /// Whether the command, once accepted, runs within the sandbox at first.
        sandboxed: bool,
    },
    /// Do not run it.
    Reject {
        /// What the model is told.
        text: String,
    },
}

/// What is to be done when the sandbox refused something to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnDenial {
    /// The model gets the result as it is.
    Report,
    /// The user has agreed to the command: run it again without sandbox.
    RetryDirect,
    /// Ask, for [`RETRY_REASON`], then run it again without sandbox.
    AskThenRetryDirect,
}

/// The decision about a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What to do now.
    pub verdict: Verdict,
    /// What to do if the sandbox refuses.
    pub on_denial: OnDenial,
    /// The rule to offer with the question that follows a refusal.
    pub retry_amendment: Option<Vec<String>>,
}

/// The reason given with the question after a refusal of the sandbox.
pub const RETRY_REASON: &str = "command failed; retry without sandbox?";

/// Decides about a command.
pub fn judge(
    request: &CommandRequest<'_>,
    policy: ApprovalPolicy,
    sandbox: SandboxKind,
    rules: &Rules,
    around: &Surroundings<'_>,
) -> Judgement {
    // Nothing lifts this, neither a rule nor the list: the model is told once how things are.
    if request.escalated && !policy.takes_requests() {
        let name = policy.name();
        let text = format!(
            "approval policy is {name}; reject command — you should not ask for escalated permissions if the \
             approval policy is {name}"
        );
        return Judgement {
            verdict: Verdict::Reject { text },
            on_denial: OnDenial::Report,
            retry_amendment: None,
        };
    }
    let case = Case { request, policy, sandbox, commands: commands(request.argv, around) };
    let verdict = case.verdict(rules);
    let on_denial = on_denial(policy, &verdict);
    let retry_amendment =
        if on_denial == OnDenial::AskThenRetryDirect { case.retry_amendment(rules) } else { None };
    Judgement { verdict, on_denial, retry_amendment }
}

fn on_denial(policy: ApprovalPolicy, verdict: &Verdict) -> OnDenial {
    let may_ask = matches!(policy, ApprovalPolicy::Untrusted | ApprovalPolicy::OnFailure);
    match verdict {
        Verdict::Run { sandboxed: true } if may_ask => OnDenial::AskThenRetryDirect,
        Verdict::Ask { sandboxed: true, .. } if may_ask => OnDenial::RetryDirect,
        _ => OnDenial::Report,
    }
}

/// A command that is judged by itself.
struct Judged {
    words: Vec<String>,
    safe: bool,
    dangerous: bool,
}

/// Takes a command apart into those that are judged.
fn commands(argv: &[String], around: &Surroundings<'_>) -> Vec<Judged> {
    let lookup = Lookup::new(around);
    let script = shell_script(argv).and_then(Script::parse);
    // A rule for `ls` speaks of what a shell runs by that name, not of a project's own `./bash`.
    let ours = argv.first().is_some_and(|shell| shell_is_ours(shell, &lookup));
    let Some(script) = script.filter(|_| ours) else {
        let safe = doubt(argv, around).is_none() && !argv.is_empty();
        return vec![Judged { words: argv.to_vec(), safe, dangerous: is_dangerous(argv) }];
    };
    let shell_is_known =
        argv.first().is_some_and(|shell| lookup.place(shell) == crate::place::Place::Trusted);
    let doubts = script_doubts(&script, &Position::start(around).in_shell(), &lookup);
    script
        .commands
        .into_iter()
        .zip(doubts)
        .map(|(words, doubt)| {
            let words: Vec<String> = words.into_iter().map(|word| word.text).collect();
            let dangerous = is_dangerous(&words);
            Judged { words, safe: doubt.is_none() && shell_is_known, dangerous }
        })
        .collect()
}

struct Case<'a> {
    request: &'a CommandRequest<'a>,
    policy: ApprovalPolicy,
    sandbox: SandboxKind,
    commands: Vec<Judged>,
}

impl Case<'_> {
    fn verdict(&self, rules: &Rules) -> Verdict {
        let matches: Vec<Vec<RuleMatch>> =
            self.commands.iter().map(|command| rules.check(&command.words)).collect();
        let decide = |(command, matches): (&Judged, &Vec<RuleMatch>)| {
            matches.iter().map(|found| found.decision).max().unwrap_or_else(|| self.unruled(command))
        };
        // A chain is as bad as its worst part, however long it is.
        let strictest = self.commands.iter().zip(&matches).map(decide).max().unwrap_or(Decision::Prompt);
        match strictest {
            Decision::Allow => self.run(&matches),
            Decision::Prompt => self.ask(&matches, rules),
            Decision::Forbidden => {
                let text = match longest(&matches, Decision::Forbidden) {
                    Some(RuleMatch { justification: Some(reason), .. }) => self.rejected(reason),
                    Some(found) => {
                        let prefix = join(&found.matched_prefix);
                        self.rejected(&format!("policy forbids commands starting with `{prefix}`"))
                    }
                    None => self.rejected("blocked by policy"),
                };
                Verdict::Reject { text }
            }
        }
    }

    /// Decides about a command that no rule names.
    fn unruled(&self, command: &Judged) -> Decision {
        if command.dangerous {
            return if self.policy.asks_about_danger() { Decision::Prompt } else { Decision::Forbidden };
        }
        // Outside the sandbox even what only reads may read more.
        if self.request.escalated && self.sandbox.is_restricted() {
            return Decision::Prompt;
        }
        if command.safe || self.policy != ApprovalPolicy::Untrusted {
            Decision::Allow
        } else {
            Decision::Prompt
        }
    }

    fn run(&self, matches: &[Vec<RuleMatch>]) -> Verdict {
        // A rule allows its own commands to leave the sandbox, not those beside them.
        let allowed = matches.iter().all(|matches| !matches.is_empty());
        Verdict::Run { sandboxed: self.sandbox.is_restricted() && !allowed && !self.request.escalated }
    }

    fn ask(&self, matches: &[Vec<RuleMatch>], rules: &Rules) -> Verdict {
        let rule = longest(matches, Decision::Prompt);
        if let Some(text) = rule.and_then(|_| self.refusal_of_rules()) {
            return Verdict::Reject { text };
        }
        let reason = match rule {
            Some(RuleMatch { justification: Some(reason), .. }) => {
                Some(format!("`{}` requires approval: {reason}", join(self.request.argv)))
            }
            Some(_) => Some(format!("`{}` requires approval by policy", join(self.request.argv))),
            None => self.request.justification.map(str::to_owned),
        };
        let amendment = if rule.is_some() { None } else { self.amendment(matches, rules) };
        let sandboxed = self.sandbox.is_restricted() && !self.request.escalated;
        Verdict::Ask { reason, amendment, sandboxed }
    }

    /// What the model is told when a rule wants a question that the policy does not allow.
    fn refusal_of_rules(&self) -> Option<String> {
        match self.policy {
            ApprovalPolicy::Never => {
                Some("approval required by policy, but AskForApproval is set to Never".to_owned())
            }
            ApprovalPolicy::Granular { rules: false, .. } => {
                Some("approval required by policy, but approvals by rules are switched off".to_owned())
            }
            _ => None,
        }
    }

    fn amendment(&self, matches: &[Vec<RuleMatch>], rules: &Rules) -> Option<Vec<String>> {
        if let Some(prefix) = self.request.prefix_rule
            && !is_too_broad(prefix)
            && self.would_settle(prefix, rules)
        {
            return Some(prefix.to_vec());
        }
        let prompting = self
            .commands
            .iter()
            .zip(matches)
            .find(|(command, matches)| matches.is_empty() && self.unruled(command) == Decision::Prompt);
        prompting.map(|(command, _)| command.words.clone()).filter(|words| !is_too_broad(words))
    }

    /// Whoever wrote a rule for one of the commands has thought about it, and is offered none.
    fn retry_amendment(&self, rules: &Rules) -> Option<Vec<String>> {
        let unruled = self.commands.iter().all(|command| rules.check(&command.words).is_empty());
        let first = self.commands.first().filter(|_| unruled)?;
        (!is_too_broad(&first.words)).then(|| first.words.clone())
    }

    /// Whether with that rule there would have been no question.
    fn would_settle(&self, prefix: &[String], rules: &Rules) -> bool {
        let mut with = rules.clone();
        with.allow_prefix(prefix);
        // A rule that has nothing to do with the command settles nothing, and is not offered in passing.
        self.commands.iter().any(|command| command.words.starts_with(prefix))
            && self.commands.iter().all(|command| {
                let strictest = with.check(&command.words).iter().map(|found| found.decision).max();
                strictest.unwrap_or_else(|| self.unruled(command)) == Decision::Allow
            })
    }

    fn rejected(&self, why: &str) -> String {
        format!("`{}` rejected: {why}", join(self.request.argv))
    }
}

/// The rule that gives the text: of those that decided, the one that says most.
fn longest(matches: &[Vec<RuleMatch>], decision: Decision) -> Option<&RuleMatch> {
    matches.iter().flatten().filter(|found| found.decision == decision).reduce(|best, found| {
        if found.matched_prefix.len() > best.matched_prefix.len() { found } else { best }
    })
}

/// What is to be done with a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatchVerdict {
    /// Apply it within the sandbox.
    Run,
    /// Ask first.
    Ask,
    /// Do not apply it.
    Reject {
        /// What the model is told.
        text: String,
    },
}

/// Decides about a patch. `inside` says whether all its paths lie where the sandbox lets it write. That a patch
/// changes nothing is for its parser to say.
pub fn judge_patch(policy: ApprovalPolicy, sandbox: SandboxKind, inside: bool) -> PatchVerdict {
    let refuse = |text: &str| PatchVerdict::Reject { text: text.to_owned() };
    match policy {
        ApprovalPolicy::Untrusted => PatchVerdict::Ask,
        ApprovalPolicy::OnFailure => PatchVerdict::Run,
        _ if !sandbox.is_restricted() || inside => PatchVerdict::Run,
        ApprovalPolicy::Never | ApprovalPolicy::Granular { sandbox_approval: false, .. } => {
            refuse("patch rejected: writing outside of the project; rejected by user approval settings")
        }
        ApprovalPolicy::OnRequest | ApprovalPolicy::Granular { .. } => PatchVerdict::Ask,
    }
}

/// Says what to do when the sandbox refused a patch; `asked`: the user has agreed to it already.
pub fn patch_on_denial(policy: ApprovalPolicy, asked: bool) -> OnDenial {
    match policy {
        ApprovalPolicy::Never | ApprovalPolicy::Granular { sandbox_approval: false, .. } => OnDenial::Report,
        _ if asked => OnDenial::RetryDirect,
        _ => OnDenial::AskThenRetryDirect,
    }
}

/// What a program prints when it was not let.
const DENIED: &[&str] = &[
    "operation not permitted",
    "permission denied",
    "read-only file system",
    "seccomp",
    "sandbox",
    "landlock",
    "failed to write file",
];

/// 128 + SIGSYS: a system call that the filter does not let through.
#[cfg(target_os = "linux")]
const KILLED_BY_FILTER: i32 = 159;

/// Whether the output of a sandboxed command that ended by itself says that the sandbox refused something.
///
/// A guess: any program may print these words. Timeouts and signals are no refusals, and the caller knows them.
pub fn looks_denied(exit_code: i32, output: &str) -> bool {
    if exit_code == 0 {
        return false;
    }
    let output = output.to_ascii_lowercase();
    if DENIED.iter().any(|words| output.contains(words)) {
        return true;
    }
    #[cfg(target_os = "linux")]
    if exit_code == KILLED_BY_FILTER {
        return true;
    }
    false
}
