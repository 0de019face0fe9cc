//! Hooks: commands of the user's that run at certain points of a turn. This finds their definitions, names each and says
//! whether it may run; running them is not done here.
//!
//! The key of a hook, its hash and the place of the answers, `hooks.state."<key>"` with `trusted_hash` and `enabled`, are
//! those observed of 0.169, so that what was trusted there is trusted here. Beyond that, the hash of a hook whose command
//! names files of the project covers these as well.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::layers::{Layer, LayerSource, digest, to_json};
use crate::roots;
use crate::settings::Config;

/// The file of hooks beside a configuration.
const HOOKS_FILE: &str = "hooks.json";
/// How long a hook may take that names no time.
const DEFAULT_TIMEOUT_S: u64 = 600;
/// The same at the end of a thread or turn, which should not be held up.
const DEFAULT_LAST_TIMEOUT_S: u64 = 1;
/// A script larger than this is not looked at, so that its hook cannot be trusted.
const MAX_SCRIPT_BYTES: u64 = 8 * 1024 * 1024;

/// Defines the points at which hooks run, in the order of lists: name in files, name in keys.
macro_rules! events {
    ($($(#[$meta:meta])* $event:ident = $key:literal, $has_matcher:literal;)*) => {
        /// When a hook runs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum HookEvent {
            $($(#[$meta])* $event,)*
        }

        impl HookEvent {
            /// Every event, in the order of lists.
            pub const ALL: &[Self] = &[$(Self::$event,)*];

            /// Returns the name in files and in what a hook is told.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$event => stringify!($event),)*
                }
            }

            /// Returns the name in keys.
            pub const fn key(self) -> &'static str {
                match self {
                    $(Self::$event => $key,)*
                }
            }

            /// Returns whether hooks may be limited to tools, triggers or the like.
            const fn has_matcher(self) -> bool {
                match self {
                    $(Self::$event => $has_matcher,)*
                }
            }
        }
    };
}

events! {
    /// Before a request to the model. Not run by this program.
    PreModelRequest = "pre_model_request", false;
    /// After a response of the model. Not run by this program.
    PostModelRequest = "post_model_request", false;
    /// Before a tool is called.
    PreToolUse = "pre_tool_use", true;
    /// Before the client is asked for an approval.
    PermissionRequest = "permission_request", true;
    /// After a tool was called.
    PostToolUse = "post_tool_use", true;
    /// Before the history is compacted.
    PreCompact = "pre_compact", true;
    /// After the history was compacted.
    PostCompact = "post_compact", true;
    /// With the first turn of a loaded thread.
    SessionStart = "session_start", true;
    /// When a thread is unloaded.
    SessionEnd = "session_end", true;
    /// Before the model is told what the user wrote.
    UserPromptSubmit = "user_prompt_submit", false;
    /// When an agent begins.
    SubagentStart = "subagent_start", true;
    /// When an agent has done what it was asked.
    SubagentStop = "subagent_stop", true;
    /// When the model asks for nothing more.
    Stop = "stop", false;
    /// When a turn was interrupted.
    Interrupt = "interrupt", false;
}

impl HookEvent {
    /// Returns whether hooks of this event are run; others are only listed.
    pub const fn is_run(self) -> bool {
        !matches!(self, Self::PreModelRequest | Self::PostModelRequest)
    }
}

/// What a hook does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookAction {
    /// Runs a line in a shell.
    Command {
        /// The line.
        command: String,
        /// Nobody waits for it.
        is_async: bool,
    },
    /// Calls a tool of an MCP server; listed, not run.
    McpTool {
        /// The server's name.
        server: String,
        /// The tool's name.
        tool: String,
    },
}

/// Whether a hook may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookTrust {
    /// An administrator set it.
    Managed,
    /// Nobody has said so.
    Untrusted,
    /// The user has, of this very hook.
    Trusted,
    /// The user has, of what it was before.
    Modified,
}

