//! Looking for skills below a root. Everything is bounded: a root may be a whole disk, and a repository may want to
//! have files read that it does not hold.

use std::collections::{HashSet, VecDeque};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::stamp::Stamp;
use crate::{Catalogue, FILE_NAME, MAX_BYTES, Problem, Scope, Skill, front_matter, interface};

/// Folders below a root that are gone down.
const MAX_DEPTH: usize = 6;
/// Folders of a root that are looked at.
const MAX_FOLDERS: usize = 2_000;

/// A folder whose folders are skills.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Root {
    /// Absolute; it need not exist.
    pub path: PathBuf,
    /// What its skills count as.
    pub scope: Scope,
    /// What is made of links.
    pub links: Links,
}

/// What is made of symbolic links below a root.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Links {
    /// They are followed.
    Follow,
    /// They are passed over.
    Ignore,
    /// They are followed as long as they stay in this folder, which is canonical: where others write the files, a link
    /// must not have files of the user's read. That goes for the root itself and the folders above it, too.
    Within(PathBuf),
}

/// What is gathered while roots are gone through.
#[derive(Default)]
pub(crate) struct Walk {
    pub(crate) catalogue: Catalogue,
    /// The files that were read; one that is reached in two ways counts once.
    known: HashSet<PathBuf>,
}

impl Walk {
    /// Adds the skills of a root.
    pub(crate) fn add(&mut self, root: &Root) {
        self.catalogue.look(&root.path);
        let Ok(start) = root.path.canonicalize() else { return };
        if !self.may_enter(root, &root.path, &start) {
            return;
        }
        let mut waiting = VecDeque::from([(start.clone(), 0)]);
        let mut entered = HashSet::from([start.clone()]);
        let mut is_cut = false;
        while let Some((folder, depth)) = waiting.pop_front() {
            if folder != start {
                self.catalogue.look(&folder);
            }
            self.catalogue.folders.push(folder.clone());
            let entries = match entries(&folder) {
                Ok(entries) => entries,
                Err(error) => {
                    self.problem(&folder, format!("cannot be read: {error}"));
                    continue;
                }
            };
            for path in entries {
                let is_link = path.is_symlink();
                if is_link && root.links == Links::Ignore {
                    continue;
                }
                let is_skill = path.file_name().is_some_and(|name| name == FILE_NAME);
                let Ok(real) = path.canonicalize() else { continue };
                if is_skill && !real.is_dir() {
                    if !is_link || self.may_enter(root, &path, &real) {
                        self.read(root.scope, &path, &real);
                    }
                } else if real.is_dir() && depth < MAX_DEPTH {
                    if is_link && !self.may_enter(root, &path, &real) {
                        continue;
                    }
                    if entered.len() < MAX_FOLDERS {
                        if entered.insert(real.clone()) {
                            waiting.push_back((real, depth + 1));
                        }
                    } else if !entered.contains(&real) {
                        is_cut = true;
                    }
                }
            }
        }
        if is_cut {
            let message = format!("holds more than {MAX_FOLDERS} folders; the rest was not looked at");
            self.problem(&root.path, message);
        }
    }

    /// Whether what a path leads to may be looked at; if not, that is told.
    fn may_enter(&mut self, root: &Root, path: &Path, real: &Path) -> bool {
        match &root.links {
            Links::Within(limit) if !real.starts_with(limit) => {
                self.problem(path, format!("is not read: it leads out of {}", limit.display()));
                false
            }
            _ => true,
        }
    }

    fn read(&mut self, scope: Scope, path: &Path, real: &Path) {
        if !self.known.insert(real.to_owned()) {
            return;
        }
        self.catalogue.look(real);
        let folder = real.parent().unwrap_or(real);
        match skill(scope, real, folder) {
            Ok(skill) => {
                self.catalogue.look(&interface::file_of(folder));
                self.catalogue.skills.push(skill);
            }
            Err(message) => self.problem(path, message),
        }
    }

    fn problem(&mut self, path: &Path, message: String) {
        self.catalogue.problems.push(Problem { path: path.to_owned(), message });
    }
}

impl Catalogue {
    /// Remembers how a path is now.
    fn look(&mut self, path: &Path) {
        self.stamps.push((path.to_owned(), Stamp::take(path)));
    }
}

/// The entries of a folder but hidden ones, sorted.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            entries.push(entry.path());
        }
    }
    entries.sort();
    Ok(entries)
}

fn skill(scope: Scope, path: &Path, folder: &Path) -> Result<Skill, String> {
    let text = text_of(path, MAX_BYTES)
        .map_err(|error| format!("cannot be read: {error}"))?
        .ok_or_else(|| format!("is not a file of at most {MAX_BYTES} bytes"))?;
    let front = front_matter::read(&text).map_err(|error| error.to_string())?;
    let own_name = || folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = front.name.or_else(own_name).filter(|name| front_matter::is_name(name));
    let (interface, dependencies) = interface::read(folder);
    Ok(Skill {
        name: name.ok_or("missing field `name`")?,
        description: front.description,
        short_description: front.short_description,
        interface,
        dependencies,
        path: path.to_owned(),
        scope,
    })
}

/// The text of a regular file, what is no UTF-8 replaced; `None` if it is something else or larger.
pub(crate) fn text_of(path: &Path, max_bytes: u64) -> io::Result<Option<String>> {
    // Opening a pipe would wait for whoever writes to it.
    if !path.metadata()?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(max_bytes + 1).read_to_end(&mut bytes)?;
    let fits = bytes.len() as u64 <= max_bytes;
    Ok(fits.then(|| String::from_utf8_lossy(&bytes).into_owned()))
}
