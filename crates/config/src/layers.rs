//! The layers of a configuration: where each comes from, how they merge, and which one set a given key. It must not
//! know the meaning of keys, nor read files.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use sha2::{Digest as _, Sha256};
use toml::de::DeTable;
use toml::{Table, Value};

use crate::error::ConfigError;
use crate::trust_records::TrustChange;

/// The folder beside a configuration file that holds rule files.
const RULES_FOLDER: &str = "rules";

/// Where a layer comes from; `name` of a layer in `config/read`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerSource {
    /// The machine's file; listed even when absent.
    System {
        /// Path of the file.
        file: PathBuf,
    },
    /// The user's file; listed even when absent. With a profile, the `<profile>.config.toml` beside it.
    User {
        /// Path of the file.
        file: PathBuf,
        /// The profile the program was started with.
        profile: Option<String>,
    },
    /// A project's `.codex` folder.
    Project {
        /// Path of the folder.
        dot_codex_folder: PathBuf,
    },
    /// `-c` flags and the `config` map of a request.
    SessionFlags,
    /// The older managed file, which beats flags.
    LegacyManaged {
        /// Path of the file.
        file: PathBuf,
    },
}

impl LayerSource {
    /// Returns the file the layer is read from, if it is one.
    pub fn file(&self) -> Option<PathBuf> {
        match self {
            Self::System { file } | Self::User { file, .. } | Self::LegacyManaged { file } => {
                Some(file.clone())
            }
            Self::Project { dot_codex_folder } => Some(dot_codex_folder.join("config.toml")),
            Self::SessionFlags => None,
        }
    }
}

/// Names the layer for a person.
impl fmt::Display for LayerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.file()) {
            (Self::SessionFlags, _) | (_, None) => f.write_str("command line or request"),
            (_, Some(file)) => write!(f, "{}", file.display()),
        }
    }
}

/// One source of settings.
#[derive(Clone)]
pub struct Layer {
    /// Where it comes from.
    pub source: LayerSource,
    /// What it says, paths made absolute, keys it may not set removed.
    pub table: Table,
    /// Why it does not count, if it does not.
    pub disabled_reason: Option<String>,
    /// Whether it would count if the project's folder were still what the user trusted.
    pub has_changed: bool,
    /// Keys removed from a project's layer because no project may set them.
    pub denied_keys: Vec<String>,
    /// The text it was parsed from, kept so that a type error can name its line.
    pub(crate) text: Option<Arc<str>>,
    version: OnceLock<String>,
}

impl Layer {
    /// Makes a layer that counts.
    pub fn new(source: LayerSource, table: Table) -> Self {
        Self {
            source,
            table,
            disabled_reason: None,
            has_changed: false,
            denied_keys: Vec::new(),
            text: None,
            version: OnceLock::new(),
        }
    }

    /// Returns the layer's version: `sha256:` and the hash of its table as compact JSON with sorted keys (config.md
    /// section 13). Computed on first use.
    pub fn version(&self) -> &str {
        self.version.get_or_init(|| version_of(&self.table))
    }

    /// Returns whether the layer counts.
    pub fn is_enabled(&self) -> bool {
        self.disabled_reason.is_none()
    }
}

/// Shows keys only: values may be secrets.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer")
            .field("source", &self.source)
            .field("keys", &self.table.keys().collect::<Vec<_>>())
            .field("disabled_reason", &self.disabled_reason)
            .finish_non_exhaustive()
    }
}

/// All layers of one load, lowest precedence first.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    layers: Vec<Layer>,
    trust_changes: Vec<TrustChange>,
}

impl Layers {
    pub(crate) fn new(layers: Vec<Layer>) -> Self {
        Self::with_trust_changes(layers, Vec::new())
    }

    pub(crate) fn with_trust_changes(layers: Vec<Layer>, trust_changes: Vec<TrustChange>) -> Self {
        Self { layers, trust_changes }
    }

    /// Returns what should be recorded of the projects the load looked at.
    pub fn trust_changes(&self) -> &[TrustChange] {
        &self.trust_changes
    }