/// One configured hook.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Names it: `<source path>:<event>:<group>:<index>`.
    pub key: String,
    /// When it runs.
    pub event: HookEvent,
    /// As written; `None` means always.
    pub matcher: Option<String>,
    /// What it does.
    pub action: HookAction,
    /// How long it may take, in seconds.
    pub timeout_s: u64,
    /// To be shown while it runs.
    pub status_message: Option<String>,
    /// How many tokens it may add for the model.
    pub additional_context_limit: Option<usize>,
    /// The layer it comes from.
    pub source: LayerSource,
    /// The file it stands in.
    pub source_path: PathBuf,
    /// Its position among all.
    pub display_order: i64,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Of its definition and of what it runs of the project.
    pub current_hash: String,
    /// Whether it may run.
    pub trust: HookTrust,
    pattern: Option<regex_lite::Regex>,
    /// What of the definition is part of the hash.
    definition: Value,
}

impl Hook {
    /// Returns whether the hook is for one of these names: of a tool and its other names, of a trigger, a source.
    pub fn matches(&self, names: &[&str]) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| names.iter().any(|name| pattern.is_match(name)))
    }

    /// Returns whether the hook may run: it is switched on, trusted, and something this program runs.
    pub fn may_run(&self) -> bool {
        let is_allowed = matches!(self.trust, HookTrust::Managed | HookTrust::Trusted);
        self.enabled && is_allowed && self.event.is_run() && matches!(self.action, HookAction::Command { .. })
    }

    /// Returns whether what the hook would run in a folder is still what is trusted. Files of the project may have changed
    /// since the hooks were read, by the model's own doing.
    pub fn is_unchanged(&self, place: &HookPlace<'_>) -> bool {
        self.trust == HookTrust::Managed || hash(&self.definition, &self.action, place) == self.current_hash
    }
}

/// Where hooks run: what a relative path in their commands means.
#[derive(Debug, Clone, Copy)]
pub struct HookPlace<'a> {
    /// The working directory.
    pub cwd: &'a Path,
    /// The root of the project it is in.
    pub root: &'a Path,
    /// The user's own folder, which is no project's.
    pub codex_home: &'a Path,
}

impl<'a> HookPlace<'a> {
    /// Finds the project a folder is in.
    pub fn of(config: &'a Config, cwd: &'a Path) -> Self {
        Self {
            cwd,
            root: roots::project_root(cwd, &config.project_root_markers),
            codex_home: &config.codex_home,
        }
    }
}

/// Something about a file of hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub message: String,
}

/// The hooks of a configuration.
#[derive(Debug, Clone, Default)]
pub struct Hooks {
    /// In the order they are shown and begun.
    pub hooks: Vec<Hook>,
    /// What is not run, and why.
    pub warnings: Vec<String>,
    /// What could not be read.
    pub errors: Vec<HookError>,
}

impl Hooks {
    /// Finds the hooks in force in a folder: those of every layer that counts, from files of configuration and `hooks.json`
    /// beside them, lowest precedence first. Reads these files.
    pub fn of(config: &Config, cwd: &Path) -> Self {
        let place = HookPlace::of(config, cwd);
        let mut found = Self::default();
        let mut sources = Vec::new();
        for layer in config.layers.iter().filter(|layer| layer.is_enabled()) {
            sources.extend(found.sources_of(layer, config));
        }
        if sources.is_empty() {
            return found;
        }
        let user = config.layers.user().map(|layer| table_of(layer, "hooks"));
        let state = user.as_ref().and_then(|hooks| hooks.get("state")).cloned().unwrap_or(Value::Null);
        let is_on = config.features.enabled("hooks");
        for source in &sources {
            for event in HookEvent::ALL {
                let groups = match source.events.get(event.name()) {
                    None | Some(Value::Null) => continue,
                    Some(Value::Array(groups)) => groups,
                    Some(_) => {
                        found.error(source, format!("hooks.{}: not a list", event.name()));
                        continue;
                    }
                };
                for (number, group) in groups.iter().enumerate() {
                    found.read_group(source, *event, number, group);
                }
            }
        }
        for (order, hook) in found.hooks.iter_mut().enumerate() {
            hook.display_order = i64::try_from(order).unwrap_or(i64::MAX);
            hook.current_hash = hash(&hook.definition, &hook.action, &place);
            let answer = state.get(&hook.key);
            let trusted = answer.and_then(|answer| answer.get("trusted_hash")).and_then(Value::as_str);
            hook.trust = match (&hook.source, trusted) {
                (LayerSource::LegacyManaged { .. }, _) => HookTrust::Managed,
                (_, None) => HookTrust::Untrusted,
                (_, Some(trusted)) if trusted == hook.current_hash => HookTrust::Trusted,
                (_, Some(_)) => HookTrust::Modified,
            };
            let switch = answer.and_then(|answer| answer.get("enabled")).and_then(Value::as_bool);
            hook.enabled = is_on && switch != Some(false);
        }
        found
    }

