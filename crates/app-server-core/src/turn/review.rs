//! The turn of a review: a reviewer with a conversation of its own works in it, and the thread is told of what it does
//! and, at the end, of what it says (agent-loop specification 13).

use std::sync::Arc;
use std::time::Duration;

use app_server_config::child_environment;
use app_server_protocol::v2::{ReviewTarget, SandboxPolicy, ThreadItem, ThreadItemKind, UserInput};
use app_server_sandbox::Stdio;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::run::{self, record_start};
use super::{
    TurnContext, TurnEnd, TurnInput, TurnOutcome, context as surroundings, guarded, input, text_message,
};
use crate::clock::now_ms;
use crate::exec::{Boundary, Ended, ExecPlan, ItemOutput, Session};
use crate::item::agent_message;
use crate::review::{self, Output};
use crate::skills;
use crate::thread::Settings;

/// What the thread says of a review that came to nothing. Clients know the words.
const INTERRUPTED: &str = "Review was interrupted. Please re-run /review and wait for it to complete.";
/// How long git may take to find what two branches have in common.
const GIT_WITHIN: Duration = Duration::from_secs(3);

/// A review that is about to run.
pub(crate) struct Review {
    pub(crate) target: ReviewTarget,
    pub(crate) form: ReviewForm,
    /// What the reviewer is asked.
    pub(crate) request: String,
    /// What the thread goes on with; the reviewer has settings of its own.
    pub(crate) settings: Settings,
    /// Whether the client wants the items of the thread's model as they are. It hears of none of the reviewer's.
    pub(crate) raw_events: bool,
}

/// How the client sees a review. Stored and read back it has always today's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReviewForm {
    /// An item when it begins, another when it is done, and the review as a message.
    Today,
    /// One item that is open meanwhile.
    First {
        /// Whether the thread gets the review as a message too.
        appends: bool,
    },
}

impl Review {
    /// Runs it to its end.
    pub(super) async fn run(self, context: &Arc<TurnContext>) -> TurnOutcome {
        skills::look(context).await;
        let started_at_ms = self.enter(context);
        let request = UserInput::Text { text: self.request.clone(), text_elements: Vec::new() };
        let input = TurnInput { content: vec![request], client_id: None, unseen: None };
        // Whatever becomes of it, the thread is told that the review is over.
        let TurnOutcome { end, last_message } = guarded(run::run(context, input)).await;
        let output = match (&end, last_message.map(|message| message.kind)) {
            (TurnEnd::Completed, Some(ThreadItemKind::AgentMessage { text, .. })) => {
                Some(Output::parse(&text))
            }
            _ => None,
        };
        let last_message = self.exit(context, output.as_ref(), started_at_ms);
        TurnOutcome { end, last_message }
    }

