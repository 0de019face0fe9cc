//! May this command run? Shell words, known-safe and dangerous commands, rules, decisions.
//!
//! Pure functions, apart from the rules files and a look at the programs and repositories a command would touch.
//! This crate runs nothing, asks nobody, knows no wire type and reads no environment variable.
//!
//! - [`words`]: a command as a person reads it; [`script`]: the plain commands a shell script consists of
//! - [`place`]: what a program's name would run; [`safety`]: the known-safe list; `git`: git's share of it
//! - [`danger`]: commands that are asked about under every policy, wherever a script hides them
//! - [`mod@actions`]: what a command does, for display only
//! - [`rules`]: the user's rules; `language`: their file format; [`amend`]: adding one
//! - [`decide`]: the decision tables for commands and patches; `propose`: the rule offered with a question
//! - [`approval_key`]: what an answer given for the whole session covers

pub mod actions;
pub mod amend;
pub mod approval_key;
pub mod danger;
pub mod decide;
mod git;
mod git_config;
mod git_index;
mod language;
mod loose;
pub mod place;
mod propose;
pub mod rules;
pub mod safety;
pub mod script;
pub mod words;

pub use actions::{Action, actions};
pub use amend::append_allow;
pub use approval_key::ApprovalKey;
pub use danger::is_dangerous;
pub use decide::{
    ApprovalPolicy, CommandRequest, Judgement, OnDenial, PatchVerdict, RETRY_REASON, SandboxKind, Verdict,
    judge, judge_patch, looks_denied, patch_on_denial,
};
pub use place::Surroundings;
pub use rules::{Decision, RuleMatch, Rules, RulesError};
pub use safety::{Doubt, doubt, is_known_safe};
pub use script::{plain_commands, shell_script};
pub use words::{join, shown};
