//! Who uses which server: threads with the same definition share one, and one that nobody uses ends after a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use app_server_config::McpCredentialsStore;
use app_server_mcp::Definition;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::login::Logins;
use super::server::Server;
use crate::thread::ThreadShared;

/// Servers started at once. More would compete for the machine with the turn that waits for them.
const STARTS_AT_ONCE: usize = 4;
/// How long a server outlives its last user, who often comes back: a list of servers, a thread that is loaded anew.
const LINGERS: Duration = Duration::from_secs(60);
/// How long the end of the session waits for the servers to end.
const END_WITHIN: Duration = Duration::from_millis(800);

/// The servers of a session. The locks are held for a look or a change only.
pub(crate) struct McpHub {
    registry: Arc<Registry>,
    logins: Logins,
}

impl Default for McpHub {
    fn default() -> Self {
        let registry = Registry {
            state: Mutex::default(),
            starts: Arc::new(Semaphore::new(STARTS_AT_ONCE)),
            tasks: TaskTracker::new(),
        };
        McpHub { registry: Arc::new(registry), logins: Logins::default() }
    }
}

struct Registry {
    state: Mutex<State>,
    starts: Arc<Semaphore>,
    /// One task per server that is started or runs.
    tasks: TaskTracker,
}

#[derive(Default)]
struct State {
    servers: HashMap<String, Entry>,
    /// Loaded threads, by id.
    threads: HashMap<String, Weak<ThreadShared>>,
    has_ended: bool,
}

struct Entry {
    server: Arc<Server>,
    users: usize,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a server unless somebody uses it again.
    fn end_if_unused(&self, key: &str) {
        let mut state = self.lock();
        if state.servers.get(key).is_some_and(|entry| entry.users == 0)
            && let Some(entry) = state.servers.remove(key)
        {
            entry.server.end();
        }
    }
}

/// The use of a server. It ends some time after the last one is dropped.
pub(crate) struct Lease {
    registry: Arc<Registry>,
    server: Arc<Server>,
}

impl Lease {
    pub(crate) fn server(&self) -> &Arc<Server> {
        &self.server
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let key = self.server.key().to_owned();
        {
            let mut state = self.registry.lock();
            let Some(entry) = state.servers.get_mut(&key) else { return };
            entry.users -= 1;
            if entry.users > 0 {
                return;
            }
        }
        let registry = Arc::clone(&self.registry);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(async move {
                    tokio::time::sleep(LINGERS).await;
                    registry.end_if_unused(&key);
                });
            }
            Err(_) => registry.end_if_unused(&key),
        }
    }
}

impl McpHub {
    /// The server of a definition, for as long as what is returned lives. It is not started yet. `key` says which
    /// definitions are the same, `store` where sign-ins are kept.
    pub(crate) fn lease(
        &self,
        key: &str,
        name: &str,
        definition: &Definition,
        store: McpCredentialsStore,
    ) -> Lease {
        let mut state = self.registry.lock();
        let has_ended = state.has_ended;
        let entry = state.servers.entry(key.to_owned()).or_insert_with(|| {
            let server = Server::new(key, name, definition.clone(), store);
            if has_ended {
                server.end();
            }
            Entry { server: Arc::new(server), users: 0 }
        });
        entry.users += 1;
        Lease { registry: Arc::clone(&self.registry), server: Arc::clone(&entry.server) }
    }

    /// The logins that wait for their users.
    pub(super) fn logins(&self) -> &Logins {
        &self.logins
    }

    /// Who may start a server now.
    pub(super) fn starts(&self) -> Arc<Semaphore> {
        Arc::clone(&self.registry.starts)
    }

    /// Runs the task of a server, which the end of the session waits for.
    pub(super) fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.registry.tasks.spawn(task);
    }

    /// Makes a loaded thread known.
    pub(crate) fn register(&self, thread: &Arc<ThreadShared>) {
        let mut state = self.registry.lock();
        state.threads.retain(|_, thread| thread.strong_count() > 0);
        state.threads.insert(thread.id().to_owned(), Arc::downgrade(thread));
    }

    /// A loaded thread.
    pub(super) fn thread(&self, id: &str) -> Option<Arc<ThreadShared>> {
        self.registry.lock().threads.get(id)?.upgrade()
    }

    /// All loaded threads.
    pub(super) fn threads(&self) -> Vec<Arc<ThreadShared>> {
        self.registry.lock().threads.values().filter_map(Weak::upgrade).collect()
    }

    /// The servers at an address.
    pub(super) fn at(&self, url: &str) -> Vec<Arc<Server>> {
        let state = self.registry.lock();
        state
            .servers
            .values()
            .map(|entry| &entry.server)
            .filter(|server| server.is_at(url))
            .cloned()
            .collect()
    }

    /// Ends all servers, at the end of the session. None is started afterwards.
    pub(crate) async fn end(&self) {
        {
            let mut state = self.registry.lock();
            state.has_ended = true;
            state.servers.values().for_each(|entry| entry.server.end());
        }
        self.registry.tasks.close();
        if timeout(END_WITHIN, self.registry.tasks.wait()).await.is_err() {
            // What is left of them dies with us: the supervisor of each watches its socket.
            tracing::warn!("MCP servers are slow to end");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::server::Stage;
    use super::*;

    fn lease(hub: &McpHub) -> Lease {
        let table: toml::Table = toml::from_str("command = 'no-such-program'").unwrap();
        let definition = Definition::from_toml(&table.into()).unwrap();
        hub.lease("k", "n", &definition, McpCredentialsStore::File)
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_outlives_its_last_user_a_while() {
        let hub = McpHub::default();
        let (one, other) = (lease(&hub), lease(&hub));
        let server = Arc::clone(one.server());
        assert!(Arc::ptr_eq(&server, other.server()));
        drop((one, other));
        tokio::time::sleep(LINGERS / 2).await;
        let again = lease(&hub);
        assert!(Arc::ptr_eq(&server, again.server()));
        tokio::time::sleep(LINGERS).await;
        assert!(matches!(server.stage(), Stage::Idle), "it is used");
        drop(again);
        tokio::time::sleep(LINGERS + Duration::from_secs(1)).await;
        assert!(matches!(server.stage(), Stage::Ended));
        assert!(!Arc::ptr_eq(&server, lease(&hub).server()));
    }

    #[tokio::test]
    async fn nothing_starts_after_the_end() {
        let hub = McpHub::default();
        hub.end().await;
        let lease = lease(&hub);
        assert!(matches!(lease.server().stage(), Stage::Ended));
    }
}
