//! Skills: instructions in folders that a user or the model asks for by name. Here is where they are looked for, what a
//! `SKILL.md` says of itself, and which ones a text asks for. It must not know the wire, the configuration or the model;
//! whether a skill is switched on is its caller's to say.

mod catalogue;
mod front_matter;
mod interface;
mod mentions;
mod stamp;
mod walk;

use std::path::PathBuf;

pub use catalogue::Catalogue;
pub use interface::{Interface, ToolDependency};
pub use mentions::{Wanted, wanted};
pub use walk::{Links, Root};

/// The file that makes a folder a skill.
pub const FILE_NAME: &str = "SKILL.md";
/// Bytes of a `SKILL.md` that are read at most; a longer one is no skill.
pub const MAX_BYTES: u64 = 1024 * 1024;

/// Where a skill was found, in the order of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// In the project.
    Repo,
    /// In the user's own folders.
    User,
    /// Brought by the product.
    System,
    /// In the machine's folder.
    Admin,
}

/// A skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skill {
    /// At most 64 characters on one line; that of its folder when the file gives none.
    pub name: String,
    /// What it is for, on one line.
    pub description: String,
    /// The same for lists, if the file gives it.
    pub short_description: Option<String>,
    /// How it wants to be shown.
    pub interface: Option<Interface>,
    /// Tools it needs.
    pub dependencies: Vec<ToolDependency>,
    /// Its `SKILL.md`: absolute, links resolved.
    pub path: PathBuf,
    /// Where it was found.
    pub scope: Scope,
}

/// A skill that cannot be used, or a folder that was not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The `SKILL.md` or the folder.
    pub path: PathBuf,
    /// Why, for a person.
    pub message: String,
}
