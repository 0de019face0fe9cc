//! Sections of the thread list, kept in `thread_sections.jsonl`: one line per change, lines are only appended. Must not
//! know how a section looks, which is the client's own.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::follow::Followed;

/// The section that every home has and that is never removed.
const PINNED: Uuid = Uuid::from_u128(0x0195_0000_0000_7000_8000_0000_0000_0001);

/// What lies between two threads that are put one behind the other, so that others find room between them.
const GAP: i64 = 1_000_000;

/// Ranks of one section: more than it can be moved in.
const SECTION_RANKS: i64 = 1 << 50;

/// The sections of a home and what is in them, kept in memory and followed as the file grows, whoever appends to it.
#[derive(Debug)]
pub struct SectionIndex {
    file: Followed<Sections>,
    /// Held from the look to the write, so that what was looked at is still so.
    changing: Mutex<()>,
}

/// A section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// Never changes.
    pub id: Uuid,
    /// What the user calls it.
    pub name: String,
    /// How it looks, in the client's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appearance: Option<Value>,
}

/// The section a thread is in.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// The section.
    pub section: Section,
    /// When the thread came there, Unix seconds.
    pub entered_at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Member {
    section: Uuid,
    /// Grows towards the end of the section.
    position: i64,
    entered_at: i64,
}

/// All sections at one moment.
#[derive(Clone, Debug)]
pub struct Sections {
    /// In the order they were made.
    list: Vec<Section>,
    members: HashMap<Uuid, Member>,
}

/// Why a change is refused.
#[derive(Debug, thiserror::Error)]
pub enum SectionError {
    /// There is no such section.
    #[error("thread section not found: {0}")]
    NotFound(String),
    /// A blank name.
    #[error("section name must not be empty")]
    NoName,
    /// The section belongs to every home.
    #[error("the section {0} cannot be changed or removed")]
    BuiltIn(String),
    /// The thread to stand before is elsewhere.
    #[error("thread {0} is not in that section")]
    NotInSection(Uuid),
    /// The file cannot be read or written.
    #[error("cannot use the sections of threads: {0}")]
    Io(#[from] io::Error),
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    /// A section is new or changed.
    Section(Section),
    /// A section is gone.
    Removed(Uuid),
    Moved(Move),
}

#[derive(Serialize, Deserialize)]
struct Move {
    thread: Uuid,
    /// `None` takes the thread out of its section.
    section: Option<Uuid>,
    /// The thread to stand before; `None` is the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Uuid>,
    at: i64,
}

impl SectionIndex {
    /// Returns the index of a home; nothing is read yet.
    pub fn new(codex_home: &Path) -> Self {
        Self {
            file: Followed::new(codex_home.join("thread_sections.jsonl"), take),
            changing: Mutex::default(),
        }
    }

    /// Returns all sections as of now.
    ///
    /// # Errors
    /// The system's; a home without the file has the one section that every home has.
    pub fn all(&self) -> io::Result<Arc<Sections>> {
        self.file.all()
    }

    /// As [`SectionIndex::all`], with a warning in place of an error.
    pub(crate) fn all_or_none(&self) -> Arc<Sections> {
        self.all().unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read the sections of threads");
            Arc::default()
        })
    }

    /// Returns the section a thread is in. A file that cannot be read has it in none.
    pub fn of(&self, thread: Uuid) -> Option<Placement> {
        self.all_or_none().of(thread)
    }

    /// Makes a section.
    ///
    /// # Errors
    /// [`SectionError`]; nothing has changed then. The same holds for the other changes.
    pub fn create(&self, name: &str, appearance: Option<Value>) -> Result<Section, SectionError> {
        let section = Section { id: Uuid::now_v7(), name: given_name(name)?, appearance };
        self.change(|_| Ok((Change::Section(section.clone()), section)))
    }

    /// Renames a section and, if one is given, changes its appearance.
    ///
    /// # Errors
    /// As [`SectionIndex::create`].
    pub fn update(&self, id: &str, name: &str, appearance: Option<Value>) -> Result<Section, SectionError> {
        let name = given_name(name)?;
        self.change(|sections| {
            let known = sections.own(id)?;
            let appearance = appearance.or_else(|| known.appearance.clone());
            let section = Section { id: known.id, name, appearance };
            Ok((Change::Section(section.clone()), section))
        })
    }

    /// Removes a section and returns the threads that were in it, in their order.
    ///
    /// # Errors
    /// As [`SectionIndex::create`].
    pub fn remove(&self, id: &str) -> Result<Vec<Uuid>, SectionError> {
        self.change(|sections| {
            let id = sections.own(id)?.id;
            Ok((Change::Removed(id), sections.threads(id).into_iter().map(|(_, thread)| thread).collect()))
        })
    }

    /// Puts a thread into a section, before another one or at the end, or takes it out. Returns the section it is in.
    ///
    /// # Errors
    /// As [`SectionIndex::create`].
    pub fn place(
        &self,
        thread: Uuid,
        section: Option<&str>,
        before: Option<Uuid>,
    ) -> Result<Option<Uuid>, SectionError> {
        self.change(|sections| {
            let section = match section {
                Some(id) => Some(sections.find(id)?.id),
                None => None,
            };
            let is_there = |other: Uuid| section.is_some_and(|section| sections.holds(section, other));
            if let Some(other) = before.filter(|before| !is_there(*before)) {
                return Err(SectionError::NotInSection(other));
            }
            let at = Timestamp::now().as_second();
            Ok((Change::Moved(Move { thread, section, before, at }), section))
        })
    }

    /// Takes a thread out of whatever section it is in.
    ///
    /// # Errors
    /// As [`SectionIndex::create`].
    pub fn forget(&self, thread: Uuid) -> Result<(), SectionError> {
        if self.all()?.members.contains_key(&thread) {
            self.place(thread, None, None)?;
        }
        Ok(())
    }

    fn change<T>(
        &self,
        decide: impl FnOnce(&Sections) -> Result<(Change, T), SectionError>,
    ) -> Result<T, SectionError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let (change, result) = decide(&*self.all()?)?;
        self.file.append(&change)?;
        Ok(result)
    }
}

