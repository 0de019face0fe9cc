//! `thread/list` over the files: order, cursor, filters, pages. Must not know the wire's types.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::base::Bases;
use crate::catalog::Names;
use crate::file_name;
use crate::files::{self, FileVersion};
use crate::head::{Head, Header};
use crate::index::Known;
use crate::meta::Source;
use crate::sections::Sections;
use crate::store::{Beside, Store, header};
use crate::tail::Tail;

/// How long the following pages of a list by time use the order of its first page. Asking every file for its time
/// again would cost more than the page, and could skip a thread that was written to in between.
const WALK_LIFE: Duration = Duration::from_secs(10);

/// Candidates looked at behind a full page to see whether a following page would be empty.
const PROBES: usize = 256;

/// What to list.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// Most entries of the page; callers clamp it to 1..=100.
    pub limit: usize,
    /// Where the page starts: behind this position, in the direction asked for.
    pub cursor: Option<Cursor>,
    /// Order.
    pub sort_key: SortKey,
    /// Newest first.
    pub descending: bool,
    /// Model providers wanted; `None` or empty means all.
    pub model_providers: Option<Vec<String>>,
    /// Provider that a thread without one counts as.
    pub default_model_provider: Option<String>,
    /// Kinds of session wanted.
    pub sources: SourceFilter,
    /// Only archived threads, or only live ones.
    pub archived: bool,
    /// Working directories wanted, compared exactly; empty means all.
    pub cwds: Vec<PathBuf>,
    /// Text that the name or the preview must contain, whatever the case.
    pub search_term: Option<String>,
    /// Threads not wanted.
    pub excluded: HashSet<Uuid>,
    /// Clients whose threads are wanted, compared exactly; empty means all.
    pub originators: Vec<String>,
    /// Only threads that this one spawned.
    pub parent: Option<Uuid>,
    /// Only threads that this one spawned, or that were spawned by one of those, and so on.
    pub ancestor: Option<Uuid>,
    /// Only threads of this section of the list.
    pub section: Option<Uuid>,
    /// Leave out what the ends of the files tell: the model and its effort. [`Store::read_end`] reads them of one thread.
    pub without_ends: bool,
}

impl Default for ListQuery {
    /// The first 25 live interactive threads, newest first.
    fn default() -> Self {
        Self {
            limit: 25,
            cursor: None,
            sort_key: SortKey::default(),
            descending: true,
            model_providers: None,
            default_model_provider: None,
            sources: SourceFilter::default(),
            archived: false,
            cwds: Vec::new(),
            search_term: None,
            excluded: HashSet::new(),
            originators: Vec::new(),
            parent: None,
            ancestor: None,
            section: None,
            without_ends: false,
        }
    }
}

/// What a list is ordered by; ids break ties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortKey {
    /// The time in the file's name, as both reference versions do.
    #[default]
    CreatedAt,
    /// The last write to the file.
    UpdatedAt,
    /// The last user activity, which from the file alone is the last write.
    RecencyAt,
    /// The section, in the order of sections, and the place in it; those in none are last. Ascending is from the top.
    SectionPosition,
}

/// Which kinds of session to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SourceFilter {
    /// Those a person talks to: cli, vscode, app server, custom.
    #[default]
    Interactive,
    /// All.
    Any,
    /// The ones named.
    Only(Vec<SourceKind>),
}

/// A kind of session as a list can ask for it (`ThreadSourceKind` of the wire).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// [`Source::Cli`].
    Cli,
    /// [`Source::Vscode`].
    Vscode,
    /// [`Source::Exec`].
    Exec,
    /// [`Source::AppServer`] and [`Source::Mcp`], which the wire does not tell apart.
    AppServer,
    /// [`Source::Custom`] of any name.
    Custom,
    /// [`Source::SubAgent`] of any kind.
    SubAgent,
    /// A review's sub-agent.
    SubAgentReview,
    /// A compaction's sub-agent.
    SubAgentCompact,
    /// A sub-agent spawned by a thread.
    SubAgentThreadSpawn,
    /// A sub-agent of another kind.
    SubAgentOther,
    /// [`Source::Unknown`].
    Unknown,
}

