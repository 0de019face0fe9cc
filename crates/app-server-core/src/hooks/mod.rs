//! Hooks: commands of the user's own that run at points of a turn, may forbid what is about to happen, change it, or add
//! something for the model to read (agent-loop specification 17). Which there are and which may run is known from the
//! configuration; this runs them. A thread without hooks pays one look at an empty list.

mod answer;
mod events;
mod list;
mod run;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app_server_config::{Config, Hook, HookEvent, HookTrust, Hooks};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::thread::{Settings, ThreadShared};
use crate::turn::TurnContext;

pub(crate) use answer::Permission;
pub(crate) use events::{
    ToolUse, after_compaction, after_tool, before_approval, before_compaction, before_end, before_input,
    before_tool, has_any, thread_ends, turn_interrupted,
};
pub use list::list;

/// How long the end of a session waits for hooks nobody else waits for to be gone; they are killed then.
const LEFT_WITHIN: Duration = Duration::from_secs(1);

/// Keeps the hooks of a session that nobody waits for.
#[derive(Default)]
pub(crate) struct HookRunner {
    tasks: TaskTracker,
    ends: CancellationToken,
}

impl HookRunner {
    /// Ends what runs on. Nothing is started afterwards.
    pub(crate) async fn end(&self) {
        self.tasks.close();
        if tokio::time::timeout(LEFT_WITHIN, self.tasks.wait()).await.is_err() {
            self.ends.cancel();
            self.tasks.wait().await;
        }
    }
}

/// The hooks of a loaded thread, as they were when it was loaded.
pub(crate) struct ThreadHooks {
    found: Arc<Hooks>,
    /// Whether the thread has had its first turn.
    has_begun: AtomicBool,
    /// Whether that turn goes on with what was stored.
    is_resumed: bool,
}

impl ThreadHooks {
    pub(crate) fn of(config: &Config, cwd: &Path, is_resumed: bool) -> Self {
        let found = Arc::new(Hooks::of(config, cwd));
        ThreadHooks { found, has_begun: AtomicBool::new(false), is_resumed }
    }

    /// What the user should know of them, if anything.
    pub(crate) fn notice(&self) -> Option<String> {
        let mut lines = self.found.warnings.clone();
        lines.extend(
            self.found.errors.iter().map(|error| format!("{}: {}", error.path.display(), error.message)),
        );
        let waits =
            |hook: &&Hook| hook.enabled && matches!(hook.trust, HookTrust::Untrusted | HookTrust::Modified);
        match self.found.hooks.iter().filter(waits).count() {
            0 => {}
            1 => lines.push("1 hook waits for review and is not run.".to_owned()),
            count => lines.push(format!("{count} hooks wait for review and are not run.")),
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// The hooks to run.
    fn matching(&self, event: HookEvent, names: &[&str]) -> Vec<usize> {
        let hooks = self.found.hooks.iter().enumerate();
        let is_meant = |hook: &Hook| hook.event == event && hook.may_run() && hook.matches(names);
        hooks.filter(|(_, hook)| is_meant(hook)).map(|(index, _)| index).collect()
    }
}

/// What hooks have had to say in a turn.
#[derive(Default)]
pub(crate) struct TurnHooks {
    /// Whether the turn has taken any input.
    pub(crate) has_input: AtomicBool,
    /// Why the turn is to end, if a hook wants that.
    stopped: Mutex<Option<String>>,
    /// How often a hook has kept the turn from ending.
    kept_on: AtomicUsize,
}

impl TurnHooks {
    /// Whether a hook wants the turn to end after what runs now.
    pub(crate) fn wants_end(&self) -> bool {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn end_turn(&self, reason: String) {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }

    fn keep_on(&self) -> usize {
        self.kept_on.fetch_add(1, Ordering::Relaxed)
    }

    fn kept_on(&self) -> usize {
        self.kept_on.load(Ordering::Relaxed)
    }
}

/// Where hooks are run: in a thread, and mostly in a turn of it.
#[derive(Clone)]
struct Scene {
    thread: Arc<ThreadShared>,
    settings: Settings,
    turn_id: Option<String>,
    /// Ends hooks that are waited for.
    cancel: CancellationToken,
}

impl Scene {
    fn of_turn(context: &TurnContext) -> Self {
        Scene {
            thread: Arc::clone(&context.thread),
            settings: context.settings.clone(),
            turn_id: Some(context.turn_id.clone()),
            cancel: context.cancel.clone(),
        }
    }
}

/// One occasion for hooks.
struct Occasion<'a> {
    event: HookEvent,
    /// What matchers are compared with.
    names: &'a [&'a str],
    /// What hooks are told besides what all are told.
    input: Value,
    /// Tells apart the runs of one hook within a turn.
    suffix: Option<&'a str>,
}
