//! Reading the layers from disk and building a [`Config`] out of them, anew at every load: a changed file counts from
//! the next thread on, without a restart. It must not write.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use toml::{Table, Value};

use crate::env::Environment;
use crate::error::{ConfigError, ConfigWarning};
use crate::features;
use crate::keys;
use crate::layers::{Layer, LayerSource, Layers, merge, resolve_paths, span_of};
use crate::overrides;
use crate::providers::OPENAI;
use crate::raw::RawConfig;
use crate::requirements::{REQUIREMENTS_FILE, Requirements};
use crate::roots;
use crate::settings::{BuildInput, Config, default_root_markers};
use crate::trust::{self, Examiner, TrustLevel};
use crate::trust_records::{FolderHasher, NO_FOLDER, NoRecords, TrustChange, TrustSource};

/// Folder of the machine-wide files.
const SYSTEM_FOLDER: &str = "/etc/codex";

/// Keys a legacy profile may set (config.md section 5). The two `tools_` keys stand for keys of the `tools` table.
const PROFILE_KEYS: &[&str] = &[
    "model",
    "model_provider",
    "approval_policy",
    "sandbox_mode",
    "model_reasoning_effort",
    "model_reasoning_summary",
    "model_verbosity",
    "model_personality",
    "personality",
    "chatgpt_base_url",
    "model_instructions_file",
    "experimental_compact_prompt_file",
    "web_search",
    "include_apply_patch_tool",
    "features",
    "analytics",
    "oss_provider",
];

/// What a load is for.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadRequest<'a> {
    /// Working directory of the thread, absolute; without one there are no project layers.
    pub cwd: Option<&'a Path>,
    /// Settings of the request, above the `-c` flags; see [`overrides::from_json`].
    pub overrides: &'a [(String, Value)],
    /// The profile the program was started with.
    pub profile: Option<&'a str>,
    /// What the user's file is taken to hold, to see what would come of it; `None` reads the file.
    pub user_text: Option<&'a str>,
}

/// Loads configurations for one process.
#[derive(Debug)]
pub struct ConfigLoader {
    environment: Arc<Environment>,
    codex_home: PathBuf,
    system_folder: PathBuf,
    cli_overrides: Vec<(String, Value)>,
    /// Features switched while the program runs; above the flags.
    features: Mutex<BTreeMap<String, bool>>,
    records: Arc<dyn TrustSource>,
    hasher: FolderHasher,
}

impl ConfigLoader {
    /// Makes a loader. `codex_home` comes from [`Environment::codex_home`], `cli_overrides` from
    /// [`overrides::parse_override`] and [`overrides::feature_override`], in the order given.
    pub fn new(
        environment: Arc<Environment>,
        codex_home: PathBuf,
        cli_overrides: Vec<(String, Value)>,
    ) -> Self {
        Self {
            environment,
            codex_home,
            system_folder: SYSTEM_FOLDER.into(),
            cli_overrides,
            features: Mutex::default(),
            records: Arc::new(NoRecords),
            hasher: FolderHasher::default(),
        }
    }

    /// Compares the folders of trusted projects with what is recorded of them.
    #[must_use]
    pub fn with_trust_records(mut self, records: Arc<dyn TrustSource>) -> Self {
        self.records = records;
        self
    }

    /// Switches features for as long as the program runs, from the next load on.
    pub fn switch_features(&self, switches: &BTreeMap<String, bool>) {
        let mut features = self.features.lock().unwrap_or_else(PoisonError::into_inner);
        features.extend(switches.iter().map(|(name, on)| (name.clone(), *on)));
    }

    /// Has recorded what a load found of the projects it looked at. A load does not do so itself: only that of a thread
    /// says that somebody works in the folder.
    pub fn keep_trust(&self, layers: &Layers) {
        self.records.keep(layers.trust_changes());
    }

