//! Lists of models: the built-in one, that of a file, and what a provider's server says, laid over either. Parsing is
//! lenient: servers leave out what they do not know, and add what we do not.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{ApplyPatchTool, ModelInfo, ReasoningLevel, ShellTool, Truncation, family};
use crate::values::Verbosity;

/// Models in the order of lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    models: Vec<ModelInfo>,
}

impl Catalog {
    pub(super) fn new(models: Vec<ModelInfo>) -> Self {
        Self { models }
    }

    /// Reads a catalog file: `{"models":[..]}`, or the list itself, in the form in which servers tell of models.
    ///
    /// # Errors
    /// The reason, when it is no such file or shows no model.
    pub fn parse(json: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum File {
            Object { models: Vec<serde_json::Value> },
            List(Vec<serde_json::Value>),
        }
        let (File::Object { models } | File::List(models)) = serde_json::from_str(json)
            .map_err(|error: serde_json::Error| format!("not a list of models: {error}"))?;
        let models = models
            .into_iter()
            .map(|model| serde_json::from_value(model).map_err(|error| format!("a model: {error}")))
            .collect::<Result<Vec<Metadata>, String>>()?;
        let catalog = Self::new(in_order(models).map(|model| model.over(None)).collect());
        if catalog.shown().next().is_none() {
            return Err("it shows no model".to_owned());
        }
        Ok(catalog)
    }

    /// Returns all models, hidden ones included.
    pub fn models(&self) -> &[ModelInfo] {
        &self.models
    }

    /// Returns those that lists show.
    pub fn shown(&self) -> impl Iterator<Item = &ModelInfo> {
        self.models.iter().filter(|model| !model.hidden)
    }

    /// Returns the slug of the model used when none is configured: the first that is shown.
    pub fn default_model(&self) -> &str {
        self.shown().next().or(self.models.first()).map_or("", |model| &model.slug)
    }

    /// Returns what is known about a model: its entry, else what its family is known for.
    pub fn lookup(&self, slug: &str) -> ModelInfo {
        self.find(slug).cloned().unwrap_or_else(|| family(slug))
    }

    fn find(&self, slug: &str) -> Option<&ModelInfo> {
        self.models.iter().find(|model| model.slug == slug)
    }

    /// Returns what is known about a model when its server has said something of it.
    pub fn lookup_over(&self, slug: &str, server: Option<&ServerModels>) -> ModelInfo {
        let said = match server {
            Some(ServerModels::Metadata(models)) => models.iter().find(|model| model.slug == slug),
            Some(ServerModels::Ids(_)) | None => None,
        };
        said.map_or_else(|| self.lookup(slug), |said| said.clone().over(Some(self.lookup(slug))))
    }

    /// Lays over the list what a server says. Its models come first, in its order; the others are still known.
    /// `keeps_shown` says whether lists still show them: a server that is not known to say all leaves them alone.
    #[must_use]
    pub fn overlaid(&self, server: &ServerModels, keeps_shown: bool) -> Self {
        let mut models: Vec<ModelInfo> = match server {
            ServerModels::Metadata(said) => {
                said.iter().map(|said| said.clone().over(Some(self.lookup(&said.slug)))).collect()
            }
            ServerModels::Ids(ids) => ids
                .iter()
                .map(|id| ModelInfo { hidden: false, in_catalog: true, ..self.lookup(id) })
                .collect(),
        };
        if models.is_empty() {
            return self.clone();
        }
        let rest: Vec<ModelInfo> = self
            .models
            .iter()
            .filter(|model| !models.iter().any(|said| said.slug == model.slug))
            .map(|model| ModelInfo { hidden: model.hidden || !keeps_shown, ..model.clone() })
            .collect();
        models.extend(rest);
        Self::new(models)
    }
}

/// What a server says of its models.
#[derive(Debug, Clone)]
pub enum ServerModels {
    /// All about each, in the order of lists.
    Metadata(Vec<Metadata>),
    /// Only what they are called, as servers of the Chat Completions API do.
    Ids(Vec<String>),
}

impl ServerModels {
    /// Reads an answer of a models endpoint: `{"models":[..]}` or `{"data":[{"id":..}]}`. `None` for anything else. An
    /// entry that is not understood is left out.
    pub fn parse(json: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Answer<'a> {
            #[serde(borrow, default)]
            models: Option<Vec<&'a RawValue>>,
            #[serde(borrow, default)]
            data: Option<Vec<&'a RawValue>>,
        }
        #[derive(Deserialize)]
        struct Id {
            id: String,
        }
        let Answer { models, data } = serde_json::from_slice(json).ok()?;
        match (models, data) {
            (Some(models), _) => {
                let models = models.iter().filter_map(|model| understood(model)).collect();
                Some(Self::Metadata(in_order(models).collect()))
            }
            (None, Some(data)) => {
                let ids = data.iter().filter_map(|entry| understood::<Id>(entry)).map(|entry| entry.id);
                Some(Self::Ids(ids.filter(|id| !id.is_empty()).collect()))
            }
            (None, None) => None,
        }
    }
}

