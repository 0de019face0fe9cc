//! The user's `notify` program: run after a turn of the model that has completed, with what came of it as its last
//! argument (agent-loop specification 17). What it says is read by nobody.

use std::sync::Arc;
use std::time::Duration;

use app_server_config::child_environment;
use app_server_protocol::v2::{ThreadItem, ThreadItemKind};
use app_server_sandbox::Process;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::exec::{self, ExecPlan};
use crate::services::Services;
use crate::turn::{TurnContext, TurnEnd, TurnOutcome};

/// Programs at work at once; further ones wait.
const AT_ONCE: usize = 4;
/// Programs at work or waiting. A program that never ends must not make a queue that does not, either.
const AT_MOST: usize = 64;
/// How long the end of the session waits for them.
const WITHIN: Duration = Duration::from_secs(1);
/// How long it waits for those it has killed then.
const DYING: Duration = Duration::from_millis(500);
/// Read at once of what is thrown away.
const CHUNK_BYTES: usize = 16 * 1024;
/// Bytes of the messages in the argument, and of its last one. The system takes no argument of more than 128 KiB.
const MAX_MESSAGES_BYTES: usize = 64 * 1024;
const MAX_MESSAGE_BYTES: usize = 32 * 1024;

/// The programs of a session.
pub(crate) struct Notifier {
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    ended: CancellationToken,
}

impl Default for Notifier {
    fn default() -> Self {
        Notifier {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            tasks: TaskTracker::new(),
            ended: CancellationToken::new(),
        }
    }
}

impl Notifier {
    /// Waits a little for the programs that are at work, then ends them.
    pub(crate) async fn end(&self) {
        self.tasks.close();
        if tokio::time::timeout(WITHIN, self.tasks.wait()).await.is_err() {
            self.ended.cancel();
            // What is not gone by then dies with this process.
            let _ = tokio::time::timeout(DYING, self.tasks.wait()).await;
        }
    }
}

/// Runs the program of the turn's configuration, if there is one, without waiting for it. Turns that nobody asked the
/// model for, reviews and those of agents are not told of, nor are turns that did not complete.
pub(crate) fn turn_ended(context: &TurnContext, outcome: &TurnOutcome) {
    let settings = &context.settings;
    let Some(program) = settings.config.notify.as_ref().filter(|program| !program.is_empty()) else { return };
    let is_told = matches!(outcome.end, TurnEnd::Completed)
        && context.not_steerable.is_none()
        && context.agent.is_none();
    if !is_told {
        return;
    }
    let services = &context.thread.services;
    let notifier = &services.notifier;
    if notifier.tasks.len() >= AT_MOST {
        return tracing::warn!(turn = %context.turn_id, "the notify program is not run: too many are at work");
    }
    let mut argv = program.clone();
    argv.push(argument(context, outcome.last_message.as_ref()));
    let environment = services.config.environment();
    let env = child_environment(&settings.config, environment, &[("CODEX_THREAD_ID", context.thread.id())]);
    let plan = ExecPlan::users_own(argv, &settings.cwd, env);
    let (services, places, ended) =
        (Arc::clone(services), Arc::clone(&notifier.places), notifier.ended.clone());
    notifier.tasks.spawn(async move {
        let place = tokio::select! {
            place = places.acquire_owned() => place,
            () = ended.cancelled() => return,
        };
        let Some(mut process) = start(&services, &plan) else { return };
        tokio::select! {
            () = output_over(&mut process) => {}
            () = ended.cancelled() => process.kill(),
        }
        drop(place);
        // What it has left in the background is the user's, too, as long as the session lasts.
        tokio::select! {
            () = process.empty() => {}
            () = ended.cancelled() => {
                process.kill();
                process.gone().await;
            }
        }
    });
}

fn start(services: &Services, plan: &ExecPlan) -> Option<Process> {
    exec::start(&services.launcher, plan, &plan.confinement)
        .inspect_err(|error| tracing::warn!(%error, "the notify program cannot be started"))
        .ok()
}

/// Reads and forgets what the program says, until it has ended.
async fn output_over(process: &mut Process) {
    use app_server_sandbox::Exit;

    let output = process.stdout.take();
    let said = async {
        let Some(mut output) = output else { return };
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        while output.read(&mut chunk, CHUNK_BYTES).await.is_ok_and(|read| read > 0) {
            chunk.clear();
        }
    };
    let exit = tokio::select! {
        // The output lasts as long as anybody holds it, which may be longer.
        exit = process.wait() => exit,
        () = async { said.await; std::future::pending().await } => return,
    };
    if exit != Exit::Code(0) {
        tracing::warn!(?exit, "the notify program has failed");
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Payload<'a> {
    r#type: &'static str,
    thread_id: &'a str,
    turn_id: &'a str,
    cwd: std::borrow::Cow<'a, str>,
    /// Who is connected.
    client: &'a str,
    input_messages: &'a [String],
    last_assistant_message: Option<&'a str>,
}

/// What came of the turn, as one line of JSON.
fn argument(context: &TurnContext, last_message: Option<&ThreadItem>) -> String {
    let messages = newest(&context.conversation.lock().history.user_texts());
    let last_message = last_message.and_then(|item| match &item.kind {
        ThreadItemKind::AgentMessage { text, .. } => Some(cut(text)),
        _ => None,
    });
    let services = &context.thread.services;
    let payload = Payload {
        r#type: "agent-turn-complete",
        thread_id: context.thread.id(),
        turn_id: &context.turn_id,
        cwd: context.settings.cwd.to_string_lossy(),
        client: &services.client.originator,
        input_messages: &messages,
        last_assistant_message: last_message,
    };
    let json = serde_json::to_string(&payload).unwrap_or_default();
    services.secrets().mask(&json).into_owned()
}

/// The last messages that the argument has room for.
fn newest(messages: &[String]) -> Vec<String> {
    let mut left = MAX_MESSAGES_BYTES;
    let mut kept: Vec<String> = messages
        .iter()
        .rev()
        .map(|message| cut(message))
        .take_while(|message| {
            let bytes = json_bytes(message);
            let fits = bytes <= left;
            left = left.saturating_sub(bytes);
            fits
        })
        .map(str::to_owned)
        .collect();
    kept.reverse();
    kept
}

/// The beginning of a text that is not too long as JSON.
fn cut(text: &str) -> &str {
    let mut end = text.floor_char_boundary(MAX_MESSAGE_BYTES);
    while json_bytes(&text[..end]) > MAX_MESSAGE_BYTES {
        end = text.floor_char_boundary(end - end.div_ceil(8));
    }
    &text[..end]
}

fn json_bytes(text: &str) -> usize {
    serde_json::to_string(text).map_or(usize::MAX, |json| json.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_has_room_in_an_argument() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(""), "");
        let newlines = "\n\u{1}".repeat(60_000);
        assert!(json_bytes(cut(&newlines)) <= MAX_MESSAGE_BYTES);
        assert!(json_bytes(cut(&"ö".repeat(60_000))) <= MAX_MESSAGE_BYTES);
        let many: Vec<String> = (0..50).map(|n| format!("{n} {}", "x".repeat(4_000))).collect();
        let kept = newest(&many);
        assert_eq!(kept.last(), many.last());
        assert!(kept.len() > 10 && kept.iter().map(String::len).sum::<usize>() < MAX_MESSAGES_BYTES);
        assert_eq!(newest(&["x".repeat(200_000)]).len(), 1);
    }
}
