//! `apply_patch`, as a tool and as a shell line: work the patch out, ask if need be, write it, show the change (tools
//! specification 7, approvals specification 6).

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use app_server_exec_policy::{PatchVerdict, judge_patch, looks_denied, patch_on_denial};
use app_server_patch::{Intercepted, ItemChange, ItemChangeKind, Patch, Verified};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    FileUpdateChange, PatchApplyStatus, PatchChangeKind, ThreadItemKind, WarningNotification,
};
use app_server_sandbox::{Confinement, Stdio};
use serde::Deserialize;

use super::command::{approval_policy, base_dir, reported};
use super::{Call, CallInput, Output, boundary, limit};
use crate::clock::now_ms;
use crate::exec::{
    ApprovalQuestion, Attempt, Boundary, Ended, ExecPlan, Executor, ItemOutput, Refusal, Session,
    run_with_plan,
};
use crate::turn::{PatchAnswer, TurnContext, ask_about_patch};

/// Asks our own binary to apply a patch: it runs in the sandbox like any command.
const HELPER_OPTION: &str = "--codex-run-as-apply-patch";
/// The longest patch that fits an argument; a longer one goes through the helper's input.
const MAX_ARGUMENT: usize = 100 * 1024;
/// How long writing a patch may take.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Arguments {
    input: String,
}

pub(super) async fn apply_patch(context: &Arc<TurnContext>, call: &Call) -> Result<Output, Output> {
    let body = match &call.input {
        CallInput::Custom(body) => body.clone(),
        CallInput::Function(_) => call.arguments::<Arguments>()?.input,
    };
    apply(context, call, &body, context.settings.cwd.clone(), true).await
}

/// Takes a shell line that is nothing but a patch for what it is.
///
/// # Errors
/// The text for the model when the patch does not apply, or is not called as it should be.
pub(super) async fn intercept(
    context: &Arc<TurnContext>,
    call: &Call,
    argv: &[String],
    cwd: &Path,
) -> Result<Option<Output>, Output> {
    match app_server_patch::intercept(argv) {
        Intercepted::No => Ok(None),
        Intercepted::Patch { body, dir } => {
            let as_text = call.name != "shell" || context.model_info.apply_patch_tool.is_some();
            apply(context, call, &body, base_dir(cwd, dir.as_deref()), as_text).await.map(Some)
        }
        Intercepted::PatchWithoutCall => Err(Output::text(
            "apply_patch verification failed: patch detected without explicit call to apply_patch. Rerun as \
             [\"apply_patch\", \"<patch>\"]",
        )),
    }
}

