//! `thread/fork`: a new thread with the history of another. The actor of the source finds out what is copied; the actor
//! of the new thread copies it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    ThreadForkParams, ThreadForkResponse, ThreadItemKind, ThreadStartedNotification,
    ThreadTokenUsageUpdatedNotification, Turn, TurnItemsView, TurnStatus,
};
use app_server_rollout::{Batch, Found, RolloutWriter, Scope, SessionMeta, Store, WriterLock};
use jiff::Zoned;
use serde::Serialize;

use crate::clock::now_s;
use crate::error::CoreError;
use crate::host::Reply;
use crate::item::{self, Cut, OpenTurn, Outline, Part, Want};
use crate::services::Services;
use crate::thread::ThreadOp;
use crate::thread::actor::{Actor, blocking};
use crate::thread::loaded::{Loaded, continued_settings, new_meta, preview, share};
use crate::thread::settings::Overrides;
use crate::tools::DynamicTools;
use crate::turn::{Conversation, interrupted_marker};
use crate::turns_text::TurnsText;

/// What the source of a fork knows and the new thread is made of.
#[derive(Debug)]
pub struct Forked {
    /// The source's file.
    path: PathBuf,
    /// What of it is copied.
    part: Part,
    /// The source as its file begins.
    source: SessionMeta,
    /// What was asked for.
    params: Box<ThreadForkParams>,
    /// The source's name.
    name: Option<String>,
}

/// The history of a new thread.
struct Copied {
    stored: item::Loaded,
    preview: String,
    /// `None` for a thread in memory only.
    file: Option<(RolloutWriter, WriterLock)>,
}

impl Actor {
    /// Of the source: finds out what is copied and hands the rest to the actor of the new thread.
    pub(in crate::thread) async fn fork(
        &mut self,
        params: ThreadForkParams,
        reply: Reply<ThreadForkResponse>,
    ) {
        let is_by_path = params.path.is_some();
        match self.forked(params).await {
            // Nothing was asked of a thread, so this actor is that of the new one.
            Ok(forked) if is_by_path => self.begin_fork(forked, reply).await,
            Ok(forked) => {
                let op = ThreadOp::BeginFork(Box::new(forked), reply);
                self.services.host.hand_over(uuid::Uuid::now_v7(), op);
            }
            Err(error) => reply.send(Err(error)),
        }
    }

    /// Of the new thread: becomes the copy.
    pub(in crate::thread) async fn begin_fork(&mut self, forked: Forked, reply: Reply<ThreadForkResponse>) {
        let (loaded, turns) = match self.copy_of(forked).await {
            Ok(made) => made,
            Err(error) => return reply.send(Err(error)),
        };
        let thread = loaded.thread();
        let usage = loaded.usage_on_resume();
        let response = loaded.fork_response();
        self.keep(loaded);
        reply.send_with_turns(Ok((response, turns)));
        let host = &self.services.host;
        if let Some((turn_id, token_usage)) = usage {
            let thread_id = self.id.to_string();
            host.notify(ServerNotification::ThreadTokenUsageUpdated(ThreadTokenUsageUpdatedNotification {
                thread_id,
                token_usage,
                turn_id,
            }));
        }
        host.notify(ServerNotification::ThreadStarted(ThreadStartedNotification { thread }));
        self.start_servers();
    }

