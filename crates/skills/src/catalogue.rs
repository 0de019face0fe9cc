//! The skills there are, and whether that is still so.

use std::io;
use std::path::{Path, PathBuf};

use crate::stamp::Stamp;
use crate::walk::{self, Walk};
use crate::{MAX_BYTES, Problem, Root, Skill};

/// What was found below some roots.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// By scope, then by name, then by path.
    pub skills: Vec<Skill>,
    /// What cannot be used, in the order it was come across.
    pub problems: Vec<Problem>,
    /// The folders that were looked at, canonical. A change of the skills is a change in one of them, or that a root
    /// comes into being.
    pub folders: Vec<PathBuf>,
    /// How all that was looked at was then.
    pub(crate) stamps: Vec<(PathBuf, Stamp)>,
}

impl Catalogue {
    /// Looks for skills below the roots. A file that is reached in two ways counts as what the earlier root makes it.
    /// Reads many files, so it is nothing for a thread that must not wait.
    pub fn read(roots: &[Root]) -> Self {
        let mut walk = Walk::default();
        roots.iter().for_each(|root| walk.add(root));
        let mut catalogue = walk.catalogue;
        catalogue.skills.sort_by(|a, b| (a.scope, &a.name, &a.path).cmp(&(b.scope, &b.name, &b.path)));
        catalogue
    }

    /// Whether all is as it was when it was read, as far as can be told without reading it again.
    pub fn is_current(&self) -> bool {
        self.stamps.iter().all(|(path, stamp)| stamp.still_holds(path))
    }

    /// Whether something has surely changed. Of what had just changed when it was read nothing is known.
    pub fn has_changed(&self) -> bool {
        self.stamps.iter().any(|(path, stamp)| stamp.is_outdated(path))
    }
}

/// Reads the whole text of a skill.
///
/// # Errors
/// The system's; or that the file is none any more, or too large.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    walk::text_of(path, MAX_BYTES)?
        .ok_or_else(|| io::Error::other(format!("not a file of at most {MAX_BYTES} bytes")))
}

impl Skill {
    /// Reads its instructions: the whole text of its file.
    ///
    /// # Errors
    /// The system's; or that the file is none any more, or too large.
    pub fn text(&self) -> io::Result<String> {
        text(&self.path)
    }
}
