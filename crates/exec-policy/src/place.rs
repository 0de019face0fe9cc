//! Which file a program's name would run, and whether the agent could have put it there. Must not judge what the
//! program does.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Where programs are looked up and which folders the agent may write to, so that a listed name is judged by what
/// would run.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The folder the command runs in, absolute.
    pub cwd: &'a Path,
    /// The `PATH` the command gets.
    pub search_path: &'a OsStr,
    /// What the sandbox lets commands write to, absolute. Under full access, where nothing is refused, leave it
    /// empty: programs of the project in `cwd` are never believed anyway.
    pub writable: &'a [PathBuf],
}

/// Folders that only the machine's administrator, or a package manager acting for the user, writes to.
const SYSTEM: &[&str] = &[
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/opt/homebrew/bin",
    "/opt/local/bin",
    "/run/current-system/sw/bin",
];

/// What is behind a program's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A program that the agent cannot have put there.
    Trusted,
    /// Nothing that could run.
    Missing,
    /// Something that could be the project's or the agent's own.
    Doubtful,
}

/// Looks programs up for one judgement, each name once: a long chain repeats few names.
pub(crate) struct Lookup<'a> {
    pub(crate) around: &'a Surroundings<'a>,
    seen: RefCell<HashMap<String, Place>>,
    /// Whether the repository that a folder is in is harmless, for `git`.
    pub(crate) repositories: RefCell<HashMap<PathBuf, bool>>,
}

impl<'a> Lookup<'a> {
    pub(crate) fn new(around: &'a Surroundings<'a>) -> Self {
        Self { around, seen: RefCell::default(), repositories: RefCell::default() }
    }

    pub(crate) fn place(&self, program: &str) -> Place {
        if let Some(place) = self.seen.borrow().get(program) {
            return *place;
        }
        let place = self.look(program);
        self.seen.borrow_mut().insert(program.to_owned(), place);
        place
    }

    fn look(&self, program: &str) -> Place {
        let path = Path::new(program);
        if program.contains('/') && !(path.is_absolute() && self.is_known_folder(path.parent())) {
            return Place::Doubtful;
        }
        match resolve(program, self.around) {
            Resolved::File(file) => self.trust(&file),
            Resolved::Nothing => Place::Missing,
            Resolved::Unclear => Place::Doubtful,
        }
    }

    /// An absolute path means a listed program where programs live. Whoever put a folder on the search path could
    /// have had the bare name mean that program too.
    fn is_known_folder(&self, folder: Option<&Path>) -> bool {
        let Some(folder) = folder else { return false };
        is_system_folder(folder)
            || std::env::split_paths(self.around.search_path).any(|entry| entry == folder)
    }

    fn trust(&self, file: &Path) -> Place {
        // A link in a good folder may lead into a bad one, and the other way round.
        let Ok(real) = fs::canonicalize(file) else { return Place::Doubtful };
        let paths = [file, &real];
        let inside = |folder: &Path| {
            let canonical = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
            paths.iter().any(|path| path.starts_with(folder) || path.starts_with(&canonical))
        };
        // With `/` as the project, the system is not the project's all the same.
        let is_system = paths.iter().all(|path| path.parent().is_some_and(is_system_folder));
        let writable = self.around.writable.iter().any(|folder| inside(folder));
        if writable || (!is_system && inside(self.around.cwd)) { Place::Doubtful } else { Place::Trusted }
    }
}

fn is_system_folder(folder: &Path) -> bool {
    SYSTEM.iter().any(|system| Path::new(system) == folder)
}

/// The file a program's name leads to.
enum Resolved {
    File(PathBuf),
    Nothing,
    /// It depends on the folder the command happens to be in.
    Unclear,
}

fn resolve(program: &str, around: &Surroundings<'_>) -> Resolved {
    if program.is_empty() {
        return Resolved::Nothing;
    }
    if program.contains('/') {
        let path = around.cwd.join(program);
        return if is_program(&path) { Resolved::File(path) } else { Resolved::Nothing };
    }
    for folder in std::env::split_paths(around.search_path) {
        if !folder.is_absolute() {
            return Resolved::Unclear;
        }
        let path = folder.join(program);
        if is_program(&path) {
            return Resolved::File(path);
        }
    }
    Resolved::Nothing
}

/// Returns the file that `program` would run, links followed.
pub(crate) fn program_file(program: &str, around: &Surroundings<'_>) -> Option<PathBuf> {
    match resolve(program, around) {
        Resolved::File(file) => Some(fs::canonicalize(&file).unwrap_or(file)),
        Resolved::Nothing | Resolved::Unclear => None,
    }
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file())
}