    /// Finds out what is copied.
    pub(super) async fn forked(&mut self, mut params: ThreadForkParams) -> Result<Forked, CoreError> {
        if params.last_turn_id.is_some() && params.before_turn_id.is_some() {
            return Err(CoreError::Invalid(
                "only one of lastTurnId and beforeTurnId can be given".to_owned(),
            ));
        }
        let given =
            params.path.take().map(|path| self.services.config.environment().working_dir().join(path));
        let is_given = given.is_some();
        let path = match given {
            Some(path) => path,
            None => self.file_of_source()?,
        };
        let running = self.loaded.as_ref().and_then(|loaded| loaded.running_turn()).map(|turn| turn.id);
        if let Some(last) = params.last_turn_id.as_ref().filter(|last| running.as_ref() == Some(*last)) {
            return Err(CoreError::Invalid(format!("turn is in progress: {last}")));
        }
        let (services, file) = (Arc::clone(&self.services), path.clone());
        let outline = blocking(move || item::outline(&services.store, &file)).await;
        let outline = outline.map_err(|error| match error {
            // A file that the client named is its own mistake.
            CoreError::Internal(text) if is_given => CoreError::Invalid(text),
            error => error,
        })?;
        let cut = match (&params.last_turn_id, &params.before_turn_id) {
            (Some(last), _) => Cut::Behind(last),
            (None, Some(before)) => Cut::Before(before),
            (None, None) => Cut::End,
        };
        let part = Part::of(&outline, cut).or_else(|| match cut {
            // It runs and nothing of it is written yet.
            Cut::Before(before) if running.as_deref() == Some(before) => Part::of(&outline, Cut::End),
            _ => None,
        });
        let part = part.ok_or_else(|| match cut {
            Cut::Behind(id) | Cut::Before(id) => CoreError::Invalid(format!("turn not found: {id}")),
            Cut::End => CoreError::Internal("a thread has no end".to_owned()),
        })?;
        let name = self.services.store.names().get(outline.meta.id)?;
        Ok(Forked { path, part, source: outline.meta, params: Box::new(params), name })
    }

    /// The source's file, with all that was told of it.
    fn file_of_source(&mut self) -> Result<PathBuf, CoreError> {
        let missing = CoreError::NoRollout(self.id.to_string());
        if let Some(loaded) = &mut self.loaded {
            if loaded.is_ephemeral() {
                return Err(missing);
            }
            loaded.shared.conversation.lock().flush();
            // Lines that could not be written are tried again, and now it matters.
            loaded.materialize()?;
            return loaded.stored_path().ok_or(missing);
        }
        match self.find(Scope::Any)? {
            Some(Found { archived: true, .. }) => Err(CoreError::Archived(self.id.to_string())),
            Some(found) => Ok(found.path),
            None => Err(missing),
        }
    }

    /// Makes the copy, and its file if it has one. With its turns, unless they are not wanted.
    pub(super) async fn copy_of(&self, forked: Forked) -> Result<(Box<Loaded>, TurnsText), CoreError> {
        let Forked { path: source_path, part, source, mut params, name } = forked;
        let services = Arc::clone(&self.services);
        let overrides = Overrides::from(&mut *params);
        let keeps_model = !overrides.chooses_model();
        let mut settings = continued_settings(&services, overrides, &source)?;
        let now = Zoned::now();
        let meta = SessionMeta {
            forked_from_id: Some(source.id),
            ..new_meta(&services, self.id, &settings, &now, params.thread_source.take())
        };
        let path = (!params.ephemeral).then(|| services.store.new_path(self.id, &now));
        let with_turns = !params.exclude_turns;
        let copied = {
            let (services, meta, path, name) =
                (Arc::clone(&services), meta.clone(), path.clone(), name.clone());
            blocking(move || match path {
                Some(path) => {
                    let want = Want { turns: with_turns, history: true };
                    copy_to_file(&services, (&source_path, &part), &path, meta, name.as_deref(), want)
                }
                None => read_part(&services, &source_path, &part, with_turns),
            })
            .await?
        };
        let Copied { stored, preview, file } = copied;
        if keeps_model {
            settings.model = stored.model.unwrap_or(settings.model);
            settings.effort = stored.effort.or(settings.effort);
        }
        let (rollout, lock) = file.unzip();
        let conversation = Conversation::new(stored.history, rollout, stored.usage, services.known_secrets());
        let created_at = now.timestamp().as_second();
        let dynamic_tools = DynamicTools::default();
        let loaded = Loaded {
            shared: share(services, self.id, &settings, conversation, dynamic_tools, self.publish.clone()),
            meta,
            settings,
            running: None,
            abandoned_at: None,
            preview,
            name,
            created_at,
            updated_at: created_at,
            recency_at: created_at,
            path,
            usage_turn_id: stored.usage_turn_id,
            raw_events: false,
            _lock: lock,
        };
        let turns = stored.turns.unwrap_or_default();
        Ok((Box::new(loaded), turns))
    }
}