impl SourceFilter {
    /// Whether a thread of this source is wanted.
    pub fn admits(&self, source: &Source) -> bool {
        match self {
            Self::Any => true,
            Self::Interactive => {
                matches!(source, Source::Cli | Source::Vscode | Source::AppServer | Source::Custom(_))
            }
            Self::Only(kinds) => kinds.iter().any(|kind| kind.admits(source)),
        }
    }
}

impl SourceKind {
    fn admits(self, source: &Source) -> bool {
        match source {
            Source::Cli => self == Self::Cli,
            Source::Vscode => self == Self::Vscode,
            Source::Exec => self == Self::Exec,
            Source::Mcp | Source::AppServer => self == Self::AppServer,
            Source::Custom(_) => self == Self::Custom,
            Source::Unknown => self == Self::Unknown,
            Source::SubAgent(kind) => self == Self::SubAgent || self == Self::sub_agent(kind),
        }
    }

    fn sub_agent(kind: &Value) -> Self {
        match kind {
            Value::String(name) if name == "review" => Self::SubAgentReview,
            Value::String(name) if name == "compact" => Self::SubAgentCompact,
            Value::Object(map) if map.contains_key("thread_spawn") => Self::SubAgentThreadSpawn,
            _ => Self::SubAgentOther,
        }
    }
}

/// A position in a list: a time, or a place in a section, and, to tell threads of the same time apart, an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Milliseconds since the epoch, or the place.
    at_ms: i64,
    is_place: bool,
    id: Option<Uuid>,
}

/// A text that is no cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid cursor: {0}")]
pub struct InvalidCursor(pub String);

impl Cursor {
    /// Returns where a list in the other direction starts so that it begins with the entry that stands here.
    #[must_use]
    pub fn turned_back(self, descending: bool) -> Self {
        // A cursor without id lies behind all of its time; one off it lies before them.
        let at_ms = if descending { self.at_ms - 1 } else { self.at_ms.saturating_add(1) };
        Self { at_ms, id: None, ..self }
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    /// Reads `<RFC 3339>|<uuid>` (0.169, the id optional), `YYYY-MM-DDThh-mm-ss|<uuid>` (0.94), or `<number>|<uuid>`.
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let parse = || {
            let (time, id) = match text.split_once('|') {
                Some((time, id)) => (time, Some(Uuid::try_parse(id).ok()?)),
                None => (text, None),
            };
            if let Ok(place) = time.parse() {
                return Some(Self { at_ms: place, is_place: true, id });
            }
            let at_ms = match file_name::seconds(time) {
                Some(seconds) => seconds * 1000,
                None => time.parse::<Timestamp>().ok()?.as_millisecond(),
            };
            Some(Self { at_ms, is_place: false, id })
        };
        parse().ok_or_else(|| InvalidCursor(text.to_owned()))
    }
}