impl Default for Sections {
    fn default() -> Self {
        let pinned = Section { id: PINNED, name: "Pinned".to_owned(), appearance: None };
        Self { list: vec![pinned], members: HashMap::new() }
    }
}

impl Sections {
    /// Returns the sections in the order they were made.
    pub fn list(&self) -> &[Section] {
        &self.list
    }

    /// Returns a section.
    ///
    /// # Errors
    /// [`SectionError::NotFound`].
    pub fn find(&self, id: &str) -> Result<&Section, SectionError> {
        let found = Uuid::try_parse(id).ok().and_then(|id| self.get(id));
        found.ok_or_else(|| SectionError::NotFound(id.to_owned()))
    }

    /// Returns the section a thread is in.
    pub fn of(&self, thread: Uuid) -> Option<Placement> {
        let member = self.members.get(&thread)?;
        Some(Placement { section: self.get(member.section)?.clone(), entered_at: member.entered_at })
    }

    /// Whether a thread is in this section.
    pub(crate) fn holds(&self, section: Uuid, thread: Uuid) -> bool {
        self.members.get(&thread).is_some_and(|member| member.section == section)
    }

    /// Returns a number that grows from section to section, in their order, and towards the end of each. Threads in
    /// none come last, the latest made first.
    pub(crate) fn rank(&self, thread: Uuid, created_at_ms: i64) -> i64 {
        let place = || {
            let member = self.members.get(&thread)?;
            let index = self.list.iter().position(|section| section.id == member.section)?;
            let base = i64::try_from(index).ok()?.checked_mul(SECTION_RANKS)?;
            base.checked_add(member.position)
        };
        place().unwrap_or_else(|| i64::MAX.saturating_sub(created_at_ms.max(1)))
    }

    fn get(&self, id: Uuid) -> Option<&Section> {
        self.list.iter().find(|section| section.id == id)
    }

    /// A section that is not every home's.
    fn own(&self, id: &str) -> Result<&Section, SectionError> {
        let section = self.find(id)?;
        if section.id == PINNED { Err(SectionError::BuiltIn(section.name.clone())) } else { Ok(section) }
    }

    /// The threads of a section by position.
    fn threads(&self, section: Uuid) -> Vec<(i64, Uuid)> {
        let is_there = |(_, member): &(&Uuid, &Member)| member.section == section;
        let mut threads: Vec<_> =
            self.members.iter().filter(is_there).map(|(id, member)| (member.position, *id)).collect();
        threads.sort_unstable();
        threads
    }

    /// Takes over a change. One that another process made at the same time may contradict it; then it counts as far as
    /// it can.
    fn apply(&mut self, change: Change) {
        match change {
            Change::Section(section) => match self.list.iter_mut().find(|known| known.id == section.id) {
                Some(known) => *known = section,
                None => self.list.push(section),
            },
            Change::Removed(id) if id == PINNED => {}
            Change::Removed(id) => {
                self.list.retain(|section| section.id != id);
                self.members.retain(|_, member| member.section != id);
            }
            Change::Moved(Move { thread, section, before, at }) => {
                let was = self.members.remove(&thread);
                let Some(section) = section.filter(|section| self.get(*section).is_some()) else { return };
                let was = was.filter(|was| was.section == section);
                let position = match was {
                    // Before itself is where it is.
                    Some(was) if before == Some(thread) => was.position,
                    _ => self.room(section, before),
                };
                // It came to the section once, wherever it stands there.
                let entered_at = was.map_or(at, |was| was.entered_at);
                self.members.insert(thread, Member { section, position, entered_at });
            }
        }
    }