    /// Iterates from the lowest precedence to the highest; `.rev()` gives the order of `config/read`.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Layer> {
        self.layers.iter()
    }

    /// Returns the user's own layer (not that of a started profile).
    pub fn user(&self) -> Option<&Layer> {
        self.layers.iter().find(|layer| matches!(layer.source, LayerSource::User { profile: None, .. }))
    }

    /// Merges the layers that count: tables recursively, any other pair of values by replacement.
    pub fn merged(&self) -> Table {
        let mut merged = Table::new();
        for layer in self.enabled() {
            merge(&mut merged, &layer.table);
        }
        merged
    }

    /// Returns, for every leaf of the merged table, the layer that set it. Keys are dotted paths; elements of arrays are
    /// named by index (config.md section 13).
    pub fn origins(&self) -> BTreeMap<String, &Layer> {
        let mut origins = BTreeMap::new();
        let merged = self.merged();
        let mut path = Vec::new();
        self.collect_origins(&merged, &mut path, &mut origins);
        origins
    }

    /// Returns the folders whose `*.rules` files hold the user's rules for commands, lowest precedence first: one for
    /// each folder of configuration that counts, so none of an untrusted project. A folder need not exist
    /// (approvals.md section 9).
    pub fn rules_folders(&self) -> Vec<PathBuf> {
        let folder = |layer: &Layer| match &layer.source {
            LayerSource::System { file } | LayerSource::User { file, profile: None } => {
                Some(file.parent()?.join(RULES_FOLDER))
            }
            LayerSource::Project { dot_codex_folder } => Some(dot_codex_folder.join(RULES_FOLDER)),
            // These are no folders of their own: a profile's file and the managed one lie beside others.
            LayerSource::User { profile: Some(_), .. }
            | LayerSource::SessionFlags
            | LayerSource::LegacyManaged { .. } => None,
        };
        self.enabled().filter_map(folder).collect()
    }

    /// Returns the layer that set the value at `path`, the highest one that has it.
    pub fn origin_of(&self, path: &[&str]) -> Option<&Layer> {
        self.enabled().rev().find(|layer| lookup(&layer.table, path).is_some())
    }

    /// Makes an error about the value at `path`, with its place when it was set in a file.
    pub(crate) fn error_at(&self, path: &[&str], message: impl Into<String>) -> ConfigError {
        let place =
            self.origin_of(path).and_then(|layer| Some((layer.source.file()?, layer.text.as_deref()?)));
        match place {
            Some((file, text)) => ConfigError::at(&file, text, span_of(text, path), message),
            None => ConfigError::new(message),
        }
    }

    pub(crate) fn enabled(&self) -> impl DoubleEndedIterator<Item = &Layer> {
        self.layers.iter().filter(|layer| layer.is_enabled())
    }

    fn collect_origins<'a, 't>(
        &'a self,
        table: &'t Table,
        path: &mut Vec<&'t str>,
        origins: &mut BTreeMap<String, &'a Layer>,
    ) {
        for (key, value) in table {
            path.push(key);
            if let Value::Table(inner) = value {
                self.collect_origins(inner, path, origins);
            } else if let Some(layer) = self.origin_of(path) {
                leaves(value, &path.join("."), &mut |leaf| {
                    origins.insert(leaf, layer);
                });
            }
            path.pop();
        }
    }
}

/// Finds the value at a path of keys; the empty path has none.
pub fn lookup<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = table.get(*first)?;
    if rest.is_empty() { Some(value) } else { lookup(value.as_table()?, rest) }
}

/// Finds the bytes of the value at `path` in the text of a file.
pub(crate) fn span_of(text: &str, path: &[&str]) -> Option<Range<usize>> {
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let (last, parents) = path.split_last()?;
    let find = |table: &DeTable<'_>, key: &str| table.iter().position(|(name, _)| name.get_ref() == key);
    for key in parents {
        table = table.iter().nth(find(table, key)?)?.1.get_ref().as_table()?;
    }
    Some(table.iter().nth(find(table, last)?)?.1.span())
}