    /// The tables of events of one layer, with the file each stands in.
    fn sources_of(&mut self, layer: &Layer, config: &Config) -> Vec<Source> {
        let mut sources = Vec::new();
        let folder = match &layer.source {
            LayerSource::System { file } | LayerSource::User { file, profile: None } => file.parent(),
            LayerSource::Project { dot_codex_folder } => Some(dot_codex_folder.as_path()),
            LayerSource::User { profile: Some(_), .. }
            | LayerSource::SessionFlags
            | LayerSource::LegacyManaged { .. } => None,
        };
        if let Some(folder) = folder {
            let path = folder.join(HOOKS_FILE);
            match read_file(&path) {
                Ok(Some(events)) => sources.push(Source { source: layer.source.clone(), path, events }),
                Ok(None) => {}
                Err(message) => self.errors.push(HookError { path, message }),
            }
        }
        let events = table_of(layer, "hooks");
        if events.as_object().is_some_and(|events| events.keys().any(|name| name != "state")) {
            // Flags stand in no file; the name only tells them apart.
            let path = layer.source.file().unwrap_or_else(|| config.codex_home.join("<flags>"));
            if let Some(other) = sources.first() {
                self.warnings.push(format!(
                    "hooks are read from both {} and {}; keep those of one folder in one file",
                    other.path.display(),
                    path.display()
                ));
            }
            sources.push(Source { source: layer.source.clone(), path, events });
        }
        sources
    }

    fn read_group(&mut self, source: &Source, event: HookEvent, number: usize, group: &Value) {
        let place = format!("hooks.{}[{number}]", event.name());
        let Some(hooks) = group.get("hooks").and_then(Value::as_array) else {
            return self.error(source, format!("{place}: `hooks` is not a list"));
        };
        let matcher = match group.get("matcher") {
            None | Some(Value::Null) => None,
            Some(Value::String(matcher)) => Some(matcher.as_str()),
            Some(_) => return self.error(source, format!("{place}: `matcher` is not a text")),
        };
        let matcher = matcher.filter(|_| event.has_matcher());
        let pattern = match matcher {
            None | Some("" | "*") => None,
            Some(matcher) => match regex_lite::Regex::new(&format!("^(?:{matcher})$")) {
                Ok(pattern) => Some(pattern),
                Err(error) => {
                    let path = source.path.display();
                    return self.warnings.push(format!("invalid matcher \"{matcher}\" in {path}: {error}"));
                }
            },
        };
        for (index, definition) in hooks.iter().enumerate() {
            let Some((action, hashed)) =
                self.read_action(source, &format!("{place}.hooks[{index}]"), definition)
            else {
                continue;
            };
            let text = |name: &str| definition.get(name).and_then(Value::as_str).map(str::to_owned);
            let seconds =
                definition.get("timeout").or_else(|| definition.get("timeoutSec")).and_then(Value::as_u64);
            let is_last = matches!(event, HookEvent::SessionEnd | HookEvent::Interrupt);
            let default = if is_last { DEFAULT_LAST_TIMEOUT_S } else { DEFAULT_TIMEOUT_S };
            let timeout_s = seconds.unwrap_or(default).max(1);
            let limit = definition.get("additionalContextLimit").and_then(Value::as_u64);
            let hook = Hook {
                key: format!("{}:{}:{number}:{index}", source.path.display(), event.key()),
                event,
                matcher: matcher.map(str::to_owned),
                definition: hashable(event, matcher, &hashed, timeout_s, text("statusMessage").as_deref()),
                action,
                timeout_s,
                status_message: text("statusMessage"),
                additional_context_limit: limit.and_then(|limit| usize::try_from(limit).ok()),
                source: source.source.clone(),
                source_path: source.path.clone(),
                display_order: 0,
                enabled: true,
                current_hash: String::new(),
                trust: HookTrust::Untrusted,
                pattern: pattern.clone(),
            };
            self.hooks.push(hook);
        }
    }

