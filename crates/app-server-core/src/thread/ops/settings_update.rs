//! `thread/settings/update`: settings for the next turn and those after it.

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    ThreadSettingsUpdateParams, ThreadSettingsUpdateResponse, ThreadSettingsUpdatedNotification,
};

use crate::host::Reply;
use crate::thread::actor::Actor;

impl Actor {
    /// A running turn goes on with the settings it began with.
    pub(in crate::thread) async fn update_settings(
        &mut self,
        mut params: ThreadSettingsUpdateParams,
        reply: Reply<ThreadSettingsUpdateResponse>,
    ) {
        let loaded = match self.live() {
            Ok(loaded) => loaded,
            Err(error) => return reply.send(Err(error)),
        };
        let has_changed = match loaded.settings.apply(&mut params) {
            Ok(has_changed) => has_changed,
            Err(error) => return reply.send(Err(error)),
        };
        reply.send(Ok(ThreadSettingsUpdateResponse {}));
        if has_changed {
            loaded.tell(ServerNotification::ThreadSettingsUpdated(ThreadSettingsUpdatedNotification {
                thread_id: loaded.shared.id().to_owned(),
                thread_settings: loaded.settings.wire(),
            }));
        }
    }
}
