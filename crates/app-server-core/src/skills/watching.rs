//! Telling the client that the skills it was shown are no longer so. Folders are watched from the first list on.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app_server_protocol::ServerNotification;
use app_server_protocol::v2::SkillsChangedNotification;
use app_server_skills::{Catalogue, Root};

use crate::files::watch::WatchId;
use crate::services::Services;

/// How long changes are gathered: whoever writes a skill writes several files.
const GATHERED: Duration = Duration::from_millis(500);
/// Folders that are watched; changes in further ones are noticed when the client asks.
const MAX_WATCHES: usize = 512;

/// What is watched on behalf of lists.
#[derive(Default)]
pub(super) struct Watching {
    /// What the client was shown last, by the roots.
    shown: Mutex<HashMap<Vec<Root>, Arc<Catalogue>>>,
    watches: Mutex<BTreeMap<PathBuf, WatchId>>,
    /// Changes are being gathered.
    is_gathering: AtomicBool,
}

/// Watches what was shown. Blocks on the disk.
pub(super) fn shown(services: &Arc<Services>, roots: Vec<Root>, found: &Arc<Catalogue>) {
    let watching = &services.skills.watching;
    {
        let mut shown = watching.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.len() >= super::REMEMBERED {
            shown.clear();
        }
        shown.insert(roots, Arc::clone(found));
    }
    watch(services);
    // What has changed before it was watched.
    if found.has_changed() {
        gather(Arc::clone(services));
    }
}

/// Tells nothing more of what was shown until the client asks again. The watches end with the next change or list.
pub(super) fn forget(services: &Services) {
    services.skills.watching.shown.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Watches the folders that count for what was shown, and no others.
fn watch(services: &Arc<Services>) {
    let watching = &services.skills.watching;
    // Held for the whole change, so that of two the later one decides.
    let mut watches = watching.watches.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted: BTreeSet<PathBuf> = {
        let shown = watching.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.iter().flat_map(|(roots, found)| paths_of(roots, found)).take(MAX_WATCHES).collect()
    };
    let watcher = &services.files.watcher;
    watches.retain(|path, id| {
        let stays = wanted.contains(path);
        if !stays {
            watcher.unwatch(*id);
        }
        stays
    });
    for path in wanted {
        if watches.contains_key(&path) {
            continue;
        }
        let told = Arc::downgrade(services);
        let on_change = Box::new(move |_: Vec<PathBuf>| {
            if let Some(services) = told.upgrade() {
                gather(services);
            }
        });
        match watcher.watch(&path, on_change) {
            Ok(watch) => {
                watcher.open(watch.id);
                watches.insert(path, watch.id);
            }
            Err(error) => {
                tracing::debug!(path = %path.display(), %error, "a folder of skills is not watched")
            }
        }
    }
}

/// The folders that were looked at; of a root that is not there the first folder on the way to it that is not.
fn paths_of(roots: &[Root], found: &Catalogue) -> Vec<PathBuf> {
    let absent = roots.iter().filter(|root| !root.path.exists()).map(|root| first_absent(&root.path));
    found.folders.iter().cloned().chain(absent.flatten()).collect()
}

fn first_absent(path: &Path) -> Option<PathBuf> {
    let mut absent = path;
    while let Some(parent) = absent.parent() {
        if parent.exists() {
            return Some(absent.to_owned());
        }
        absent = parent;
    }
    None
}

/// Waits until changes have come to an end, then tells of them if what was shown is no longer so.
fn gather(services: Arc<Services>) {
    // All in a task: the watcher calls this, and must not be where the last hold on the services is let go.
    tokio::spawn(async move {
        if services.skills.watching.is_gathering.swap(true, Ordering::AcqRel) {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(GATHERED) => {}
            () = services.closing.cancelled() => return,
        }
        services.skills.watching.is_gathering.store(false, Ordering::Release);
        // A panic there has told nobody, and there is nobody to tell.
        let _ = tokio::task::spawn_blocking(move || tell(&services)).await;
    });
}

fn tell(services: &Arc<Services>) {
    {
        let mut shown = services.skills.watching.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if !shown.values().all(|found| found.is_current()) {
            // Once is enough until the client has asked again.
            shown.clear();
            services.host.notify(ServerNotification::SkillsChanged(SkillsChangedNotification {}));
        }
    }
    // A folder on the way to a root may have come, or nothing is shown any more.
    watch(services);
}
