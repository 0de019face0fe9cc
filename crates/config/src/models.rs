//! What is known about each model: window, reasoning, tools. A table and its lookup; it must not reach the network.

mod catalog;

use std::sync::{Arc, LazyLock};

pub use catalog::{Catalog, ServerModels};

use crate::values::Verbosity;

/// The form in which a model writes patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyPatchTool {
    /// A tool that takes the patch as free text.
    Freeform,
    /// An ordinary function tool.
    Function,
}

/// The tool a model runs commands with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShellTool {
    /// The function `shell`, which takes a list of words.
    Default,
    /// The provider's own local shell tool.
    Local,
    /// The function `shell_command`, which takes one string.
    ShellCommand,
    /// The pair of functions that start a command and talk to it.
    UnifiedExec,
}

/// How long an output may be in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truncation {
    /// This many bytes.
    Bytes(u64),
    /// About this many tokens.
    Tokens(u64),
}

/// What is known about one model (config.md section 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// The name in requests.
    pub slug: String,
    /// The name shown to people.
    pub display_name: String,
    /// One sentence for a list of models.
    pub description: String,
    /// Whether the slug is in the catalog; false for families and unknown models.
    pub in_catalog: bool,
    /// Whether lists leave it out unless asked for hidden models.
    pub hidden: bool,
    /// Whether it can be used with an API key; otherwise with an account only.
    pub supported_in_api: bool,
    /// Reasoning efforts it takes, weakest first.
    pub reasoning_efforts: Vec<ReasoningLevel>,
    /// The effort used when none is configured; `None` leaves it to the provider.
    pub default_reasoning_effort: Option<String>,
    /// Whether requests carry the reasoning object.
    pub supports_reasoning: bool,
    /// Whether requests may carry a verbosity.
    pub supports_verbosity: bool,
    /// The verbosity used when none is configured.
    pub default_verbosity: Option<Verbosity>,
    /// Whether several tool calls may come in one response.
    pub supports_parallel_tool_calls: bool,
    /// Size of the context window in tokens.
    pub context_window: u64,
    /// The token count at which a thread is compacted, if the model is to have one of its own.
    pub auto_compact_token_limit: Option<u64>,
    /// How much of the window is offered, in percent.
    pub effective_context_window_percent: u64,
    /// Form of the patch tool; `None` offers no patch tool.
    pub apply_patch_tool: Option<ApplyPatchTool>,
    /// Which command tool it knows.
    pub shell_tool: ShellTool,
    /// How long an output may be in the history.
    pub truncation: Truncation,
    /// Whether it takes images.
    pub supports_images: bool,
    /// The slug suggested in its place.
    pub upgrade: Option<String>,
}

/// An effort a model can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasoningLevel {
    /// Its name in requests.
    pub effort: String,
    /// What it is for, for people.
    pub description: String,
}

impl ReasoningLevel {
    /// An effort by its name; the common ones are described.
    fn new(effort: &str) -> Self {
        let description = match effort {
            "none" => "No reasoning",
            "minimal" => "As little reasoning as possible",
            "low" => "Short reasoning, quick answers",
            "medium" => "A balance of speed and depth",
            "high" => "Thorough reasoning for hard tasks",
            "xhigh" => "Long reasoning for very hard tasks",
            "max" => "As long as a single answer may reason",
            "ultra" => "Without regard to time and cost",
            _ => "An effort of this model's own",
        };
        Self { effort: effort.to_owned(), description: description.to_owned() }
    }
}

impl ModelInfo {
    /// Returns the window reported to clients and used for compaction: `configured`, else the model's, reduced to the
    /// effective percentage.
    pub fn effective_context_window(&self, configured: Option<u64>) -> u64 {
        configured.unwrap_or(self.context_window).saturating_mul(self.effective_context_window_percent) / 100
    }