    /// Reads what a hook does, and what of it is part of the hash.
    fn read_action(
        &mut self,
        source: &Source,
        place: &str,
        definition: &Value,
    ) -> Option<(HookAction, Value)> {
        let text = |name: &str| definition.get(name).and_then(Value::as_str);
        let path = source.path.display();
        match text("type") {
            Some("command") => {
                let Some(command) = text("command").filter(|command| !command.trim().is_empty()) else {
                    self.warnings.push(format!("a hook without a command is left out: {place} in {path}"));
                    return None;
                };
                let is_async = definition.get("async").and_then(Value::as_bool).unwrap_or(false);
                let hashed = json!({"type": "command", "command": command, "async": is_async});
                Some((HookAction::Command { command: command.to_owned(), is_async }, hashed))
            }
            Some("mcp_tool" | "mcpTool") => {
                let (Some(server), Some(tool)) = (text("server"), text("tool")) else {
                    self.error(source, format!("{place}: `server` and `tool` are needed"));
                    return None;
                };
                self.warnings
                    .push(format!("hooks that call tools are listed and not run: {place} in {path}"));
                let action = HookAction::McpTool { server: server.to_owned(), tool: tool.to_owned() };
                Some((action, json!({"type": "mcp_tool", "server": server, "tool": tool})))
            }
            Some(kind @ ("prompt" | "agent")) => {
                self.warnings.push(format!("hooks of type `{kind}` are not supported: {place} in {path}"));
                None
            }
            kind => {
                let kind = kind.unwrap_or_default();
                self.error(
                    source,
                    format!("{place}: unknown type `{kind}`; known are command, mcp_tool, prompt, agent"),
                );
                None
            }
        }
    }

    fn error(&mut self, source: &Source, message: String) {
        self.errors.push(HookError { path: source.path.clone(), message });
    }
}

/// A table of events and the file it stands in.
struct Source {
    source: LayerSource,
    path: PathBuf,
    events: Value,
}

fn table_of(layer: &Layer, key: &str) -> Value {
    layer.table.get(key).map_or(Value::Null, to_json)
}

/// Reads a `hooks.json`; `None` when there is none.
fn read_file(path: &Path) -> Result<Option<Value>, String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let file: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    match file.get("hooks") {
        Some(events) if events.is_object() => Ok(Some(events.clone())),
        _ => Err("`hooks` is not an object of events".to_owned()),
    }
}

/// The definition as it is hashed: what is not said is said with its default.
fn hashable(
    event: HookEvent,
    matcher: Option<&str>,
    action: &Value,
    timeout_s: u64,
    status_message: Option<&str>,
) -> Value {
    let mut handler = action.clone();
    if let Some(handler) = handler.as_object_mut() {
        handler.insert("timeout".to_owned(), timeout_s.into());
        if let Some(message) = status_message {
            handler.insert("statusMessage".to_owned(), message.into());
        }
    }
    let mut definition = json!({"event_name": event.key(), "hooks": [handler]});
    if let (Some(matcher), Some(definition)) = (matcher, definition.as_object_mut()) {
        definition.insert("matcher".to_owned(), matcher.into());
    }
    definition
}

/// Hashes a definition as compact JSON with sorted keys, with the hashes of the project's files its command names.
fn hash(definition: &Value, action: &HookAction, place: &HookPlace<'_>) -> String {
    let mut hashed = definition.clone();
    if let HookAction::Command { command, .. } = action
        && let Some(hashed) = hashed.as_object_mut()
    {
        let files = scripts(command, place);
        if !files.is_empty() {
            hashed.insert("files".to_owned(), json!(files));
        }
    }
    hashed.sort_all_objects();
    digest(hashed.to_string().as_bytes())
}