impl fmt::Display for Cursor {
    /// Writes the form of 0.169.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_place {
            write!(f, "{}", self.at_ms)?;
        } else {
            write!(f, "{}", Timestamp::from_millisecond(self.at_ms).unwrap_or_default())?;
        }
        self.id.map_or(Ok(()), |id| write!(f, "|{id}"))
    }
}

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListPage {
    /// The threads.
    pub entries: Vec<Header>,
    /// Where each of them stands: a list from there goes on behind it.
    pub positions: Vec<Cursor>,
    /// Where the next page starts; `None` on the last one.
    pub next_cursor: Option<Cursor>,
    /// Where a list in the other direction starts so that it begins with this page's first entry; `None` for an
    /// empty page.
    pub backwards_cursor: Option<Cursor>,
    /// Files passed over because they cannot be read.
    pub damaged: usize,
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The directories cannot be read.
    #[error("cannot list threads: {0}")]
    Io(#[from] io::Error),
}

/// The order of a list by time, kept for its following pages.
#[derive(Debug)]
pub(crate) struct Walk {
    taken: Instant,
    names: Arc<Names>,
    by_time: Arc<Vec<TimedEntry>>,
}

#[derive(Clone, Copy, Debug)]
struct TimedEntry {
    at_ms: i64,
    id: Uuid,
    index: usize,
}

impl Store {
    /// Lists one page of threads, each by its newest file.
    ///
    /// Only heads of files are read, and of those only the ones the page needs; what was read before is taken
    /// from memory if size, time and inode of the file say that it still holds. A thread another program wrote
    /// shows in the next list.
    ///
    /// # Errors
    /// [`ListError`]; a damaged file is none: it is passed over, counted and warned about once.
    pub fn list(&self, query: &ListQuery) -> Result<ListPage, ListError> {
        let sections = self.sections.all_or_none();
        let order = self.order(query, &sections)?;
        let names = self.names().all().unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read thread names");
            Arc::default()
        });
        let changes = self.metadata.all_or_none();
        let family = match query.ancestor {
            Some(ancestor) => Some(self.descendants(ancestor)?),
            None => None,
        };
        let filter = Filter::new(query, &names, family);
        let mut page = ListPage::default();
        let bases = Bases::new(self);
        let mut last = None;
        let mut probes = 0;
        let is_place = query.sort_key == SortKey::SectionPosition;
        for position in order.behind(query.cursor, query.descending) {
            let (_, id) = order.key(position);
            // What the id tells needs no look at the file.
            if query.excluded.contains(&id) || query.section.is_some_and(|of| !sections.holds(of, id)) {
                continue;
            }
            let path = order.path(position);
            if page.entries.len() >= query.limit {
                probes += 1;
                if probes > PROBES || !self.heads.has(&path) {
                    page.next_cursor = last;
                    break;
                }
            }
            let (version, head) = match self.heads.get(&path) {
                Ok(Some((version, Known::Head(head)))) => (version, bases.complete(head)),
                Ok(None | Some((_, Known::Empty))) => continue,
                Ok(Some((_, Known::Damaged))) | Err(_) => {
                    page.damaged += 1;
                    continue;
                }
            };
            if !filter.admits(&head) {
                continue;
            }
            if page.entries.len() >= query.limit {
                page.next_cursor = last;
                break;
            }
            let (at_ms, id) = order.key(position);
            let here = Cursor { at_ms, is_place, id: Some(id) };
            last = Some(here);
            page.positions.push(here);
            page.backwards_cursor =
                page.backwards_cursor.or_else(|| Some(here.turned_back(query.descending)));
            let id = &head.meta.id;
            let tail = if query.without_ends { Tail::default() } else { self.heads.tail(&path, version) };
            let placement = sections.of(*id);
            let beside = Beside { name: names.get(id).cloned(), git: changes.get(id), placement, tail };
            page.entries.push(header(&head, version, path, query.archived, beside));
        }
        self.heads.save_if_worthwhile(|| self.all_paths());
        Ok(page)
    }

    /// Reads what a list without the ends of the files leaves out.
    pub fn read_end(&self, header: &mut Header) {
        if let Ok(version) = FileVersion::read(&header.path) {
            let Tail { model, effort } = self.heads.tail(&header.path, version);
            (header.model, header.effort) = (model, effort);
        }
    }

    /// Returns the threads, live or archived, that say of themselves that this one spawned them. Files that cannot be
    /// read are passed over.
    ///
    /// # Errors
    /// The system's, when the directories cannot be read.
    pub fn children(&self, id: Uuid) -> io::Result<Vec<Uuid>> {
        let spawned = self.spawned()?;
        Ok(spawned.into_iter().filter(|(_, parent)| *parent == id).map(|(child, _)| child).collect())
    }

    /// Returns the threads that descend from this one, as [`Store::children`] knows them.
    fn descendants(&self, id: Uuid) -> io::Result<HashSet<Uuid>> {
        let mut children: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for (child, parent) in self.spawned()? {
            children.entry(parent).or_default().push(child);
        }
        let mut found = HashSet::new();
        let mut next = vec![id];
        while let Some(parent) = next.pop() {
            // Taken out, so that threads which name each other end it.
            for child in children.remove(&parent).unwrap_or_default() {
                found.insert(child);
                next.push(child);
            }
        }
        Ok(found)
    }

    /// Returns all threads that were spawned, live or archived, each with the one that spawned it.
    fn spawned(&self) -> io::Result<Vec<(Uuid, Uuid)>> {
        let mut spawned = Vec::new();
        for archived in [false, true] {
            let names = self.rollouts(archived)?;
            for index in 0..names.len() {
                if let Ok(Some((_, Known::Head(head)))) = self.heads.get(&names.path(index))
                    && let Some(parent) = head.meta.spawned_by()
                {
                    spawned.push((names.key(index).1, parent));
                }
            }
        }
        self.heads.save_if_worthwhile(|| self.all_paths());
        Ok(spawned)
    }

    fn all_paths(&self) -> io::Result<Vec<PathBuf>> {
        let (live, archived) = (self.rollouts(false)?, self.rollouts(true)?);
        Ok(live.paths().chain(archived.paths()).collect())
    }

    fn order(&self, query: &ListQuery, sections: &Sections) -> io::Result<Order> {
        let names = self.rollouts(query.archived)?;
        let by_time = match query.sort_key {
            SortKey::CreatedAt => None,
            SortKey::UpdatedAt | SortKey::RecencyAt => Some(self.by_time(&names, query.cursor.is_some())?),
            SortKey::SectionPosition => Some(Arc::new(by_place(&names, sections))),
        };
        Ok(Order { names, by_time })
    }

    fn by_time(&self, names: &Arc<Names>, is_following_page: bool) -> io::Result<Arc<Vec<TimedEntry>>> {
        let mut last_walk = self.last_walk.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(walk) = &*last_walk
            && is_following_page
            && Arc::ptr_eq(&walk.names, names)
            && walk.taken.elapsed() < WALK_LIFE
        {
            return Ok(Arc::clone(&walk.by_time));
        }
        let mut entries = Vec::with_capacity(names.len());
        for index in 0..names.len() {
            if let Some(version) = files::if_exists(FileVersion::read(&names.path(index)))? {
                entries.push(TimedEntry { at_ms: version.mtime_ms(), id: names.key(index).1, index });
            }
        }
        entries.sort_unstable_by_key(|entry| std::cmp::Reverse((entry.at_ms, entry.id)));
        let by_time = Arc::new(entries);
        *last_walk =
            Some(Walk { taken: Instant::now(), names: Arc::clone(names), by_time: Arc::clone(&by_time) });
        Ok(by_time)
    }
}