    /// Returns the token count at which the thread is compacted: `configured`, else the model's own, else nine tenths of the window. Nothing
    /// above nine tenths is useful, so a higher setting is lowered.
    pub fn auto_compact_token_limit(&self, configured: Option<u64>, window: Option<u64>) -> u64 {
        let ceiling = window.unwrap_or(self.context_window).saturating_mul(9) / 10;
        configured.or(self.auto_compact_token_limit).map_or(ceiling, |limit| limit.min(ceiling))
    }
}

const TO_ULTRA: &[&str] = &["low", "medium", "high", "xhigh", "max", "ultra"];
const TO_MAX: &[&str] = &["low", "medium", "high", "xhigh", "max"];
const TO_XHIGH: &[&str] = &["low", "medium", "high", "xhigh"];
const TO_HIGH: &[&str] = &["low", "medium", "high"];
const FROM_MINIMAL: &[&str] = &["minimal", "low", "medium", "high"];
const FROM_MEDIUM: &[&str] = &["medium", "high"];

/// What an unknown model is taken for (config.md section 7): no reasoning object, because third-party servers reject
/// it, and one tool call at a time.
fn unknown(slug: &str) -> ModelInfo {
    ModelInfo {
        slug: slug.to_owned(),
        display_name: slug.to_owned(),
        description: "Not in the list of known models.".to_owned(),
        in_catalog: false,
        hidden: true,
        supported_in_api: true,
        reasoning_efforts: Vec::new(),
        default_reasoning_effort: None,
        supports_reasoning: false,
        supports_verbosity: false,
        default_verbosity: None,
        supports_parallel_tool_calls: false,
        context_window: 272_000,
        auto_compact_token_limit: None,
        effective_context_window_percent: 95,
        apply_patch_tool: None,
        shell_tool: ShellTool::Default,
        truncation: Truncation::Bytes(10_000),
        supports_images: true,
        upgrade: None,
    }
}

/// A model of today's list. Its efforts, effort and verbosity in requests, and window were observed; that it takes the
/// ordinary tools, several calls at once included, was observed for gpt-5.5 and is assumed for the others, to which the
/// reference offers a tool set of another kind.
fn today(
    slug: &str,
    display_name: &str,
    description: &str,
    efforts: &[&str],
    default_effort: &str,
) -> ModelInfo {
    ModelInfo {
        display_name: display_name.to_owned(),
        description: description.to_owned(),
        in_catalog: true,
        hidden: false,
        reasoning_efforts: levels(efforts),
        default_reasoning_effort: Some(default_effort.to_owned()),
        supports_reasoning: true,
        supports_verbosity: true,
        default_verbosity: Some(Verbosity::Low),
        supports_parallel_tool_calls: true,
        apply_patch_tool: Some(ApplyPatchTool::Freeform),
        shell_tool: ShellTool::UnifiedExec,
        truncation: Truncation::Tokens(10_000),
        ..unknown(slug)
    }
}

/// A model of the January list: still known, no longer shown. The fields are those observed in requests of that time.
fn january(slug: &str, description: &str, efforts: &[&str]) -> ModelInfo {
    ModelInfo {
        description: description.to_owned(),
        in_catalog: true,
        reasoning_efforts: levels(efforts),
        default_reasoning_effort: Some("medium".to_owned()),
        supports_reasoning: true,
        apply_patch_tool: Some(ApplyPatchTool::Freeform),
        shell_tool: ShellTool::ShellCommand,
        truncation: Truncation::Tokens(10_000),
        ..unknown(slug)
    }
}

fn levels(efforts: &[&str]) -> Vec<ReasoningLevel> {
    efforts.iter().map(|effort| ReasoningLevel::new(effort)).collect()
}