/// The files of the project that a command names, by path below its root, with the hash of each.
fn scripts(command: &str, place: &HookPlace<'_>) -> BTreeMap<String, String> {
    let is_between = |c: char| c.is_whitespace() || "\"';&|()<>=`$,".contains(c);
    let Ok(root) = place.root.canonicalize() else { return BTreeMap::new() };
    let own = place.codex_home.canonicalize().ok();
    let mut files = BTreeMap::new();
    for word in command.split(is_between).filter(|word| !word.is_empty()) {
        let Ok(path) = place.cwd.join(word).canonicalize() else { continue };
        let is_own = own.as_ref().is_some_and(|own| path.starts_with(own));
        let Ok(below) = path.strip_prefix(&root) else { continue };
        if !is_own && path.is_file() {
            files.insert(below.to_string_lossy().into_owned(), file_hash(&path));
        }
    }
    files
}

/// The hash of a file; of one that cannot be read as a whole, what changes when it does.
fn file_hash(path: &Path) -> String {
    let Ok(metadata) = fs::metadata(path) else { return String::new() };
    match (metadata.len() <= MAX_SCRIPT_BYTES).then(|| fs::read(path)) {
        Some(Ok(content)) => digest(&content),
        _ => format!("{} bytes of {:?}", metadata.len(), metadata.modified().ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn definition(event: HookEvent, matcher: Option<&str>, command: &str, is_async: bool) -> Value {
        let action = json!({"type": "command", "command": command, "async": is_async});
        hashable(event, matcher, &action, 600, None)
    }

    fn hash_of(definition: &Value, command: &str, place: &HookPlace<'_>) -> String {
        hash(definition, &HookAction::Command { command: command.to_owned(), is_async: false }, place)
    }

    /// The hashes 0.169 showed for the same definitions.
    #[test]
    fn hashes_are_those_of_the_reference() {
        let dir = tempfile::tempdir().unwrap();
        let place = HookPlace { cwd: dir.path(), root: dir.path(), codex_home: Path::new("/absent") };
        for (event, matcher, command, is_async, expected) in [
            (
                HookEvent::SessionStart,
                None,
                "echo hi",
                false,
                "a245b9b8493f2be82aea06c373ef42709b417c1b701a54e5ab76ab728777f4ad",
            ),
            (
                HookEvent::PreToolUse,
                Some("Bash"),
                "true",
                true,
                "f7ff3beb8a77cf8e805d0c33d0405c2deec20da48912c674bd618c2fab619162",
            ),
            (
                HookEvent::PostToolUse,
                Some("Edit"),
                "./x.sh",
                false,
                "621c816411c4c98d4a97b381a5d71c4ede8266a2308f128ab63cf8769205f3fc",
            ),
        ] {
            let definition = definition(event, matcher, command, is_async);
            assert_eq!(hash_of(&definition, command, &place), format!("sha256:{expected}"));
        }
    }

    #[test]
    fn what_a_hook_runs_of_the_project_is_part_of_its_hash() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("project");
        let home = root.join("home");
        fs::create_dir_all(&home).unwrap();
        let place = HookPlace { cwd: &root, root: &root, codex_home: &home };
        let hash = |command: &str| {
            let definition = definition(HookEvent::Stop, None, command, false);
            hash_of(&definition, command, &place)
        };
        for command in
            ["./check.sh", "bash check.sh --all", "cd . && \"./check.sh\"", "X=1 sh -c './check.sh;true'"]
        {
            fs::remove_file(root.join("check.sh")).ok();
            let without = hash(command);
            fs::write(root.join("check.sh"), "one").unwrap();
            let with = hash(command);
            fs::write(root.join("check.sh"), "two").unwrap();
            assert!(without != with && with != hash(command), "{command}");
        }
        // What lies elsewhere, and what is the user's own, is as it is.
        for path in [dir.path().join("outside.sh"), home.join("own.sh")] {
            let command = path.to_string_lossy().into_owned();
            let without = hash(&command);
            fs::write(&path, "one").unwrap();
            assert_eq!(without, hash(&command), "{command}");
        }
    }
}