/// The places of all threads in their sections, the last first.
fn by_place(names: &Names, sections: &Sections) -> Vec<TimedEntry> {
    let entry = |index| {
        let (seconds, id) = names.key(index);
        // Names tell seconds, and ids begin with the milliseconds they were made at.
        let in_second = i64::try_from((id.as_u128() >> 80) % 1000).unwrap_or_default();
        TimedEntry { at_ms: sections.rank(id, seconds * 1000 + in_second), id, index }
    };
    let mut entries: Vec<_> = (0..names.len()).map(entry).collect();
    entries.sort_unstable_by_key(|entry| std::cmp::Reverse((entry.at_ms, entry.id)));
    entries
}

/// All candidates, newest first.
struct Order {
    names: Arc<Names>,
    by_time: Option<Arc<Vec<TimedEntry>>>,
}

impl Order {
    fn len(&self) -> usize {
        self.by_time.as_ref().map_or(self.names.len(), |entries| entries.len())
    }

    /// Returns time in milliseconds and id.
    fn key(&self, position: usize) -> (i64, Uuid) {
        match &self.by_time {
            Some(entries) => (entries[position].at_ms, entries[position].id),
            None => {
                let (seconds, id) = self.names.key(position);
                (seconds * 1000, id)
            }
        }
    }

    fn path(&self, position: usize) -> PathBuf {
        self.names.path(self.by_time.as_ref().map_or(position, |entries| entries[position].index))
    }

    /// Returns the positions strictly behind the cursor, in the direction asked for.
    fn behind(&self, cursor: Option<Cursor>, descending: bool) -> Box<dyn Iterator<Item = usize>> {
        let Some(cursor) = cursor else {
            return if descending { Box::new(0..self.len()) } else { Box::new((0..self.len()).rev()) };
        };
        if descending {
            let start = self.partition_point(|(at_ms, id)| {
                at_ms > cursor.at_ms || at_ms == cursor.at_ms && cursor.id.is_none_or(|of| id >= of)
            });
            Box::new(start..self.len())
        } else {
            let end = self.partition_point(|(at_ms, id)| {
                at_ms > cursor.at_ms || at_ms == cursor.at_ms && cursor.id.is_some_and(|of| id > of)
            });
            Box::new((0..end).rev())
        }
    }

