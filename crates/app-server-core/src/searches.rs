//! Finding files by a few letters (wire specification 19): `fuzzyFileSearch` and its sessions.
//!
//! The names below some roots are kept for a while after they were used, so that the next search asks only what has
//! changed (`app_server_file_search`). Reading them for the first time goes on when the search it began for is no longer
//! wanted: whoever types asks again at once.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use app_server_file_search::{Hit, Index, Kind, Stop};
use app_server_protocol::ServerNotification;
use app_server_protocol::v2::{
    FuzzyFileSearchMatchType, FuzzyFileSearchParams, FuzzyFileSearchResponse, FuzzyFileSearchResult,
    FuzzyFileSearchSessionCompletedNotification, FuzzyFileSearchSessionStartParams,
    FuzzyFileSearchSessionStartResponse, FuzzyFileSearchSessionStopParams,
    FuzzyFileSearchSessionStopResponse, FuzzyFileSearchSessionUpdateParams,
    FuzzyFileSearchSessionUpdateResponse, FuzzyFileSearchSessionUpdatedNotification,
};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::CoreError;
use crate::host::{Host, Reply};
use crate::services::Services;

/// As many hits are told.
const LIMIT: usize = 50;
/// As many searches are worked on at the same time; each takes two threads.
const AT_ONCE: usize = 2;
/// As many indexes are kept.
const MAX_INDEXES: usize = 4;
/// How long one is kept that is not used.
const KEPT: Duration = Duration::from_secs(60);
/// As many sessions a client may have.
const MAX_SESSIONS: usize = 256;

/// What a session of the server keeps of searches.
pub(crate) struct Searches {
    host: Arc<dyn Host>,
    /// Where roots that are not absolute begin.
    folder: PathBuf,
    state: Mutex<State>,
    at_once: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    /// Counts what is begun.
    next: u64,
    /// The least recently used first.
    indexes: Vec<Kept>,
    is_swept: bool,
    /// The search that is worked on for each token.
    tokens: BTreeMap<String, Wanted>,
    sessions: BTreeMap<String, Session>,
}

struct Kept {
    roots: Vec<String>,
    index: Arc<Mutex<Index>>,
    used: Instant,
}

/// A search of which somebody may say that it is no longer wanted.
#[derive(Clone)]
struct Wanted {
    number: u64,
    stop: Stop,
    cancelled: CancellationToken,
}

struct Session {
    /// Tells it from others of the same name.
    number: u64,
    roots: Vec<String>,
    /// Nobody wants it any more.
    stop: Stop,
    /// The latest one, until it is told completely.
    query: Option<Query>,
    /// Somebody works on it, and will find a newer query.
    is_worked_on: bool,
}

#[derive(Clone)]
struct Query {
    number: u64,
    text: String,
    /// A newer one has come.
    stop: Stop,
}

impl State {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Gives indexes up that were not used for a while; returns when to look again.
    fn give_up(&mut self, now: Instant) -> Option<Instant> {
        for kept in &mut self.indexes {
            // Whoever works with it has it too.
            if Arc::strong_count(&kept.index) > 1 {
                kept.used = now;
            }
        }
        self.indexes.retain(|kept| kept.used + KEPT > now);
        let next = self.indexes.iter().map(|kept| kept.used + KEPT).min();
        self.is_swept = next.is_some();
        next
    }

    /// Returns the query of a session that is to be worked on.
    fn query(&self, session: &Worker) -> Option<&Query> {
        let found = self.sessions.get(&session.id)?;
        found.query.as_ref().filter(|_| found.number == session.number)
    }
}