    /// Has recorded that the user trusts a project as it is now, by the path under `projects`. Of its further folders
    /// those are looked at again that were trusted before.
    pub fn confirm_trust(&self, project: &str) {
        let known = self.records.records().get(project).cloned().unwrap_or_default();
        let mut folders: BTreeSet<String> = known.into_keys().collect();
        folders.insert(String::new());
        let mut changes = vec![TrustChange::Forget { entry: project.to_owned() }];
        for folder in folders {
            // What cannot be looked at is never trusted, whatever is recorded.
            let hash = self.hasher.hash(&Path::new(project).join(&folder).join(".codex"));
            let hash = hash.unwrap_or_else(|_| NO_FOLDER.to_owned());
            changes.push(TrustChange::Record { entry: project.to_owned(), folder, hash });
        }
        self.records.keep(&changes);
    }

    /// Takes the machine-wide files from another folder, so that tests do not depend on the machine.
    #[must_use]
    pub fn with_system_folder(mut self, folder: PathBuf) -> Self {
        self.system_folder = folder;
        self
    }

    /// Returns the environment the loader was made with.
    pub fn environment(&self) -> &Arc<Environment> {
        &self.environment
    }

    /// Returns the product's home folder.
    pub fn codex_home(&self) -> &Path {
        &self.codex_home
    }

    /// Returns the folder of the machine's own files.
    pub fn system_folder(&self) -> &Path {
        &self.system_folder
    }

    /// Returns the user's configuration file, which may be absent.
    pub fn user_file(&self) -> PathBuf {
        self.codex_home.join("config.toml")
    }

    /// Reads the layers and builds the effective settings.
    ///
    /// # Errors
    /// When a file that counts does not parse, a value has the wrong type, or the provider, profile or a prompt file
    /// named does not exist.
    pub fn load(&self, request: &LoadRequest<'_>) -> Result<Config, ConfigError> {
        let layers = self.layers(request)?;
        let requirements = self.requirements_with(&layers)?;
        self.build(layers, requirements, request)
    }

    /// Returns what an administrator requires.
    ///
    /// # Errors
    /// When a file of the machine does not parse.
    pub fn requirements(&self) -> Result<Requirements, ConfigError> {
        let managed = self.file_layer(self.managed())?;
        self.requirements_with(&Layers::new(managed.into_iter().collect()))
    }

    /// Builds the settings out of built-in defaults and `-c` flags alone, for a server whose files do not load.
    ///
    /// # Errors
    /// When the flags themselves are wrong.
    pub fn defaults(&self) -> Result<Config, ConfigError> {
        let layers = Layers::new(self.flags_layer(&[]).into_iter().collect());
        self.build(layers, Requirements::default(), &LoadRequest::default())
    }

    /// Reads the layers, lowest precedence first (config.md section 1).
    ///
    /// # Errors
    /// When a file that counts cannot be read or does not parse.
    pub fn layers(&self, request: &LoadRequest<'_>) -> Result<Layers, ConfigError> {
        let mut layers = Vec::new();
        let system = LayerSource::System { file: self.system_folder.join("config.toml") };
        layers.push(self.file_layer(system.clone())?.unwrap_or_else(|| Layer::new(system, Table::new())));
        let user = LayerSource::User { file: self.user_file(), profile: None };
        let layer = match request.user_text {
            Some(text) => Some(self.parse_layer(user.clone(), text.to_owned())?),
            None => self.file_layer(user.clone())?,
        };
        layers.push(layer.unwrap_or_else(|| Layer::new(user, Table::new())));
        if let Some(name) = request.profile.filter(|name| is_plain_name(name)) {
            let file = self.codex_home.join(format!("{name}.config.toml"));
            layers.extend(self.file_layer(LayerSource::User { file, profile: Some(name.to_owned()) })?);
        }
        let mut trust_changes = Vec::new();
        if let Some(cwd) = request.cwd {
            let markers = root_markers(&layers);
            let user = layers.get(1).map(|layer| layer.table.clone()).unwrap_or_default();
            trust_changes = self.project_layers(&user, &markers, cwd, &mut layers)?;
        }
        layers.extend(self.flags_layer(request.overrides));
        layers.extend(self.file_layer(self.managed())?);
        Ok(Layers::with_trust_changes(layers, trust_changes))
    }

    fn managed(&self) -> LayerSource {
        LayerSource::LegacyManaged { file: self.system_folder.join("managed_config.toml") }
    }