fn build_catalog() -> Vec<ModelInfo> {
    let replaced_by = |upgrade: &str, model| ModelInfo { upgrade: Some(upgrade.to_owned()), ..model };
    let talkative = |model| ModelInfo {
        supports_verbosity: true,
        default_verbosity: Some(Verbosity::Low),
        supports_parallel_tool_calls: true,
        truncation: Truncation::Bytes(10_000),
        ..model
    };
    vec![
        today("gpt-6.1-sol", "GPT-6.1-Sol", "The default model.", TO_ULTRA, "low"),
        today("gpt-6-astra", "GPT-6-Astra", "GPT-6 generation, efforts up to ultra.", TO_ULTRA, "low"),
        today(
            "gpt-6-sol",
            "GPT-6-Sol",
            "GPT-6 generation, efforts up to ultra, medium by default.",
            TO_ULTRA,
            "medium",
        ),
        today("gpt-6-luna", "GPT-6-Luna", "GPT-6 generation, efforts up to max.", TO_MAX, "medium"),
        replaced_by(
            "gpt-6-sol",
            today("gpt-5.6-sol", "GPT-5.6-Sol", "Earlier model; gpt-6-sol takes its place.", TO_ULTRA, "low"),
        ),
        ModelInfo {
            context_window: 500_000,
            ..today("gpt-6.1-terra", "GPT-6.1 Terra", "Window of 500,000 tokens.", TO_ULTRA, "low")
        },
        replaced_by(
            "gpt-6-sol",
            today(
                "gpt-5.6-terra",
                "GPT-5.6-Terra",
                "Earlier model; gpt-6-sol takes its place.",
                TO_ULTRA,
                "medium",
            ),
        ),
        replaced_by(
            "gpt-6-luna",
            today(
                "gpt-5.6-luna",
                "GPT-5.6-Luna",
                "Earlier model; gpt-6-luna takes its place.",
                TO_MAX,
                "medium",
            ),
        ),
        replaced_by(
            "gpt-6-sol",
            today("gpt-5.5", "GPT-5.5", "Earlier model; gpt-6-sol takes its place.", TO_XHIGH, "medium"),
        ),
        ModelInfo {
            supports_parallel_tool_calls: true,
            ..january("gpt-5.2-codex", "GPT-5.2 for coding.", TO_XHIGH)
        },
        talkative(january("gpt-5.2", "GPT-5.2.", TO_XHIGH)),
        january("gpt-5.1-codex-max", "GPT-5.1 for coding, efforts up to xhigh.", TO_XHIGH),
        january("gpt-5.1-codex-mini", "Small GPT-5.1 for coding.", FROM_MEDIUM),
        january("gpt-5.1-codex", "GPT-5.1 for coding.", TO_HIGH),
        talkative(january("gpt-5.1", "GPT-5.1.", TO_HIGH)),
        january("gpt-5-codex", "GPT-5 for coding.", TO_HIGH),
        ModelInfo {
            supports_verbosity: true,
            apply_patch_tool: None,
            shell_tool: ShellTool::Default,
            truncation: Truncation::Bytes(10_000),
            ..january("gpt-5", "GPT-5.", FROM_MINIMAL)
        },
        january("gpt-5-codex-mini", "Small GPT-5 for coding.", FROM_MEDIUM),
    ]
}

static BUILT_IN: LazyLock<Arc<Catalog>> = LazyLock::new(|| Arc::new(Catalog::new(build_catalog())));

/// Returns the models that are known without asking anybody.
pub fn built_in() -> &'static Arc<Catalog> {
    &BUILT_IN
}