fn understood<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Option<T> {
    serde_json::from_str(json.get())
        .inspect_err(|error| tracing::debug!(%error, "left out a model that is not understood"))
        .ok()
}

/// The order of lists: by priority, and as they came.
fn in_order(mut models: Vec<Metadata>) -> impl Iterator<Item = Metadata> {
    models.sort_by_key(|model| model.priority.unwrap_or(i64::MAX));
    models.into_iter()
}

/// One model as servers tell of it (config.md section 7). What is missing is taken from what is known already.
#[derive(Debug, Clone, Deserialize)]
pub struct Metadata {
    slug: String,
    display_name: Option<String>,
    description: Option<String>,
    default_reasoning_level: Option<String>,
    supported_reasoning_levels: Option<Vec<Level>>,
    shell_type: Option<String>,
    visibility: Option<String>,
    supported_in_api: Option<bool>,
    priority: Option<i64>,
    upgrade: Option<Upgrade>,
    supports_reasoning_summaries: Option<bool>,
    support_verbosity: Option<bool>,
    default_verbosity: Option<String>,
    apply_patch_tool_type: Option<String>,
    truncation_policy: Option<Policy>,
    supports_parallel_tool_calls: Option<bool>,
    context_window: Option<u64>,
    auto_compact_token_limit: Option<u64>,
    effective_context_window_percent: Option<u64>,
    input_modalities: Option<Vec<String>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Level {
    effort: String,
    description: Option<String>,
}

/// The slug, or an object that has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Upgrade {
    Slug(String),
    Object { model: String },
    Other(serde::de::IgnoredAny),
}

#[derive(Debug, Clone, Deserialize)]
struct Policy {
    mode: String,
    limit: u64,
}

impl Metadata {
    /// Lays what is said over what is known.
    fn over(self, known: Option<ModelInfo>) -> ModelInfo {
        let known = known.unwrap_or_else(|| family(&self.slug));
        let was_named = known.in_catalog;
        let word = |word: Option<String>| word.unwrap_or_default();
        ModelInfo {
            display_name: self.display_name.unwrap_or(known.display_name),
            description: match self.description {
                Some(description) => description,
                None if was_named => known.description,
                None => String::new(),
            },
            in_catalog: true,
            hidden: match self.visibility.as_deref() {
                Some("list") => false,
                Some(_) => true,
                // A model that a server tells of is there to be used.
                None => was_named && known.hidden,
            },
            supported_in_api: self.supported_in_api.unwrap_or(known.supported_in_api),
            reasoning_efforts: match self.supported_reasoning_levels {
                Some(levels) => levels.into_iter().map(ReasoningLevel::from).collect(),
                None => known.reasoning_efforts,
            },
            default_reasoning_effort: self.default_reasoning_level.or(known.default_reasoning_effort),
            supports_reasoning: self.supports_reasoning_summaries.unwrap_or(known.supports_reasoning),
            supports_verbosity: self.support_verbosity.unwrap_or(known.supports_verbosity),
            default_verbosity: match word(self.default_verbosity).as_str() {
                "low" => Some(Verbosity::Low),
                "medium" => Some(Verbosity::Medium),
                "high" => Some(Verbosity::High),
                _ => known.default_verbosity,
            },
            supports_parallel_tool_calls: self
                .supports_parallel_tool_calls
                .unwrap_or(known.supports_parallel_tool_calls),
            context_window: self.context_window.filter(|tokens| *tokens > 0).unwrap_or(known.context_window),
            auto_compact_token_limit: self.auto_compact_token_limit.or(known.auto_compact_token_limit),
            effective_context_window_percent: self
                .effective_context_window_percent
                .filter(|percent| (1..=100).contains(percent))
                .unwrap_or(known.effective_context_window_percent),
            apply_patch_tool: match word(self.apply_patch_tool_type).as_str() {
                "freeform" => Some(ApplyPatchTool::Freeform),
                "function" => Some(ApplyPatchTool::Function),
                _ => known.apply_patch_tool,
            },
            shell_tool: match word(self.shell_type).as_str() {
                "default" => ShellTool::Default,
                "local" => ShellTool::Local,
                "shell_command" => ShellTool::ShellCommand,
                "unified_exec" => ShellTool::UnifiedExec,
                _ => known.shell_tool,
            },
            truncation: match &self.truncation_policy {
                Some(Policy { mode, limit }) if mode == "bytes" => Truncation::Bytes(*limit),
                Some(Policy { mode, limit }) if mode == "tokens" => Truncation::Tokens(*limit),
                _ => known.truncation,
            },
            supports_images: match self.input_modalities {
                Some(kinds) => kinds.iter().any(|kind| kind == "image"),
                None => known.supports_images,
            },
            upgrade: match self.upgrade {
                Some(Upgrade::Slug(model) | Upgrade::Object { model }) => Some(model),
                Some(Upgrade::Other(_)) | None => known.upgrade,
            },
            slug: self.slug,
        }
    }
}