    /// Reads the administrator's file, and adds what the managed layer implies.
    fn requirements_with(&self, layers: &Layers) -> Result<Requirements, ConfigError> {
        let file = self.system_folder.join(REQUIREMENTS_FILE);
        let mut requirements = match read(&file)? {
            Some(text) => Requirements::parse(&file, &text)?,
            None => Requirements::default(),
        };
        for layer in layers.iter() {
            if let LayerSource::LegacyManaged { file } = &layer.source {
                requirements.add_managed(file, &layer.table);
            }
        }
        Ok(requirements)
    }

    /// Returns the configuration, if it loads, and what to tell the first client: why it does not load, or what is odd
    /// about it (config.md section 3). Project folders are looked at for the server's own start directory only.
    pub fn at_startup(&self, profile: Option<&str>) -> (Option<Config>, Vec<ConfigWarning>) {
        let request =
            LoadRequest { cwd: Some(self.environment.working_dir()), profile, ..LoadRequest::default() };
        match self.load(&request) {
            Ok(mut config) => {
                let mut warnings = std::mem::take(&mut config.warnings);
                warnings.extend(disabled_projects(&config.layers));
                (Some(config), warnings)
            }
            Err(error) => (None, vec![ConfigWarning::invalid_configuration(&error)]),
        }
    }

    /// Says whether `text` could be the user's file: whether its values and, without any project, those of all layers
    /// together have their types, and the provider, profile and files it names exist.
    ///
    /// # Errors
    /// The first reason why not.
    pub fn check_user_text(&self, text: &str) -> Result<(), ConfigError> {
        let request = LoadRequest { user_text: Some(text), ..LoadRequest::default() };
        let layers = self.layers(&request)?;
        let user = layers.user().map(|layer| layer.table.clone()).unwrap_or_default();
        // The decoder of the table names the key in its words.
        user.try_into::<RawConfig>().map_err(|error| ConfigError::new(error.to_string()))?;
        let requirements = self.requirements()?;
        self.build(layers, requirements, &request).map(|_| ())
    }

    fn build(
        &self,
        layers: Layers,
        requirements: Requirements,
        request: &LoadRequest<'_>,
    ) -> Result<Config, ConfigError> {
        let merged = layers.merged();
        let profile = selected_profile(&layers, &merged, request.profile)?;
        let effective = match &profile {
            Some(name) => with_profile(&layers, &merged, name),
            None => merged.clone(),
        };
        let raw: RawConfig =
            effective.clone().try_into().map_err(|error: toml::de::Error| type_error(&layers, &error))?;
        let trust = request.cwd.and_then(|cwd| {
            let markers = raw.project_root_markers.clone().unwrap_or_else(default_root_markers);
            let entry = trust::entry_of(&layers.user()?.table, cwd, roots::project_root(cwd, &markers))?;
            // What the user trusted is no longer what is there.
            let has_changed = layers.iter().any(|layer| layer.has_changed);
            Some(if has_changed { TrustLevel::Untrusted } else { entry.level })
        });
        let warnings = warnings(&layers, &raw);
        Config::build(BuildInput {
            environment: &self.environment,
            codex_home: &self.codex_home,
            layers,
            requirements,
            merged,
            effective,
            raw,
            profile,
            trust,
            warnings,
        })
    }

    /// Reads the layer of a file; `None` when the file is absent.
    fn file_layer(&self, source: LayerSource) -> Result<Option<Layer>, ConfigError> {
        let Some(file) = source.file() else { return Ok(None) };
        let Some(text) = read(&file)? else { return Ok(None) };
        self.parse_layer(source, text).map(Some)
    }

    fn parse_layer(&self, source: LayerSource, text: String) -> Result<Layer, ConfigError> {
        let file = source.file().unwrap_or_default();
        let mut table: Table = toml::from_str(&text)
            .map_err(|error| ConfigError::at(&file, &text, error.span(), error.message()))?;
        resolve_paths(&mut table, file.parent().unwrap_or(Path::new("/")), self.environment.home_dir());
        let mut layer = Layer::new(source, table);
        layer.text = Some(text.into());
        Ok(layer)
    }