impl Loaded {
    fn fork_response(&self) -> ThreadForkResponse {
        let settings = &self.settings;
        ThreadForkResponse {
            approval_policy: settings.approval_policy.clone(),
            approvals_reviewer: settings.approvals_reviewer,
            cwd: settings.wire_cwd(),
            disabled_plugin_ids: Vec::new(),
            instruction_sources: settings.instruction_sources(),
            model: settings.model.clone(),
            model_provider: settings.provider.id.clone(),
            reasoning_effort: settings.wire_effort(),
            sandbox: settings.sandbox.clone(),
            service_tier: settings.service_tier.clone(),
            thread: self.thread(),
        }
    }
}

/// Makes the file of the new thread and reads it. There is no such thread when this fails.
fn copy_to_file(
    services: &Services,
    (source, part): (&Path, &Part),
    path: &Path,
    meta: SessionMeta,
    name: Option<&str>,
    want: Want,
) -> Result<Copied, CoreError> {
    let id = meta.id;
    let lock = WriterLock::acquire(services.store.codex_home(), id)?;
    let made = write_copy(services, source, part, path, meta).and_then(|rollout| {
        let stored = item::load(&services.store, path, want)?;
        let preview = services.store.header(path)?.preview.unwrap_or_default();
        if let Some(name) = name {
            services.store.names().set(id, name)?;
        }
        Ok(Copied { stored, preview, file: Some((rollout, lock)) })
    });
    if made.is_err() {
        remove_half_made(path);
    }
    made
}

/// Removes the file of a thread that does not come to be.
pub(super) fn remove_half_made(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, path = %path.display(), "cannot remove a half-made rollout");
    }
}

fn write_copy(
    services: &Services,
    source: &Path,
    part: &Part,
    path: &Path,
    meta: SessionMeta,
) -> Result<RolloutWriter, CoreError> {
    let mut rollout = RolloutWriter::create(path.to_owned(), meta)?;
    if let Some(turn) = item::copy(&services.store, source, part, &mut rollout)? {
        rollout.append(&interruption(&turn)?)?;
    }
    Ok(rollout)
}

/// Reads what a copy in memory only consists of.
fn read_part(services: &Services, source: &Path, part: &Part, with_turns: bool) -> Result<Copied, CoreError> {
    let store = &services.store;
    let outline = item::outline_until(store, source, Some(part.before()))?;
    let preview = preview_of(store, &outline)?;
    let turns = if with_turns {
        let mut left_open = |turn: &mut Turn| {
            // It may have ended since, which is not its end here.
            if part.open().is_some_and(|open| open.id == turn.id) {
                turn.status = TurnStatus::Interrupted;
                turn.error = None;
                turn.completed_at = Some(now_s());
                turn.duration_ms = None;
            }
        };
        Some(item::turns_text(store, &outline, 0..outline.turns.len(), &mut left_open)?.finish()?)
    } else {
        None
    };
    let mut stored = item::load_outlined(store, outline, Want { turns: false, history: true })?;
    stored.turns = turns;
    if part.open().is_some() {
        stored.history.push(&interrupted_marker());
    }
    Ok(Copied { preview, stored, file: None })
}

/// The lines of a turn that ends by being left.
fn interruption(turn: &OpenTurn) -> io::Result<Batch> {
    #[derive(Serialize)]
    struct Aborted<'a> {
        turn_id: &'a str,
        root_turn_id: &'a str,
        reason: &'static str,
        completed_at: i64,
    }
    let mut batch = Batch::new();
    batch.response_item(&interrupted_marker())?;
    let aborted = Aborted {
        turn_id: &turn.id,
        root_turn_id: &turn.root_id,
        reason: "interrupted",
        completed_at: now_s(),
    };
    batch.event("turn_aborted", &aborted)?;
    Ok(batch)
}

/// The text of the first words of the user. No more turns are read than it takes to find them.
fn preview_of(store: &Store, outline: &Outline) -> Result<String, CoreError> {
    for at in 0..outline.turns.len() {
        let mut words = None;
        item::turns(store, outline, at..at + 1, TurnItemsView::Summary, &mut |turn| {
            words = turn.items.iter().find_map(|item| match &item.kind {
                ThreadItemKind::UserMessage { content, .. } => Some(preview(content)),
                _ => None,
            });
        })?;
        if let Some(words) = words {
            return Ok(words);
        }
    }
    Ok(String::new())
}
