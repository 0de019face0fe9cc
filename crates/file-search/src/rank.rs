//! What matches a query, and how well.
//!
//! A query is words that all must match somewhere in the path, whatever their case, in any order. A word may begin with `^`
//! or end with `$` to hold at the path's beginning or end, begin with `'` to be found as it stands, with `!` to be
//! missing. A query of one plain word means names above all: a file is better when the word matches its name than when
//! it needs the folders before it, better still when the word is its name; so is one folder of that name, the topmost.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ffi::OsStr;

use nucleo_matcher::pattern::{Atom, AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use crate::index::{Folder, Index};
use crate::{Kind, Stop};

/// What a match within the name of a file is worth.
const IN_NAME: u32 = 1 << 16;
/// What it is worth besides when it is the whole name.
const WHOLE_NAME: u32 = 1 << 17;
/// Fewer names are gone through by one thread.
const WORTH_A_THREAD: usize = 4000;

/// A file or folder that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The root it lies in, as it was given.
    pub root: String,
    /// Relative to the root; what is not UTF-8 is replaced.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Higher is better; comparable within one search only.
    pub score: u32,
    /// Which characters of the path matched, counted from 0, in their order.
    pub indices: Vec<u32>,
}

impl Hit {
    /// Returns the last name of the path.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.path[name_start(&self.path)..]
    }
}

impl Index {
    /// Returns the best hits, at most `limit`: best first, those that are as good in the order of their paths. Of a search
    /// that is stopped, the best of what it has seen. A blank query finds nothing.
    #[must_use]
    pub fn search(&self, query: &str, limit: usize, stop: &Stop) -> Vec<Hit> {
        let query = Query::new(query);
        if query.pattern.atoms.is_empty() || limit == 0 {
            return Vec::new();
        }
        let folders = self.folders();
        let names: usize = folders.iter().map(|place| place.folder.len()).sum();
        let best = if names < WORTH_A_THREAD {
            Search::new(&query, limit).run(&folders, stop)
        } else {
            let (first, second) = folders.split_at(half(&folders, names));
            std::thread::scope(|scope| {
                let first = scope.spawn(|| Search::new(&query, limit).run(first, stop));
                let mut best = Search::new(&query, limit).run(second, stop);
                // A thread that failed has found nothing.
                if let Ok(first) = first.join() {
                    best.merge(first);
                }
                best
            })
        };
        self.hits(best, &query)
    }

    fn folders(&self) -> Vec<Place<'_>> {
        let mut places = Vec::new();
        for (at, root) in self.roots.iter().enumerate() {
            let is_inner = |key: &OsStr| {
                let key = key.as_encoded_bytes();
                root.inner.iter().any(|inner| {
                    let rest = key.strip_prefix(inner.as_encoded_bytes());
                    rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
                })
            };
            let folders = root.folders.iter().filter(|(key, _)| !is_inner(key));
            places.extend(folders.map(|(key, folder)| Place { root: at, key, folder }));
        }
        places
    }

    fn hits(&self, best: Best, query: &Query) -> Vec<Hit> {
        let mut matcher = matcher();
        let mut buffer = Vec::new();
        let ranked = best.into_sorted();
        let hit = |Ranked { score, path, root, kind }: Ranked| {
            let indices = query.indices(&path, kind, &mut matcher, &mut buffer);
            Hit { root: self.roots[root].given.clone(), path, kind, score, indices }
        };
        ranked.into_iter().map(hit).collect()
    }
}

/// The words of a query.
struct Query {
    pattern: Pattern,
    /// The word as a whole name, when it is one plain word.
    whole: Option<Atom>,
}

impl Query {
    fn new(text: &str) -> Self {
        let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
        let whole = match pattern.atoms.as_slice() {
            [word] if word.kind == AtomKind::Fuzzy && !word.negative => {
                let needle = word.needle_text().to_string();
                Some(Atom::new(&needle, CaseMatching::Ignore, Normalization::Smart, AtomKind::Exact, false))
            }
            _ => None,
        };
        Self { pattern, whole }
    }

    /// Which characters matched: those of the name where the name alone matches.
    fn indices(&self, path: &str, kind: Kind, matcher: &mut Matcher, buffer: &mut Vec<char>) -> Vec<u32> {
        let mut indices = Vec::new();
        if self.whole.is_some() && kind == Kind::File {
            let (folder, name) = path.split_at(name_start(path));
            let before = u32::try_from(Utf32Str::new(folder, buffer).len()).unwrap_or(u32::MAX);
            if self.pattern.indices(Utf32Str::new(name, buffer), matcher, &mut indices).is_some() {
                indices.iter_mut().for_each(|index| *index = index.saturating_add(before));
            }
        }
        if indices.is_empty() {
            self.pattern.indices(Utf32Str::new(path, buffer), matcher, &mut indices);
        }
        indices.sort_unstable();
        indices.dedup();
        indices
    }
}