async fn apply(
    context: &Arc<TurnContext>,
    call: &Call,
    body: &str,
    base: PathBuf,
    as_text: bool,
) -> Result<Output, Output> {
    let begun = Instant::now();
    let failed = |reason: String| Output::text(format!("apply_patch verification failed: {reason}"));
    let patch = Patch::parse(body).map_err(|error| failed(error.verification()))?;
    let verified = {
        let base = base.clone();
        let verified = tokio::task::spawn_blocking(move || app_server_patch::verify(&patch, &base)).await;
        let verified = verified.map_err(|error| failed(error.to_string()))?;
        Arc::new(verified.map_err(|error| failed(error.to_string()))?)
    };
    if verified.is_empty() {
        return Err(Output::text("patch rejected: empty patch"));
    }
    let settings = &context.settings;
    let boundary = boundary(context).await?;
    let touched = verified.touched();
    let is_inside = boundary.policy().is_none_or(|policy| touched.iter().all(|path| policy.may_write(path)));
    let policy = approval_policy(&settings.approval_policy);
    let verdict = judge_patch(policy, boundary.kind, is_inside);
    if let PatchVerdict::Reject { text } = verdict {
        return Err(Output::text(text));
    }
    let must_ask = verdict == PatchVerdict::Ask && !context.thread.approvals.has_files(&touched);
    let is_approved = verdict == PatchVerdict::Ask;
    let secrets = context.thread.services.secrets();
    let shown = |change: ItemChange| {
        let diff = secrets.mask(&change.diff).into_owned();
        wire_change(ItemChange { diff, ..change })
    };
    let mut writer = Writer {
        context,
        call,
        body,
        verified: Arc::clone(&verified),
        changes: verified.item_changes().into_iter().map(shown).collect(),
        started_at_ms: now_ms(),
    };
    context.started(writer.item(PatchApplyStatus::InProgress), writer.started_at_ms);
    let mut plan = plan(&base, body, &boundary);
    if !must_ask {
        writer.warn();
    }
    plan.approval = must_ask.then_some(ApprovalQuestion { reason: writer.reason(), amendment: None });
    plan.on_denial = patch_on_denial(policy, is_approved);
    let written = run_with_plan(&plan, &mut writer).await;
    let (status, output) = match written {
        Ok(Written { error: None, .. }) => {
            let summary = verified.summary();
            (PatchApplyStatus::Completed, reported(0, begun.elapsed(), &summary, limit(context), as_text))
        }
        Ok(Written { error: Some(error), .. }) => {
            (PatchApplyStatus::Failed, reported(1, begun.elapsed(), &error, limit(context), as_text))
        }
        Err(refusal) => {
            if refusal == Refusal::Cancelled {
                context.cancel.cancel();
            }
            let (status, output) = refused(refusal);
            writer.complete(status);
            return Err(output);
        }
    };
    writer.complete(status);
    context.tell_diff();
    Ok(Output::text(output))
}

/// What the model reads of a patch the client did not want.
fn refused(refusal: Refusal) -> (PatchApplyStatus, Output) {
    match refusal {
        Refusal::Declined | Refusal::Cancelled => {
            (PatchApplyStatus::Declined, Output::text("patch rejected by user"))
        }
        Refusal::Failed => {
            (PatchApplyStatus::Failed, Output::text("patch not applied: approval request failed"))
        }
        Refusal::Withdrawn => (PatchApplyStatus::Declined, Output::text("aborted by user")),
    }
}

/// Our own binary. On Linux the helper that starts it is the same one, by a name that holds when its file is replaced.
fn own_program() -> String {
    if cfg!(target_os = "linux") {
        return "/proc/self/exe".to_owned();
    }
    std::env::current_exe()
        .map_or_else(|_| "app-server".to_owned(), |path| path.to_string_lossy().into_owned())
}

fn plan(base: &Path, body: &str, boundary: &Boundary) -> ExecPlan {
    let mut argv = vec![own_program(), HELPER_OPTION.to_owned()];
    let stdio = match body.len() > MAX_ARGUMENT {
        true => Stdio::MergedWithStdin,
        false => {
            argv.push(body.to_owned());
            Stdio::Merged
        }
    };
    ExecPlan { timeout: Some(TIMEOUT), ..ExecPlan::own(argv, base, boundary, stdio) }
}

/// Writes a patch: by our helper in the sandbox, or here where there is none.
struct Writer<'a> {
    context: &'a Arc<TurnContext>,
    call: &'a Call,
    body: &'a str,
    verified: Arc<Verified>,
    changes: Vec<FileUpdateChange>,
    started_at_ms: i64,
}

/// What came of it.
struct Written {
    error: Option<String>,
    is_denied: bool,
}

impl Attempt for Written {
    fn is_denied(&self) -> bool {
        self.is_denied
    }
}