    /// Returns how many leading positions satisfy `is_before`.
    fn partition_point(&self, is_before: impl Fn((i64, Uuid)) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if is_before(self.key(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

struct Filter<'a> {
    query: &'a ListQuery,
    providers: &'a [String],
    search_term: Option<String>,
    names: &'a HashMap<Uuid, String>,
    /// The descendants of the ancestor that is asked for.
    family: Option<HashSet<Uuid>>,
}

impl<'a> Filter<'a> {
    fn new(query: &'a ListQuery, names: &'a HashMap<Uuid, String>, family: Option<HashSet<Uuid>>) -> Self {
        Self {
            query,
            providers: query.model_providers.as_deref().unwrap_or_default(),
            search_term: query.search_term.as_ref().map(|term| term.to_lowercase()),
            names,
            family,
        }
    }

    fn admits(&self, head: &Head) -> bool {
        head.has_user_message
            && self.query.sources.admits(&head.meta.source)
            && self.admits_provider(head)
            && (self.query.cwds.is_empty() || self.query.cwds.contains(&head.meta.cwd))
            && (self.query.originators.is_empty() || self.query.originators.contains(&head.meta.originator))
            && self.admits_origin(head)
            && self.admits_text(head)
    }

    fn admits_origin(&self, head: &Head) -> bool {
        let is_child = |parent| head.meta.spawned_by() == Some(parent);
        self.query.parent.is_none_or(is_child)
            && self.family.as_ref().is_none_or(|family| family.contains(&head.meta.id))
    }

    fn admits_provider(&self, head: &Head) -> bool {
        let provider = head.meta.model_provider.as_ref().or(self.query.default_model_provider.as_ref());
        self.providers.is_empty() || provider.is_some_and(|provider| self.providers.contains(provider))
    }

    fn admits_text(&self, head: &Head) -> bool {
        let Some(term) = &self.search_term else { return true };
        let name = self.names.get(&head.meta.id);
        [name, head.preview.as_ref()].into_iter().flatten().any(|text| text.to_lowercase().contains(term))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_of_both_eras_are_read() {
        let id = "01950000-0000-7000-8000-000000000001";
        let check = |text: &str, printed: &str| {
            assert_eq!(text.parse::<Cursor>().unwrap().to_string(), printed, "{text}");
        };
        check(&format!("2026-11-21T07-46-46|{id}"), &format!("2026-11-21T07:46:46Z|{id}"));
        check(&format!("2026-11-21T07:46:46.123Z|{id}"), &format!("2026-11-21T07:46:46.123Z|{id}"));
        check("2026-11-21T09:46:46+02:00", "2026-11-21T07:46:46Z");
        check(&format!("1000001|{id}"), &format!("1000001|{id}"));
    }

    #[test]
    fn other_cursors_are_refused_with_their_text() {
        for text in ["", "abc", "2026-11-21T07-46-46|", "2026-11-21T07-46-46|7", "|", "2026-13-21T07-46-46"] {
            let error = text.parse::<Cursor>().unwrap_err();
            assert_eq!(error.to_string(), format!("invalid cursor: {text}"));
        }
    }

    #[test]
    fn sources_are_picked_as_the_wire_names_them() {
        let spawned = Source::SubAgent(serde_json::json!({"thread_spawn": {"depth": 1}}));
        assert!(!SourceFilter::Interactive.admits(&spawned));
        assert!(SourceFilter::Only(vec![SourceKind::SubAgentThreadSpawn]).admits(&spawned));
        assert!(SourceFilter::Only(vec![SourceKind::SubAgent]).admits(&spawned));
        assert!(!SourceFilter::Only(vec![SourceKind::SubAgentReview]).admits(&spawned));
        assert!(SourceFilter::Only(vec![SourceKind::AppServer]).admits(&Source::Mcp));
        assert!(!SourceFilter::Interactive.admits(&Source::Mcp));
        assert!(SourceFilter::Interactive.admits(&Source::Custom("atlas".into())));
    }
}