    /// Records in the thread that the review has begun, and tells of it. Returns the time of it.
    fn enter(&self, context: &TurnContext) -> i64 {
        #[derive(Serialize)]
        struct Entered<'a> {
            target: &'a ReviewTarget,
            user_facing_hint: &'a str,
            turn_id: &'a str,
            item_id: &'a str,
        }
        let (id, label, at_ms) = (Uuid::now_v7().to_string(), review::label(&self.target), now_ms());
        let turn_id = context.turn_id.as_str();
        let mut thread = context.thread.conversation.lock();
        record_start(context, &mut thread);
        let told = surroundings::update(&context.thread, &self.settings, &mut thread, Some(turn_id));
        for message in &told {
            self.tell_raw(context, message);
        }
        thread.turn_context(&surroundings::recorded_settings(context, &self.settings));
        let event = Entered { target: &self.target, user_facing_hint: &label, turn_id, item_id: &id };
        thread.legacy_event("entered_review_mode", &event);
        let entered = ThreadItemKind::EnteredReviewMode { id, review: label.clone() };
        match self.form {
            ReviewForm::Today => {
                context.started(entered.clone(), at_ms);
                context.completed(&mut thread, entered, at_ms, None);
            }
            ReviewForm::First { .. } => {
                thread.item(context.thread.id(), turn_id, &done(entered, at_ms, at_ms), None);
                thread.flush();
                context.started(ThreadItemKind::CodeReview { id: turn_id.to_owned(), review: label }, at_ms);
            }
        }
        at_ms
    }

    /// Records in the thread what came of the review, for its client and for its model, and tells of it. Returns the
    /// message, if there is one.
    fn exit(&self, context: &TurnContext, output: Option<&Output>, started_at_ms: i64) -> Option<ThreadItem> {
        #[derive(Serialize)]
        struct Exited<'a> {
            review_output: Option<&'a Output>,
            turn_id: &'a str,
            item_id: &'a str,
        }
        let (text, action) = match output {
            Some(output) => (output.text(), output.action()),
            None => (review::FAILED.to_owned(), review::interrupted_action().to_owned()),
        };
        let action = text_message("user", &action);
        let (id, at_ms) = (Uuid::now_v7().to_string(), now_ms());
        let turn_id = context.turn_id.as_str();
        let mut thread = context.thread.conversation.lock();
        let event = Exited { review_output: output, turn_id, item_id: &id };
        thread.legacy_event("exited_review_mode", &event);
        let exited = ThreadItemKind::ExitedReviewMode { id, review: text.clone() };
        match self.form {
            ReviewForm::Today => {
                context.started(exited.clone(), at_ms);
                context.completed(&mut thread, exited, at_ms, Some(&action));
            }
            ReviewForm::First { .. } => {
                thread.item(context.thread.id(), turn_id, &done(exited, at_ms, at_ms), None);
                thread.record(&action);
                thread.flush();
                let review = ThreadItemKind::CodeReview { id: turn_id.to_owned(), review: text.clone() };
                context.tell_completed(done(review, started_at_ms, at_ms));
            }
        }
        self.tell_raw(context, &thread.masked(&action));
        if self.form == (ReviewForm::First { appends: false }) {
            return None;
        }
        let said = if output.is_some() { text } else { INTERRUPTED.to_owned() };
        let raw = input::assistant_message(&said);
        let message = agent_message(format!("msg_{}", Uuid::now_v7()), said, None);
        context.started(message.clone(), at_ms);
        let message = context.completed(&mut thread, message, at_ms, Some(&raw));
        self.tell_raw(context, &thread.masked(&raw));
        Some(message)
    }

    fn tell_raw(&self, context: &TurnContext, raw: &RawValue) {
        if self.raw_events {
            context.tell_raw_of_thread(raw);
        }
    }
}

fn done(kind: ThreadItemKind, started_at_ms: i64, completed_at_ms: i64) -> ThreadItem {
    ThreadItem { kind, started_at_ms: Some(started_at_ms), completed_at_ms: Some(completed_at_ms) }
}

/// The commit that the checkout and the branch have in common; `None` when git cannot tell. It reads a repository that
/// nobody vouches for, so it may write nothing and has no network, whatever the thread's commands may do.
pub(crate) async fn merge_base(context: &Arc<TurnContext>, branch: &str) -> Option<String> {
    let services = &context.thread.services;
    let settings = &context.settings;
    let policy = SandboxPolicy::ReadOnly { network_access: false };
    let boundary = Boundary::of(services, &policy, &settings.cwd);
    let argv = ["git", "merge-base", "HEAD", branch].map(str::to_owned).to_vec();
    let mut plan = ExecPlan::own(argv, &settings.cwd, &boundary, Stdio::Merged);
    plan.env.extend(child_environment(&settings.config, services.config.environment(), &[]));
    let output = Arc::new(ItemOutput::silent(Arc::clone(context)));
    let session = Session::start(&plan, &plan.confinement, &output).ok()?;
    match session.wait(Some(GIT_WITHIN)).await {
        Some(Ended::Code(0)) => commit_in(&session.take_output().0).map(str::to_owned),
        _ => None,
    }
}

/// The line that is a commit's name; warnings may stand around it.
fn commit_in(output: &str) -> Option<&str> {
    let is_commit = |line: &&str| line.len() >= 40 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    output.lines().find(is_commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_found_among_warnings() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(commit_in(&format!("{commit}\n")), Some(commit));
        assert_eq!(commit_in(&format!("warning: 'a' is ambiguous.\n{commit}\n")), Some(commit));
        assert_eq!(commit_in("fatal: Not a valid object name\n"), None);
    }
}