/// Calls `found` with the dotted path of every scalar in `value`.
fn leaves(value: &Value, path: &str, found: &mut impl FnMut(String)) {
    match value {
        Value::Table(table) => {
            for (key, inner) in table {
                leaves(inner, &format!("{path}.{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                leaves(inner, &format!("{path}.{index}"), found);
            }
        }
        _ => found(path.to_owned()),
    }
}

/// Merges `over` into `base`: tables recursively, everything else replaced.
pub(crate) fn merge(base: &mut Table, over: &Table) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Table(inner)), Value::Table(value)) => merge(inner, value),
            (Some(slot), value) => *slot = value.clone(),
            (None, value) => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Converts a TOML value to JSON; dates become strings, and floats JSON does not know become null.
pub fn to_json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::String(text) => Json::String(text.clone()),
        Value::Integer(integer) => Json::from(*integer),
        Value::Float(float) => Json::from(*float),
        Value::Boolean(flag) => Json::Bool(*flag),
        Value::Datetime(datetime) => Json::String(datetime.to_string()),
        Value::Array(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Table(table) => table_to_json(table),
    }
}

/// Converts a TOML table to a JSON object in the same order.
pub fn table_to_json(table: &Table) -> serde_json::Value {
    serde_json::Value::Object(table.iter().map(|(key, value)| (key.clone(), to_json(value))).collect())
}