fn matcher() -> Matcher {
    Matcher::new(Config::DEFAULT.match_paths())
}

fn name_start(path: &str) -> usize {
    path.rfind('/').map_or(0, |slash| slash + 1)
}

/// A folder whose names are gone through.
struct Place<'a> {
    root: usize,
    key: &'a OsStr,
    folder: &'a Folder,
}

/// How many of the folders have about half of the names.
fn half(folders: &[Place<'_>], names: usize) -> usize {
    let mut seen = 0;
    let passed = folders.iter().take_while(|place| {
        seen += place.folder.len();
        seen <= names / 2
    });
    passed.count()
}

/// Orders by score, then by path from behind: the greater one is better.
#[derive(Debug, PartialEq, Eq)]
struct Ranked {
    score: u32,
    path: String,
    root: usize,
    kind: Kind,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |ranked: &Self| (ranked.score, Reverse(ranked.root), Reverse(ranked.kind));
        self.score
            .cmp(&other.score)
            .then_with(|| other.path.cmp(&self.path))
            .then_with(|| key(self).cmp(&key(other)))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The best of what was seen.
struct Best {
    limit: usize,
    /// The worst of them on top.
    heap: BinaryHeap<Reverse<Ranked>>,
    /// The topmost folder whose name is the query.
    named: Option<Ranked>,
}

impl Best {
    fn offer(&mut self, score: u32, path: &str, root: usize, kind: Kind) {
        if self.heap.len() >= self.limit
            && let Some(Reverse(worst)) = self.heap.peek()
            && (score, Reverse(path)) < (worst.score, Reverse(worst.path.as_str()))
        {
            return;
        }
        self.put(Ranked { score, path: path.to_owned(), root, kind });
    }

    fn put(&mut self, ranked: Ranked) {
        self.heap.push(Reverse(ranked));
        if self.heap.len() > self.limit {
            self.heap.pop();
        }
    }

    fn name(&mut self, folder: Ranked) {
        let depth = |ranked: &Ranked| ranked.path.bytes().filter(|byte| *byte == b'/').count();
        let is_better = self.named.as_ref().is_none_or(|named| {
            (depth(&folder), &folder.path, folder.root) < (depth(named), &named.path, named.root)
        });
        if is_better {
            self.named = Some(folder);
        }
    }

    fn merge(&mut self, other: Self) {
        other.heap.into_iter().for_each(|Reverse(ranked)| self.put(ranked));
        if let Some(folder) = other.named {
            self.name(folder);
        }
    }

    fn into_sorted(mut self) -> Vec<Ranked> {
        if let Some(mut named) = self.named.take() {
            self.heap.retain(|Reverse(ranked)| (&ranked.path, ranked.root) != (&named.path, named.root));
            named.score += WHOLE_NAME;
            self.put(named);
        }
        // In the order of the reversed ones: best first.
        self.heap.into_sorted_vec().into_iter().map(|Reverse(ranked)| ranked).collect()
    }
}

/// One thread's part of a search.
struct Search<'a> {
    query: &'a Query,
    matcher: Matcher,
    best: Best,
}

impl<'a> Search<'a> {
    fn new(query: &'a Query, limit: usize) -> Self {
        Self { query, matcher: matcher(), best: Best { limit, heap: BinaryHeap::new(), named: None } }
    }

    fn run(mut self, places: &[Place<'_>], stop: &Stop) -> Best {
        let mut path = String::new();
        let mut buffer = Vec::new();
        for place in places.iter().take_while(|_| !stop.is_stopped()) {
            path.clear();
            path.push_str(&place.key.to_string_lossy());
            if !path.is_empty() {
                path.push('/');
            }
            let start = path.len();
            for (name, kind) in place.folder.names() {
                path.truncate(start);
                path.push_str(name);
                self.see(place.root, &path, name, kind, &mut buffer);
            }
        }
        self.best
    }

    fn see(&mut self, root: usize, path: &str, name: &str, kind: Kind, buffer: &mut Vec<char>) {
        let pattern = &self.query.pattern;
        let Some(mut score) = pattern.score(Utf32Str::new(path, buffer), &mut self.matcher) else {
            return;
        };
        if let Some(whole) = &self.query.whole {
            let in_name = Utf32Str::new(name, buffer);
            let is_whole = whole.score(in_name, &mut self.matcher).is_some();
            match kind {
                Kind::Directory if is_whole => {
                    self.best.name(Ranked { score, path: path.to_owned(), root, kind });
                }
                Kind::Directory => {}
                Kind::File => {
                    if let Some(of_name) = pattern.score(in_name, &mut self.matcher) {
                        score = of_name + IN_NAME + if is_whole { WHOLE_NAME } else { 0 };
                    }
                }
            }
        }
        self.best.offer(score, path, root, kind);
    }
}