impl Searches {
    pub(crate) fn new(host: Arc<dyn Host>, folder: &Path) -> Self {
        Self {
            host,
            folder: folder.to_owned(),
            state: Mutex::default(),
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a search; that of the same token is no longer wanted.
    fn begin(&self, token: Option<&str>) -> Wanted {
        let mut state = self.lock();
        let number = state.number();
        let wanted = Wanted { number, stop: Stop::default(), cancelled: CancellationToken::new() };
        if let Some(token) = token
            && let Some(older) = state.tokens.insert(token.to_owned(), wanted.clone())
        {
            older.stop.stop();
            older.cancelled.cancel();
        }
        wanted
    }

    fn done(&self, token: Option<&str>, number: u64) {
        let mut state = self.lock();
        if let Some(token) = token
            && state.tokens.get(token).is_some_and(|latest| latest.number == number)
        {
            state.tokens.remove(token);
        }
    }
}

/// The index of some roots, made if there is none. Another one may be given up for it.
fn index_of(searches: &Arc<Searches>, roots: &[String]) -> Arc<Mutex<Index>> {
    let mut state = searches.lock();
    let index = match state.indexes.iter().position(|kept| kept.roots == roots) {
        Some(at) => state.indexes.remove(at).index,
        None => {
            let roots = roots.iter().map(|root| (root.clone(), searches.folder.join(root)));
            Arc::new(Mutex::new(Index::new(roots)))
        }
    };
    let kept = Kept { roots: roots.to_vec(), index: Arc::clone(&index), used: Instant::now() };
    state.indexes.push(kept);
    if state.indexes.len() > MAX_INDEXES {
        state.indexes.remove(0);
    }
    if !std::mem::replace(&mut state.is_swept, true) {
        tokio::spawn(sweep(Arc::clone(searches)));
    }
    index
}

/// Gives indexes up that nobody has used for a while, until there is none.
async fn sweep(searches: Arc<Searches>) {
    loop {
        let next = searches.lock().give_up(Instant::now());
        let Some(next) = next else { return };
        tokio::time::sleep_until(next).await;
    }
}

fn lock_index(index: &Mutex<Index>) -> MutexGuard<'_, Index> {
    index.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers `fuzzyFileSearch`. The token counts from the call on, not only when the answer is waited for: the request
/// that came last is the one that is wanted.
///
/// # Errors
/// None but that of a lost thread; roots that are not there have nothing in them.
pub fn search(
    services: &Services,
    params: FuzzyFileSearchParams,
) -> impl Future<Output = Result<FuzzyFileSearchResponse, CoreError>> + Send + use<> {
    let FuzzyFileSearchParams { cancellation_token: token, query, roots } = params;
    let searches = Arc::clone(&services.searches);
    let wanted = searches.begin(token.as_deref());
    async move {
        let so_far = Arc::new(Mutex::new(Vec::new()));
        let work = whole_search(&searches, &wanted, query, roots, &so_far);
        let hits = tokio::select! {
            biased;
            hits = work => hits,
            () = wanted.cancelled.cancelled() => {
                Ok(std::mem::take(&mut *so_far.lock().unwrap_or_else(PoisonError::into_inner)))
            }
        };
        searches.done(token.as_deref(), wanted.number);
        Ok(FuzzyFileSearchResponse { files: hits?.into_iter().map(wire).collect() })
    }
}

/// What is found goes to `so_far` while the names are read.
async fn whole_search(
    searches: &Arc<Searches>,
    wanted: &Wanted,
    query: String,
    roots: Vec<String>,
    so_far: &Arc<Mutex<Vec<Hit>>>,
) -> Result<Vec<Hit>, CoreError> {
    if query.trim().is_empty() || roots.is_empty() {
        return Ok(Vec::new());
    }
    let lost = |error: &dyn std::fmt::Display| CoreError::Internal(error.to_string());
    let permit = Arc::clone(&searches.at_once).acquire_owned().await.map_err(|error| lost(&error))?;
    let index = index_of(searches, &roots);
    let (stop, so_far) = (wanted.stop.clone(), Arc::clone(so_far));
    let work = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let mut index = lock_index(&index);
        index.refresh(&Stop::default(), &mut |index| {
            let hits = index.search(&query, LIMIT, &stop);
            *so_far.lock().unwrap_or_else(PoisonError::into_inner) = hits;
        });
        index.search(&query, LIMIT, &stop)
    });
    work.await.map_err(|error| lost(&error))
}

/// Answers `fuzzyFileSearch/sessionStart` and begins to read the roots. A session of the same name ends.
///
/// Refuses an empty name and a session without roots.
pub fn start_session(
    services: &Services,
    params: FuzzyFileSearchSessionStartParams,
    reply: Reply<FuzzyFileSearchSessionStartResponse>,
) {
    let FuzzyFileSearchSessionStartParams { roots, session_id: id } = params;
    let refused = |text: &str| Err(CoreError::Invalid(text.to_owned()));
    if id.is_empty() {
        return reply.send(refused("sessionId must not be empty"));
    }
    if roots.is_empty() {
        return reply.send(refused("a fuzzy file search session needs at least one root"));
    }
    let number = {
        let mut state = services.searches.lock();
        if state.sessions.len() >= MAX_SESSIONS && !state.sessions.contains_key(&id) {
            drop(state);
            return reply.send(refused("there are too many fuzzy file search sessions"));
        }
        let number = state.number();
        let stop = Stop::default();
        let session = Session { number, roots, stop, query: None, is_worked_on: true };
        if let Some(older) = state.sessions.insert(id.clone(), session) {
            older.end();
        }
        number
    };
    reply.send(Ok(FuzzyFileSearchSessionStartResponse {}));
    tokio::spawn(Worker { id, number }.work(Arc::clone(&services.searches)));
}

