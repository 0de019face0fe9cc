//! `[[skills.config]]`: which skills the user has switched off.

use std::path::{Path, PathBuf};

use app_server_config::{LayerSource, Layers};
use app_server_skills::Skill;
use toml::{Table, Value};

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Which {
    /// The skill of this `SKILL.md`.
    Path(PathBuf),
    /// All skills of this name.
    Name(String),
}

/// The entries of all layers, the ones that count more last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Switches(Vec<(Which, bool)>);

impl Switches {
    /// Reads the entries. A project has no say in which skills its user has. Entries of another form are passed over.
    pub(super) fn of(layers: &Layers) -> Self {
        let counts = |source: &LayerSource| !matches!(source, LayerSource::Project { .. });
        let entries = layers
            .iter()
            .filter(|layer| layer.is_enabled() && counts(&layer.source))
            .flat_map(|layer| entries(&layer.table))
            .filter_map(|entry| Some((Which::of(entry)?, entry.get("enabled")?.as_bool()?)));
        Switches(entries.collect())
    }

    /// Whether a skill may be used. An entry about its file counts more than one about its name.
    pub(super) fn is_on(&self, skill: &Skill) -> bool {
        let by_path = Which::Path(skill.path.clone());
        self.last(&by_path).or_else(|| self.last(&Which::Name(skill.name.clone()))).unwrap_or(true)
    }

    /// What the entries about this path or name come to.
    pub(super) fn state_of(&self, asked: &Which) -> bool {
        self.last(asked).unwrap_or(true)
    }

    fn last(&self, asked: &Which) -> Option<bool> {
        self.0.iter().rev().find(|(which, _)| which.is_about(asked)).map(|(_, is_on)| *is_on)
    }
}

impl Which {
    /// What an entry of the configuration is about.
    pub(super) fn of(entry: &Value) -> Option<Self> {
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        match (text("path"), text("name")) {
            (Some(path), _) => Some(Which::Path(path.into())),
            (None, Some(name)) => Some(Which::Name(name.to_owned())),
            (None, None) => None,
        }
    }

    /// Whether both are about the same; two paths may lead to one file.
    pub(super) fn is_about(&self, other: &Self) -> bool {
        match (self, other) {
            (Which::Path(path), Which::Path(other)) => path == other || is_same(path, other),
            (Which::Name(name), Which::Name(other)) => name == other,
            _ => false,
        }
    }

    /// The same with another path in the place of its own.
    pub(super) fn resolved(self, path: impl FnOnce(&Path) -> PathBuf) -> Self {
        match self {
            Which::Path(own) => Which::Path(path(&own)),
            Which::Name(_) => self,
        }
    }
}

/// Whether two paths lead to the same file.
fn is_same(path: &Path, other: &Path) -> bool {
    path.file_name() == other.file_name()
        && path.canonicalize().is_ok_and(|path| other.canonicalize().is_ok_and(|other| path == other))
}

/// The entries of one layer.
pub(super) fn entries(table: &Table) -> impl Iterator<Item = &Value> {
    let entries = table.get("skills").and_then(|skills| skills.get("config")).and_then(Value::as_array);
    entries.into_iter().flatten()
}