    fn flags_layer(&self, request: &[(String, Value)]) -> Option<Layer> {
        let features = self.features.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let features: Vec<_> =
            features.iter().map(|(name, on)| overrides::feature_override(name, *on)).collect();
        let mut table = overrides::to_table(self.cli_overrides.iter().chain(&features).chain(request));
        resolve_paths(&mut table, self.environment.working_dir(), self.environment.home_dir());
        (!table.is_empty()).then(|| Layer::new(LayerSource::SessionFlags, table))
    }

    /// Adds a layer for every `.codex` folder from the project root down to `cwd`. Returns what should be recorded of
    /// them.
    fn project_layers(
        &self,
        user: &Table,
        markers: &[String],
        cwd: &Path,
        layers: &mut Vec<Layer>,
    ) -> Result<Vec<TrustChange>, ConfigError> {
        let root = roots::project_root(cwd, markers);
        let mut examiner = Examiner::new(user, root, &self.hasher, self.records.records());
        for dir in roots::chain(root, cwd) {
            let dot_codex_folder = dir.join(".codex");
            // Started in the home's parent, the user's own folder looks like a project's.
            let is_project = dot_codex_folder.is_dir() && dot_codex_folder != self.codex_home;
            if !is_project {
                if dir == root && dot_codex_folder != self.codex_home {
                    examiner.examine(&dir, &dot_codex_folder);
                }
                continue;
            }
            let distrust = examiner.examine(&dir, &dot_codex_folder);
            let source = LayerSource::Project { dot_codex_folder };
            let mut layer = match self.file_layer(source.clone()) {
                Ok(layer) => layer.unwrap_or_else(|| Layer::new(source, Table::new())),
                // What an unknown project wrote must not keep the user from working.
                Err(_) if distrust.is_some() => Layer::new(source, Table::new()),
                Err(error) => return Err(error),
            };
            layer.denied_keys = trust::drop_denied(&mut layer.table);
            layer.has_changed = distrust.as_ref().is_some_and(|distrust| distrust.has_changed);
            layer.disabled_reason = distrust.map(|distrust| distrust.reason);
            layers.push(layer);
        }
        Ok(examiner.into_changes())
    }
}

/// Reads a file of configuration; `None` when it is absent.
fn read(file: &Path) -> Result<Option<String>, ConfigError> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => {
            Err(ConfigError { message: error.to_string(), path: Some(file.to_owned()), range: None })
        }
    }
}

/// Merges layers, for whoever shows the result.
///
/// # Errors
/// When a value has the wrong type.
pub fn checked_table(layers: &Layers) -> Result<Table, ConfigError> {
    let merged = layers.merged();
    let checked: Result<RawConfig, toml::de::Error> = merged.clone().try_into();
    checked.map(|_| merged).map_err(|error| type_error(layers, &error))
}

/// The root markers said by the machine's or the user's file; projects do not move their own root.
fn root_markers(layers: &[Layer]) -> Vec<String> {
    let value = layers.iter().rev().find_map(|layer| layer.table.get("project_root_markers"));
    value.and_then(|value| value.clone().try_into().ok()).unwrap_or_else(default_root_markers)
}

/// A name that is no path.
fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Finds the `[profiles.x]` table in force, if any: that of `profile`, or of a `--profile` without a file of its own.
fn selected_profile(
    layers: &Layers,
    merged: &Table,
    started_with: Option<&str>,
) -> Result<Option<String>, ConfigError> {
    let has_file =
        layers.iter().any(|layer| matches!(layer.source, LayerSource::User { profile: Some(_), .. }));
    let name = match started_with {
        Some(_) if has_file => return Ok(None),
        Some(name) => Some(name),
        None => merged.get("profile").and_then(Value::as_str),
    };
    let Some(name) = name else { return Ok(None) };
    if merged.get("profiles").and_then(|profiles| profiles.get(name)).is_some() {
        Ok(Some(name.to_owned()))
    } else {
        Err(layers.error_at(&["profile"], format!("unknown profile `{name}`")))
    }
}

