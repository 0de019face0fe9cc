//! What the tests of commands, patches and tools share: answers that call a tool, and readers of what came of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use app_server_test_support::{
    Answer, BlockingMockModel, RecordedRequest, TestServer, events, running_session, tool_output,
};
use serde_json::{Value, json};

use crate::Scene;

/// How long what must happen may take on a loaded machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A model that has the patch tool and may make calls in parallel.
pub(crate) const CODEX_MODEL: &str = "gpt-5.2-codex";

/// A response that calls a function tool, `call_1`.
pub(crate) fn call(name: &str, arguments: &Value) -> Answer {
    Answer::response([events::function_call("call_1", name, arguments)])
}

/// A response that calls the freeform patch tool, `call_1`.
pub(crate) fn patch(input: &str) -> Answer {
    Answer::response([events::custom_tool_call("call_1", "apply_patch", input)])
}

/// A response that runs a script with the user's shell, `call_1`.
pub(crate) fn shell(script: &str) -> Answer {
    call("shell_command", &json!({"command": script}))
}

impl Scene {
    /// The model makes one call and then says `done`.
    pub(crate) fn calling(answer: Answer) -> Self {
        Self::new([answer, Answer::message("done")])
    }

    /// Leaves the temporary folder, where the homes of the tests are, out of the workspace.
    pub(crate) fn confined(self) -> Self {
        let table = "[sandbox_workspace_write]\nexclude_slash_tmp = true\nexclude_tmpdir_env_var = true\n";
        self.home.write_mock_config(&self.model.base_url(), table).unwrap();
        self
    }

    /// The model answers with what each step makes of its request, then with `done`.
    pub(crate) fn stepwise<const STEPS: usize>(steps: [fn(&RecordedRequest) -> Answer; STEPS]) -> Self {
        let next = AtomicUsize::new(0);
        Self::with_model(BlockingMockModel::start_with(move |request| {
            let step = steps.get(next.fetch_add(1, Ordering::Relaxed));
            step.map_or_else(|| Answer::message("done"), |step| step(request))
        }))
    }

    /// Starts a thread in the project folder with these settings beside.
    pub(crate) fn thread_with(&self, server: &mut TestServer, mut params: Value) -> String {
        params["cwd"] = json!(self.home.work());
        server.start_thread_with(params)
    }

    /// Starts a thread, with a model that has the patch tool, that asks before everything that is not known to be safe.
    pub(crate) fn asking_thread(&self, server: &mut TestServer) -> String {
        let params =
            json!({"model": CODEX_MODEL, "approvalPolicy": "untrusted", "sandbox": "danger-full-access"});
        self.thread_with(server, params)
    }

    /// Returns what the model was told of `call_1`, in the second request.
    pub(crate) fn told(&self) -> String {
        self.told_of("call_1", 1)
    }

    /// Returns what the model was told of a call, in a request counted from 0.
    pub(crate) fn told_of(&self, call_id: &str, request: usize) -> String {
        let request = self.model.requests_seen(request + 1).remove(request);
        text_of(tool_output(&request.body, call_id))
    }
}

/// Returns an output as text; that of several parts as JSON.
pub(crate) fn text_of(output: &Value) -> String {
    output.as_str().map_or_else(|| output.to_string(), str::to_owned)
}

/// Writes to the session that the request tells of; `call_2`.
pub(crate) fn write_to_session(request: &RecordedRequest, chars: &str) -> Answer {
    // Without a session the call fails, and the test with it.
    let session = running_session(&request.body).unwrap_or(0);
    let arguments = json!({"session_id": session, "chars": chars, "yield_time_ms": 2000});
    Answer::response([events::function_call("call_2", "write_stdin", &arguments)])
}

/// Returns the completed items of a type.
pub(crate) fn completed<'a>(messages: &'a [Value], kind: &str) -> Vec<&'a Value> {
    messages
        .iter()
        .filter(|message| message["method"] == "item/completed")
        .map(|message| &message["params"]["item"])
        .filter(|item| item["type"] == kind)
        .collect()
}

/// Returns the only completed item of a type.
pub(crate) fn only<'a>(messages: &'a [Value], kind: &str) -> &'a Value {
    let items = completed(messages, kind);
    assert_eq!(items.len(), 1, "{items:?}");
    items[0]
}

/// Returns what a command showed while it ran.
pub(crate) fn deltas(messages: &[Value], item_id: &str) -> String {
    messages
        .iter()
        .filter(|message| {
            message["method"] == "item/commandExecution/outputDelta" && message["params"]["itemId"] == item_id
        })
        .map(|message| message["params"]["delta"].as_str().unwrap())
        .collect()
}

/// Replaces the times and ids in an output: `S` seconds, chunk `C`, session `N`.
pub(crate) fn timeless(output: &str) -> String {
    let mut text = output.to_owned();
    for (before, name) in [
        ("Wall time: ", "S"),
        ("Chunk ID: ", "C"),
        ("session ID ", "N"),
        ("\"duration_seconds\":", "S"),
        ("timed out after ", "M"),
    ] {
        let mut from = 0;
        while let Some(start) = text[from..].find(before).map(|at| from + at + before.len()) {
            let is_end = |c: char| !c.is_ascii_hexdigit() && c != '.';
            let end = text[start..].find(is_end).map_or(text.len(), |length| start + length);
            text.replace_range(start..end, name);
            from = start;
        }
    }
    text
}

/// Takes messages until the server asks for approval; the request is the last.
pub(crate) fn until_asked(server: &mut TestServer) -> Value {
    let mut messages = server.until("a request for approval", |message| {
        message["method"].as_str().is_some_and(|method| method.ends_with("/requestApproval"))
    });
    messages.pop().unwrap()
}