impl From<Level> for ReasoningLevel {
    fn from(level: Level) -> Self {
        let known = Self::new(&level.effort);
        Self { description: level.description.unwrap_or(known.description), ..known }
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::super::built_in;
    use super::*;

    fn server(json: &str) -> ServerModels {
        ServerModels::parse(json.as_bytes()).unwrap()
    }

    fn shown(catalog: &Catalog) -> Vec<&str> {
        catalog.shown().map(|model| model.slug.as_str()).collect()
    }

    #[test]
    fn what_a_server_says_is_laid_over_what_is_known() {
        let said = server(
            r#"{"models":[
                {"slug":"new","display_name":"New","visibility":"list","priority":2,"context_window":1000,
                 "supported_reasoning_levels":[{"effort":"low","description":"quick"},{"effort":"odd"}],
                 "default_reasoning_level":"low","supports_reasoning_summaries":true,"shell_type":"unified_exec",
                 "apply_patch_tool_type":"function","truncation_policy":{"mode":"tokens","limit":7},
                 "supported_in_api":false,"input_modalities":["text"],"upgrade":{"model":"newer"},
                 "auto_compact_token_limit":500,"base_instructions":"ignored"},
                {"slug":"gpt-6-luna","visibility":"hide","priority":1,"supports_parallel_tool_calls":false},
                {"display_name":"without a slug"},
                {"slug":"bare"}
            ]}"#,
        );
        let catalog = built_in().overlaid(&said, true);
        assert_eq!(shown(&catalog)[..3], ["new", "bare", "gpt-6.1-sol"]);
        assert_eq!(catalog.default_model(), "new");
        let new = catalog.lookup("new");
        assert_eq!((new.display_name.as_str(), new.context_window), ("New", 1000));
        assert_eq!(new.reasoning_efforts[0].description, "quick");
        assert_eq!(new.reasoning_efforts[1].effort, "odd");
        assert_eq!(new.default_reasoning_effort.as_deref(), Some("low"));
        assert_eq!((new.shell_tool, new.truncation), (ShellTool::UnifiedExec, Truncation::Tokens(7)));
        assert_eq!(new.apply_patch_tool, Some(ApplyPatchTool::Function));
        assert!(new.supports_reasoning && !new.supports_images && !new.supported_in_api);
        assert_eq!(new.upgrade.as_deref(), Some("newer"));
        assert_eq!(new.auto_compact_token_limit(None, None), 500);
        let luna = built_in().lookup_over("gpt-6-luna", Some(&said));
        assert!(luna.hidden && !luna.supports_parallel_tool_calls && luna.supports_reasoning);
        assert_eq!(luna, catalog.lookup("gpt-6-luna"));
        // Elsewhere the rest is not for choice, and still known.
        let catalog = built_in().overlaid(&said, false);
        assert_eq!(shown(&catalog), ["new", "bare"]);
        assert!(catalog.lookup("gpt-5.2-codex").in_catalog);
    }

    #[test]
    fn answers_that_are_no_news() {
        let empty = server(r#"{"models":[]}"#);
        assert_eq!(&built_in().overlaid(&empty, false), built_in().as_ref());
        for no_answer in ["", "[]", "{}", "not json", r#"{"models":{}}"#] {
            assert!(ServerModels::parse(no_answer.as_bytes()).is_none(), "{no_answer}");
        }
    }

    #[test]
    fn ids_are_all_that_chat_servers_tell() {
        let said = server(r#"{"object":"list","data":[{"id":"llama"},{"id":"gpt-oss-20b"},{"no":"id"}]}"#);
        let catalog = built_in().overlaid(&said, false);
        assert_eq!(shown(&catalog), ["llama", "gpt-oss-20b"]);
        assert_eq!(catalog.lookup("gpt-oss-20b").context_window, 96_000);
    }

    #[test]
    fn a_file_takes_the_place_of_the_built_in_list() {
        for text in [r#"{"models":[{"slug":"mine"}]}"#, r#"[{"slug":"mine"}]"#] {
            let catalog = Catalog::parse(text).unwrap();
            assert_eq!(catalog.default_model(), "mine");
            assert!(!catalog.lookup("gpt-6.1-sol").in_catalog);
        }
        for (text, reason) in [
            ("nonsense", "not a list of models"),
            ("[]", "it shows no model"),
            (r#"[{"slug":"mine","visibility":"hide"}]"#, "it shows no model"),
            (r#"[{"name":"mine"}]"#, "a model: missing field `slug`"),
        ] {
            let error = Catalog::parse(text).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
    }
}