/// Lays a profile over the merged table: it beats files, flags and the `config` map of a request (observed on 0.94; the
/// typed parameters of a request come later and win), but not what the machine's owner manages.
fn with_profile(layers: &Layers, merged: &Table, name: &str) -> Table {
    let mut effective = merged.clone();
    let profile = merged.get("profiles").and_then(|profiles| profiles.get(name)).and_then(Value::as_table);
    for (key, value) in profile.into_iter().flatten() {
        let (key, value) = match key.strip_prefix("tools_") {
            Some(tool @ ("web_search" | "view_image")) => {
                ("tools", Value::Table(Table::from_iter([(tool.to_owned(), value.clone())])))
            }
            _ if PROFILE_KEYS.contains(&key.as_str()) => (key.as_str(), value.clone()),
            _ => continue,
        };
        merge(&mut effective, &Table::from_iter([(key.to_owned(), value)]));
    }
    for layer in layers.iter().filter(|layer| matches!(layer.source, LayerSource::LegacyManaged { .. })) {
        merge(&mut effective, &layer.table);
    }
    effective
}

/// Finds the place of a wrong value: the decoder of the merged table knows only the reason, that of the file it came
/// from knows the line.
fn type_error(layers: &Layers, error: &toml::de::Error) -> ConfigError {
    let candidates: Vec<(PathBuf, &str, toml::de::Error)> = layers
        .enabled()
        .rev()
        .filter_map(|layer| {
            let text = layer.text.as_deref()?;
            let error = toml::from_str::<RawConfig>(text).err()?;
            Some((layer.source.file()?, text, error))
        })
        .collect();
    match candidates.iter().find(|(_, _, found)| found.message() == error.message()) {
        Some((file, text, found)) => ConfigError::at(file, text, found.span(), found.message()),
        // A flag or a request: the decoder's text names the key.
        None => ConfigError::new(error.to_string().lines().collect::<Vec<_>>().join(" ")),
    }
}

/// What is odd about layers that load.
fn warnings(layers: &Layers, raw: &RawConfig) -> Vec<ConfigWarning> {
    let mut warnings = Vec::new();
    if raw.suppress_unstable_features_warning != Some(true) {
        let unstable = features::unstable(&raw.features);
        warnings.extend((!unstable.is_empty()).then(|| {
            ConfigWarning::new(
                "Features that are under development are switched on; they may have no effect.",
                Some(unstable.join(", ")),
            )
        }));
    }
    let mut ignored = Vec::new();
    for layer in layers.enabled() {
        ignored.extend(keys::unknown(&layer.table).into_iter().map(|key| format!("{}: {key}", layer.source)));
        if !layer.denied_keys.is_empty() {
            let keys = layer.denied_keys.join(", ");
            let mut warning = ConfigWarning::new(
                "A project's configuration sets keys that only the user's own may set; they are ignored.",
                Some(format!("{}: {keys}", layer.source)),
            );
            warning.path = layer.source.file();
            warnings.push(warning);
        }
        let openai = layer.table.get("model_providers").and_then(|providers| providers.get(OPENAI));
        if openai.is_some() {
            let path = layer.source.file();
            let range = layer.text.as_deref().and_then(|text| {
                Some(crate::error::TextRange::of_span(text, span_of(text, &["model_providers", OPENAI])?))
            });
            warnings.push(ConfigWarning {
                summary: "The provider id `openai` is built in; [model_providers.openai] is ignored."
                    .to_owned(),
                details: Some(
                    "Use another id, or set `openai_base_url` to send the built-in provider elsewhere."
                        .to_owned(),
                ),
                path,
                range,
            });
        }
    }
    if !ignored.is_empty() {
        let summary = "Unknown settings are kept but have no effect; check them for typing errors.";
        warnings.push(ConfigWarning::new(summary, Some(ignored.join("\n"))));
    }
    warnings
}

/// One warning for all project folders that do not count.
fn disabled_projects(layers: &Layers) -> Option<ConfigWarning> {
    // A folder without a file has nothing to lose.
    let lines: Vec<String> = layers
        .iter()
        .filter(|layer| layer.text.is_some() || !layer.table.is_empty())
        .filter_map(|layer| Some(format!("{}: {}", layer.source, layer.disabled_reason.as_ref()?)))
        .collect();
    (!lines.is_empty()).then(|| {
        ConfigWarning::new("Configuration files of this project are not in use.", Some(lines.join("\n")))
    })
}