impl Writer<'_> {
    fn item(&self, status: PatchApplyStatus) -> ThreadItemKind {
        ThreadItemKind::FileChange { id: self.call.id.clone(), changes: self.changes.clone(), status }
    }

    fn complete(&self, status: PatchApplyStatus) {
        let mut conversation = self.context.conversation.lock();
        self.context.completed(&mut conversation, self.item(status), self.started_at_ms, None);
    }

    /// What a person should know before saying yes: files that other programs run later, and names that hide something.
    fn reason(&self) -> Option<String> {
        let mut reasons = Vec::new();
        for path in self.verified.touched() {
            let shown = app_server_patch::shown(path);
            if shown != path.to_string_lossy() {
                reasons.push(format!("The name {shown} holds characters that do not show."));
            }
            reasons.extend(app_server_patch::executes_later(path).map(|by| format!("{shown}: {by}")));
        }
        (!reasons.is_empty()).then(|| reasons.join("\n"))
    }

    /// Tells the same to a client that is not asked.
    fn warn(&self) {
        if let Some(message) = self.reason()
            && self.context.thread.approvals.warn_of(&self.verified.touched())
        {
            self.context.notify(ServerNotification::Warning(WarningNotification {
                message,
                thread_id: Some(self.context.thread.id().to_owned()),
            }));
        }
    }

    async fn in_sandbox(&self, plan: &ExecPlan, confinement: &Confinement) -> Written {
        // Its output is the tool's, not the item's, so the client is told of none of it.
        let output = Arc::new(ItemOutput::silent(Arc::clone(self.context)));
        let session = match Session::start(plan, confinement, &output) {
            Ok(session) => session,
            Err(error) => return Written { error: Some(error.to_string()), is_denied: false },
        };
        let at_work = async {
            if matches!(plan.stdio, Stdio::MergedWithStdin) {
                // A helper that ends early has said why.
                let _ = session.write(self.body.as_bytes()).await;
                session.close_input().await;
            }
            session.wait(None).await
        };
        let ended = tokio::select! {
            ended = at_work => ended,
            () = tokio::time::sleep(TIMEOUT) => None,
            () = self.context.cancel.cancelled() => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => session.kill().await,
        };
        let text = session.take_output().0;
        match ended {
            Ended::Code(0) => Written { error: None, is_denied: false },
            Ended::NoSandbox(reason) => {
                let error = super::command::no_sandbox(&reason);
                Written { error: Some(error), is_denied: false }
            }
            ended => {
                let text = super::command::with_reason(&ended, &text);
                let is_denied = match &ended {
                    Ended::Violation(_) => true,
                    ended => looks_denied(ended.exit_code(), &text),
                };
                Written { error: Some(text), is_denied }
            }
        }
    }

    async fn here(&self) -> Written {
        let verified = Arc::clone(&self.verified);
        let committed = tokio::task::spawn_blocking(move || verified.commit(None)).await;
        let error = match committed {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        Written { error, is_denied: false }
    }
}

impl Executor for Writer<'_> {
    type Attempt = Written;

    async fn ask(&mut self, _plan: &ExecPlan, question: ApprovalQuestion) -> Result<(), Refusal> {
        match ask_about_patch(self.context, &self.call.id, question.reason).await {
            PatchAnswer::Accept => Ok(()),
            PatchAnswer::AcceptForSession => {
                self.context.thread.approvals.add_files(&self.verified.touched());
                Ok(())
            }
            PatchAnswer::Decline => Err(Refusal::Declined),
            PatchAnswer::Cancel => Err(Refusal::Cancelled),
            PatchAnswer::Failed => Err(Refusal::Failed),
            PatchAnswer::Withdrawn => Err(Refusal::Withdrawn),
        }
    }

    async fn attempt(&mut self, plan: &ExecPlan, confinement: &Confinement) -> Written {
        let diff = &self.context.diff;
        diff.lock().unwrap_or_else(PoisonError::into_inner).about_to_change(&self.verified);
        match confinement {
            Confinement::Sandboxed(_) => self.in_sandbox(plan, confinement).await,
            Confinement::Direct => self.here().await,
        }
    }
}

fn wire_change(change: ItemChange) -> FileUpdateChange {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    FileUpdateChange {
        diff: change.diff,
        kind: match change.kind {
            ItemChangeKind::Add => PatchChangeKind::Add,
            ItemChangeKind::Delete => PatchChangeKind::Delete,
            ItemChangeKind::Update { move_path } => {
                PatchChangeKind::Update { move_path: move_path.map(text) }
            }
        },
        path: text(change.path),
    }
}
