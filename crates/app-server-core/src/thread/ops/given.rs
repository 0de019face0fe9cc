//! `thread/resume` with a history that the client gives: a new thread that begins with it.

use std::path::Path;
use std::sync::Arc;

use app_server_protocol::v2::{ResponseItem, ThreadResumeParams};
use app_server_rollout::{Batch, RolloutWriter, SessionMeta, WriterLock};
use jiff::Zoned;

use super::fork::remove_half_made;
use crate::error::CoreError;
use crate::item::{self, Want};
use crate::services::Services;
use crate::thread::actor::{Actor, blocking};
use crate::thread::loaded::{Loaded, Resumed, new_meta, share, tell_of_unknown_keys};
use crate::thread::settings::{Overrides, Settings};
use crate::tools::DynamicTools;
use crate::turn::Conversation;

/// A new thread as its file has it.
struct Made {
    stored: item::Loaded,
    preview: String,
    rollout: RolloutWriter,
    lock: WriterLock,
}

impl Actor {
    /// Makes the thread. Its file is there at once, as there is something in it to lose.
    pub(super) async fn load_given(
        &self,
        items: Vec<ResponseItem>,
        params: &mut ThreadResumeParams,
    ) -> Result<Resumed, CoreError> {
        let services = Arc::clone(&self.services);
        let overrides = Overrides::from(&mut *params);
        tell_of_unknown_keys(&services, &overrides);
        let settings = Settings::load(&services.config, overrides, None)?;
        services.models.recall(&services, &settings.provider);
        let now = Zoned::now();
        let meta = new_meta(&services, self.id, &settings, &now, None);
        let path = services.store.new_path(self.id, &now);
        let made = {
            let (services, meta, path) = (Arc::clone(&services), meta.clone(), path.clone());
            let want = Want { turns: !params.exclude_turns, history: true };
            blocking(move || make_file(&services, &path, meta, &items, want)).await?
        };
        let Made { stored, preview, rollout, lock } = made;
        let conversation = Conversation::new(stored.history, Some(rollout), None, services.known_secrets());
        let created_at = now.timestamp().as_second();
        let dynamic_tools = DynamicTools::default();
        let loaded = Loaded {
            shared: share(services, self.id, &settings, conversation, dynamic_tools, self.publish.clone()),
            meta,
            settings,
            running: None,
            abandoned_at: None,
            preview,
            name: None,
            created_at,
            updated_at: created_at,
            recency_at: created_at,
            path: Some(path),
            usage_turn_id: None,
            raw_events: false,
            _lock: Some(lock),
        };
        let turns = stored.turns.unwrap_or_default();
        Ok(Resumed { loaded: Box::new(loaded), turns, last_turn: stored.last_turn, damaged: 0 })
    }
}

/// Makes the file of the new thread and reads it. There is no such thread when this fails.
fn make_file(
    services: &Services,
    path: &Path,
    meta: SessionMeta,
    items: &[ResponseItem],
    want: Want,
) -> Result<Made, CoreError> {
    let lock = WriterLock::acquire(services.store.codex_home(), meta.id)?;
    let write = || -> Result<_, CoreError> {
        let mut batch = Batch::new();
        item::write_given(&mut batch, items, &services.secrets())?;
        let mut rollout = RolloutWriter::create(path.to_owned(), meta)?;
        rollout.append(&batch)?;
        let stored = item::load(&services.store, path, want)?;
        let preview = services.store.header(path)?.preview.unwrap_or_default();
        Ok((stored, preview, rollout))
    };
    match write() {
        Ok((stored, preview, rollout)) => Ok(Made { stored, preview, rollout, lock }),
        Err(error) => {
            remove_half_made(path);
            Err(error)
        }
    }
}