/// Answers `fuzzyFileSearch/sessionUpdate`; `sessionUpdated` and `sessionCompleted` follow, for the latest query only.
///
/// Refuses a session that there is not.
pub fn update_session(
    services: &Services,
    params: FuzzyFileSearchSessionUpdateParams,
    reply: Reply<FuzzyFileSearchSessionUpdateResponse>,
) {
    let FuzzyFileSearchSessionUpdateParams { query: text, session_id: id } = params;
    let idle = {
        let mut state = services.searches.lock();
        let query = Query { number: state.number(), text, stop: Stop::default() };
        let Some(session) = state.sessions.get_mut(&id) else {
            drop(state);
            let text = format!("fuzzy file search session not found: {id}");
            return reply.send(Err(CoreError::Invalid(text)));
        };
        // Nobody can tell of it before the lock is released.
        reply.send(Ok(FuzzyFileSearchSessionUpdateResponse {}));
        if let Some(older) = session.query.replace(query) {
            older.stop.stop();
        }
        let is_idle = !std::mem::replace(&mut session.is_worked_on, true);
        is_idle.then_some(session.number)
    };
    if let Some(number) = idle {
        tokio::spawn(Worker { id, number }.work(Arc::clone(&services.searches)));
    }
}

/// Answers `fuzzyFileSearch/sessionStop`. Nothing is told of the session afterwards; one that there is not has ended.
pub fn stop_session(
    services: &Services,
    params: &FuzzyFileSearchSessionStopParams,
    reply: Reply<FuzzyFileSearchSessionStopResponse>,
) {
    if let Some(session) = services.searches.lock().sessions.remove(&params.session_id) {
        session.end();
    }
    reply.send(Ok(FuzzyFileSearchSessionStopResponse {}));
}

impl Session {
    fn end(self) {
        self.stop.stop();
        if let Some(query) = self.query {
            query.stop.stop();
        }
    }
}

/// Works on a session until its latest query is told.
struct Worker {
    id: String,
    /// The session's.
    number: u64,
}

impl Worker {
    async fn work(self, searches: Arc<Searches>) {
        let Ok(permit) = Arc::clone(&searches.at_once).acquire_owned().await else { return };
        let session = {
            let state = searches.lock();
            let session = state.sessions.get(&self.id).filter(|session| session.number == self.number);
            session.map(|session| (session.roots.clone(), session.stop.clone()))
        };
        let Some((roots, stop)) = session else { return };
        let index = index_of(&searches, &roots);
        let (id, number) = (self.id.clone(), self.number);
        let shared = Arc::clone(&searches);
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut index = lock_index(&index);
            while self.round(&shared, &mut index, &stop) {}
        });
        if let Err(error) = work.await {
            tracing::error!(%error, "a search was lost");
            let mut state = searches.lock();
            if let Some(session) = state.sessions.get_mut(&id).filter(|session| session.number == number) {
                session.is_worked_on = false;
            }
        }
    }

    /// Brings the names up to date and tells of the latest query. Returns whether there may be more to do.
    fn round(&self, searches: &Searches, index: &mut Index, stop: &Stop) -> bool {
        let mut told: Option<(u64, Vec<Hit>)> = None;
        index.refresh(stop, &mut |index| {
            let query = searches.lock().query(self).cloned();
            // What is found so far is no news to whoever has not read the last of it.
            if let Some(query) = query.filter(|_| !searches.host.is_congested()) {
                let hits = index.search(&query.text, LIMIT, &query.stop);
                let is_new = told.as_ref().is_none_or(|told| *told != (query.number, hits.clone()));
                if is_new && !hits.is_empty() && self.tell(searches, &query, &hits, false) {
                    told = Some((query.number, hits));
                }
            }
        });
        let query = {
            let mut state = searches.lock();
            let query = state.query(self).cloned();
            if query.is_none()
                && let Some(session) = state.sessions.get_mut(&self.id)
                && session.number == self.number
            {
                session.is_worked_on = false;
            }
            query
        };
        let Some(query) = query else { return false };
        let hits = index.search(&query.text, LIMIT, &query.stop);
        self.tell(searches, &query, &hits, true);
        true
    }

    /// Tells what was found, unless it is no longer wanted. The lock is held meanwhile, so that nothing is told once a
    /// newer query or the end of the session has been answered.
    fn tell(&self, searches: &Searches, query: &Query, hits: &[Hit], is_complete: bool) -> bool {
        let mut state = searches.lock();
        if state.query(self).is_none_or(|latest| latest.number != query.number) {
            return false;
        }
        let updated = FuzzyFileSearchSessionUpdatedNotification {
            files: hits.iter().cloned().map(wire).collect(),
            query: query.text.clone(),
            session_id: self.id.clone(),
        };
        searches.host.notify(ServerNotification::FuzzyFileSearchSessionUpdated(updated));
        if is_complete {
            let completed = FuzzyFileSearchSessionCompletedNotification { session_id: self.id.clone() };
            searches.host.notify(ServerNotification::FuzzyFileSearchSessionCompleted(completed));
            if let Some(session) = state.sessions.get_mut(&self.id) {
                session.query = None;
            }
        }
        true
    }
}

fn wire(hit: Hit) -> FuzzyFileSearchResult {
    FuzzyFileSearchResult {
        file_name: hit.file_name().to_owned(),
        indices: Some(hit.indices),
        match_type: match hit.kind {
            Kind::File => FuzzyFileSearchMatchType::File,
            Kind::Directory => FuzzyFileSearchMatchType::Directory,
        },
        path: hit.path,
        root: hit.root,
        score: hit.score,
    }
}