/// Returns `sha256:` and the hash of some bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Writes a hash as `sha256:` and its digits.
pub(crate) fn hex(hash: &[u8]) -> String {
    let mut text = String::from("sha256:");
    for byte in hash {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn version_of(table: &Table) -> String {
    let mut json = table_to_json(table);
    json.sort_all_objects();
    digest(json.to_string().as_bytes())
}

/// Makes the path-typed settings of a layer absolute, counted from `base`: the folder of its file, or the working
/// directory for flags. A leading `~/` is the user's home.
pub(crate) fn resolve_paths(table: &mut Table, base: &Path, home: Option<&Path>) {
    const PATHS: &[&str] = &[
        "model_instructions_file",
        "experimental_compact_prompt_file",
        "model_catalog_json",
        "sqlite_home",
        "log_dir",
        "sandbox_workspace_write.writable_roots.*",
        "skills.config.*.path",
        "profiles.*.model_instructions_file",
        "profiles.*.experimental_compact_prompt_file",
        "model_providers.*.script",
        "model_providers.*.auth.cwd",
        "mcp_servers.*.cwd",
    ];
    for pattern in PATHS {
        visit(table, pattern, &mut |text| {
            let path = match (text.strip_prefix("~/"), home) {
                (Some(rest), Some(home)) => home.join(rest),
                _ => base.join(&*text),
            };
            if let Some(path) = path.to_str() {
                path.clone_into(text);
            }
        });
    }
}

/// Calls `change` on every string matched by a dotted pattern; `*` stands for any key or index.
fn visit(table: &mut Table, pattern: &str, change: &mut impl FnMut(&mut String)) {
    let (first, rest) = pattern.split_once('.').unwrap_or((pattern, ""));
    if first == "*" {
        table.iter_mut().for_each(|(_, value)| visit_value(value, rest, change));
    } else if let Some(value) = table.get_mut(first) {
        visit_value(value, rest, change);
    }
}

fn visit_value(value: &mut Value, pattern: &str, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) if pattern.is_empty() => change(text),
        Value::Table(table) if !pattern.is_empty() => visit(table, pattern, change),
        Value::Array(items) => {
            if let Some(rest) = pattern.strip_prefix('*') {
                let rest = rest.strip_prefix('.').unwrap_or(rest);
                items.iter_mut().for_each(|item| visit_value(item, rest, change));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use pretty_assertions::assert_eq;

    fn layer(source: LayerSource, text: &str) -> Layer {
        Layer::new(source, text.parse().unwrap())
    }

    fn system() -> LayerSource {
        LayerSource::System { file: "/s".into() }
    }

    fn user() -> LayerSource {
        LayerSource::User { file: "/u".into(), profile: None }
    }

    #[test]
    fn merge_is_by_table_and_origins_follow() {
        let mut disabled =
            layer(LayerSource::Project { dot_codex_folder: "/p/.codex".into() }, "model = 'untrusted'");
        disabled.disabled_reason = Some("no".to_owned());
        let layers = Layers::new(vec![
            layer(system(), "model = 's'\nlist = [1, 2, 3]\n[t]\na = 1\nb = 1\n[gone]\nx = 1"),
            layer(user(), "list = [9]\ngone = 'scalar'\n[t]\nb = 2\n[[things]]\nname = 'n'"),
            disabled,
            layer(LayerSource::SessionFlags, "t = { c = 3 }"),
        ]);
        expect![[r#"
            model = "s"
            list = [9]
            gone = "scalar"

            [t]
            a = 1
            b = 2
            c = 3

            [[things]]
            name = "n"
        "#]]
        .assert_eq(&toml::to_string(&layers.merged()).unwrap());
        let origins: Vec<String> =
            layers.origins().iter().map(|(key, layer)| format!("{key}: {}", layer.source)).collect();
        expect![[r#"
            gone: /u
            list.0: /u
            model: /s
            t.a: /s
            t.b: /u
            t.c: command line or request
            things.0.name: /u"#]]
        .assert_eq(&origins.join("\n"));
    }

    #[test]
    fn version_is_the_hash_of_sorted_compact_json() {
        assert_eq!(
            layer(user(), "").version(),
            "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
        let one = layer(user(), "b = 1\na = { d = 'x', c = [true] }");
        let other = layer(user(), "a = { c = [true], d = 'x' }\nb = 1");
        assert_eq!(one.version(), other.version());
        assert_ne!(one.version(), layer(user(), "b = 2").version());
    }

    #[test]
    fn paths_count_from_the_file() {
        let mut table: Table = "
            model = 'not/a/path'
            model_instructions_file = 'prompt.md'
            log_dir = '/abs'
            sqlite_home = '~/db'
            [sandbox_workspace_write]
            writable_roots = ['out', '/tmp/x']
            [[skills.config]]
            path = 'skills/a'
            [profiles.p]
            model_instructions_file = '../q.md'
            [model_providers.offline]
            script = 'play.jsonl'
        "
        .parse()
        .unwrap();
        resolve_paths(&mut table, Path::new("/base"), Some(Path::new("/h/me")));
        expect![[r#"
            model = "not/a/path"
            model_instructions_file = "/base/prompt.md"
            log_dir = "/abs"
            sqlite_home = "/h/me/db"

            [sandbox_workspace_write]
            writable_roots = ["/base/out", "/tmp/x"]

            [[skills.config]]
            path = "/base/skills/a"

            [profiles.p]
            model_instructions_file = "/base/../q.md"

            [model_providers.offline]
            script = "/base/play.jsonl"
        "#]]
        .assert_eq(&toml::to_string(&table).unwrap());
    }

    #[test]
    fn rules_folders_belong_to_the_layers_that_count() {
        let project = |folder: &str| layer(LayerSource::Project { dot_codex_folder: folder.into() }, "");
        let mut untrusted = project("/p/a/.codex");
        untrusted.disabled_reason = Some("no".to_owned());
        let layers = Layers::new(vec![
            layer(LayerSource::System { file: "/s/config.toml".into() }, ""),
            layer(LayerSource::User { file: "/u/config.toml".into(), profile: None }, ""),
            layer(LayerSource::User { file: "/u/x.config.toml".into(), profile: Some("x".into()) }, ""),
            project("/p/.codex"),
            untrusted,
            layer(LayerSource::SessionFlags, "a = 1"),
            layer(LayerSource::LegacyManaged { file: "/s/managed_config.toml".into() }, ""),
        ]);
        assert_eq!(layers.rules_folders(), ["/s/rules", "/u/rules", "/p/.codex/rules"].map(PathBuf::from));
    }

    #[test]
    fn debug_shows_no_values() {
        let layers = Layers::new(vec![layer(user(), "key = 'hunter2'")]);
        assert!(!format!("{layers:?}").contains("hunter2"));
    }
}