    /// Finds a free position before a thread of the section, or at its end, and makes room if there is none.
    fn room(&mut self, section: Uuid, before: Option<Uuid>) -> i64 {
        let threads = self.threads(section);
        let at = before.and_then(|before| threads.iter().position(|(_, thread)| *thread == before));
        let behind = |position: i64| position.saturating_add(GAP);
        let Some(at) = at else { return threads.last().map_or(GAP, |(last, _)| behind(*last)) };
        let (low, high) = (at.checked_sub(1).map_or(0, |at| threads[at].0), threads[at].0);
        if high - low >= 2 {
            return i64::midpoint(low, high);
        }
        let (mut position, mut free) = (0, 0);
        for (index, (_, thread)) in threads.iter().enumerate() {
            position += GAP;
            if index == at {
                free = position;
                position += GAP;
            }
            if let Some(member) = self.members.get_mut(thread) {
                member.position = position;
            }
        }
        free
    }
}

fn given_name(name: &str) -> Result<String, SectionError> {
    let name = name.trim();
    if name.is_empty() { Err(SectionError::NoName) } else { Ok(name.to_owned()) }
}

fn take(sections: &mut Sections, line: &[u8]) {
    if let Ok(change) = serde_json::from_slice(line) {
        sections.apply(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    #[track_caller]
    fn check(index: &SectionIndex, section: &Section, expected: &[u128]) {
        let threads = index.all().unwrap().threads(section.id);
        assert_eq!(threads.into_iter().map(|(_, thread)| thread.as_u128()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn threads_stand_where_they_are_put() {
        let home = tempfile::tempdir().unwrap();
        let index = SectionIndex::new(home.path());
        let section = index.create(" Work ", None).unwrap();
        assert_eq!(section.name, "Work");
        let name = section.id.to_string();
        let put =
            |thread, before: Option<u128>| index.place(id(thread), Some(&name), before.map(id)).unwrap();
        for thread in [1, 2, 3] {
            put(thread, None);
        }
        put(3, Some(1));
        check(&index, &section, &[3, 1, 2]);
        put(3, Some(3));
        check(&index, &section, &[3, 1, 2]);
        put(3, None);
        check(&index, &section, &[1, 2, 3]);
        index.place(id(2), None, None).unwrap();
        check(&index, &section, &[1, 3]);
        // The room between two is used up, and made again.
        let mut expected = vec![1, 3];
        for thread in 10..60 {
            put(thread, Some(3));
            expected.insert(expected.len() - 1, thread);
        }
        check(&index, &section, &expected);
        // Another process sees the same.
        check(&SectionIndex::new(home.path()), &section, &expected);
    }

    #[test]
    fn a_removed_section_is_left_by_its_threads() {
        let home = tempfile::tempdir().unwrap();
        let index = SectionIndex::new(home.path());
        let section = index.create("Work", Some(serde_json::json!({"icon": "star"}))).unwrap();
        let name = section.id.to_string();
        index.place(id(2), Some(&name), None).unwrap();
        index.place(id(1), Some(&name), None).unwrap();
        let renamed = index.update(&name, "Play", None).unwrap();
        assert_eq!(renamed, Section { name: "Play".to_owned(), ..section });
        assert_eq!(index.remove(&name).unwrap(), [id(2), id(1)]);
        assert_eq!(index.all().unwrap().of(id(1)), None);
        assert!(matches!(index.remove(&name), Err(SectionError::NotFound(_))));
        assert_eq!(index.all().unwrap().list().len(), 1);
    }

    #[test]
    fn what_is_refused_changes_nothing() {
        let home = tempfile::tempdir().unwrap();
        let index = SectionIndex::new(home.path());
        let pinned = index.all().unwrap().list()[0].id.to_string();
        assert!(matches!(index.create(" ", None), Err(SectionError::NoName)));
        assert!(matches!(index.update("nope", "x", None), Err(SectionError::NotFound(id)) if id == "nope"));
        assert!(matches!(index.update(&pinned, "x", None), Err(SectionError::BuiltIn(_))));
        assert!(matches!(index.remove(&pinned), Err(SectionError::BuiltIn(_))));
        let before = index.place(id(1), Some(&pinned), Some(id(2)));
        assert!(matches!(before, Err(SectionError::NotInSection(other)) if other == id(2)));
        assert!(matches!(index.place(id(1), None, Some(id(1))), Err(SectionError::NotInSection(_))));
        assert!(!home.path().join("thread_sections.jsonl").exists());
    }
}