/// Returns what is known about a model that no catalog has: what its family is known for, else the careful assumptions
/// for unknown models (config.md section 7; the family rules were observed on 0.94).
fn family(slug: &str) -> ModelInfo {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| slug.starts_with(prefix));
    let window = |context_window| ModelInfo { context_window, ..unknown(slug) };
    let reasoning = |model| ModelInfo { supports_reasoning: true, ..model };
    if starts(&["o3", "o4-mini"]) {
        reasoning(window(200_000))
    } else if starts(&["codex-mini-latest"]) {
        ModelInfo { shell_tool: ShellTool::Local, ..reasoning(window(200_000)) }
    } else if starts(&["gpt-4.1"]) {
        window(1_047_576)
    } else if starts(&["gpt-4o"]) {
        window(128_000)
    } else if starts(&["gpt-3.5"]) {
        window(16_385)
    } else if starts(&["gpt-oss"]) {
        ModelInfo { apply_patch_tool: Some(ApplyPatchTool::Function), ..window(96_000) }
    } else if starts(&["codex-", "exp-codex"]) || (starts(&["gpt-5"]) && slug.contains("-codex")) {
        ModelInfo {
            apply_patch_tool: Some(ApplyPatchTool::Freeform),
            shell_tool: ShellTool::ShellCommand,
            truncation: Truncation::Tokens(10_000),
            supports_parallel_tool_calls: starts(&["exp-codex"]),
            ..reasoning(unknown(slug))
        }
    } else if starts(&["exp-"]) {
        ModelInfo {
            apply_patch_tool: Some(ApplyPatchTool::Freeform),
            shell_tool: ShellTool::UnifiedExec,
            supports_parallel_tool_calls: true,
            ..reasoning(unknown(slug))
        }
    } else if starts(&["gpt-5"]) {
        ModelInfo { supports_verbosity: true, ..reasoning(unknown(slug)) }
    } else {
        unknown(slug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn lookup(slug: &str) -> ModelInfo {
        built_in().lookup(slug)
    }

    #[test]
    fn the_default_is_the_first_and_is_shown() {
        assert_eq!(built_in().default_model(), "gpt-6.1-sol");
        let models = built_in().models();
        assert!(!models[0].hidden);
        assert_eq!(models.iter().filter(|model| !model.hidden).count(), 9);
        for model in models {
            let default = model.default_reasoning_effort.as_ref().unwrap();
            assert!(model.reasoning_efforts.iter().any(|level| level.effort == *default), "{}", model.slug);
            assert!(model.upgrade.as_ref().is_none_or(|slug| lookup(slug).in_catalog), "{}", model.slug);
        }
    }

    /// Windows as the references reported them: 95 percent, rounded down.
    #[test]
    fn reported_windows() {
        for (slug, reported) in [
            ("gpt-5.2-codex", 258_400),
            ("gpt-6.1-terra", 475_000),
            ("o3-mini", 190_000),
            ("gpt-4.1-mini", 995_197),
            ("gpt-4o", 121_600),
            ("gpt-3.5-turbo", 15_565),
            ("gpt-oss-120b", 91_200),
            ("someone-elses", 258_400),
        ] {
            assert_eq!(lookup(slug).effective_context_window(None), reported, "{slug}");
        }
        assert_eq!(lookup("x").effective_context_window(Some(1_000)), 950);
    }

    #[test]
    fn families() {
        let unknown = lookup("llama");
        assert!(!unknown.supports_reasoning && !unknown.supports_parallel_tool_calls && !unknown.in_catalog);
        let five = lookup("gpt-5-something");
        assert!(
            five.supports_reasoning && five.supports_verbosity && five.default_reasoning_effort.is_none()
        );
        assert_eq!(lookup("codex-mini-latest").shell_tool, ShellTool::Local);
        assert_eq!(lookup("codex-x").shell_tool, ShellTool::ShellCommand);
        assert_eq!(lookup("gpt-oss-20b").apply_patch_tool, Some(ApplyPatchTool::Function));
        assert!(lookup("gpt-5.2-codex").supports_parallel_tool_calls);
        assert!(!lookup("gpt-5-codex").supports_parallel_tool_calls);
    }

    #[test]
    fn compaction_limit() {
        let model = lookup("x");
        assert_eq!(model.auto_compact_token_limit(None, None), 244_800);
        assert_eq!(model.auto_compact_token_limit(Some(1_000), None), 1_000);
        assert_eq!(model.auto_compact_token_limit(None, Some(1_000)), 900);
    }
}
