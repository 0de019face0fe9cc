//! `agents/openai.yaml` beside a `SKILL.md`: how a skill wants to be shown and what it needs. Its form was observed on
//! the reference of level 0.169; a file that does not have it is passed over, since the skill works without.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::front_matter::one_line;

/// Bytes of the file that are read at most.
const MAX_BYTES: u64 = 64 * 1024;

/// How a skill wants to be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name for people.
    pub display_name: Option<String>,
    /// A few words about it.
    pub short_description: Option<String>,
    /// An image within the skill's folder, absolute.
    pub icon_small: Option<PathBuf>,
    /// The same, larger.
    pub icon_large: Option<PathBuf>,
    /// A colour in the form of CSS.
    pub brand_color: Option<String>,
    /// What a client may propose as the first message.
    pub default_prompt: Option<String>,
}

/// A tool a skill needs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ToolDependency {
    /// What kind of thing it is, such as `mcp` or `env_var`.
    pub r#type: String,
    /// Its name.
    pub value: String,
    /// What it is for.
    pub description: Option<String>,
    /// How a server is reached.
    pub transport: Option<String>,
    /// What starts a server.
    pub command: Option<String>,
    /// Where a server is.
    pub url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Raw {
    interface: Option<RawInterface>,
    dependencies: RawDependencies,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawInterface {
    display_name: Option<String>,
    short_description: Option<String>,
    icon_small: Option<PathBuf>,
    icon_large: Option<PathBuf>,
    brand_color: Option<String>,
    default_prompt: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawDependencies {
    tools: Vec<ToolDependency>,
}

/// Where the file of a skill's folder is.
pub(crate) fn file_of(folder: &Path) -> PathBuf {
    folder.join("agents").join("openai.yaml")
}

/// Reads the file of a skill's folder, if there is one.
pub(crate) fn read(folder: &Path) -> (Option<Interface>, Vec<ToolDependency>) {
    let path = file_of(folder);
    let Ok(Some(text)) = crate::walk::text_of(&path, MAX_BYTES) else { return Default::default() };
    match serde_saphyr::from_str::<Raw>(&text) {
        Ok(raw) => (raw.interface.map(|raw| interface(raw, folder)), raw.dependencies.tools),
        Err(error) => {
            let error = error.without_snippet();
            tracing::warn!(path = %path.display(), %error, "how a skill is shown cannot be read");
            Default::default()
        }
    }
}

fn interface(raw: RawInterface, folder: &Path) -> Interface {
    let text = |text: Option<String>| text.as_deref().and_then(one_line);
    Interface {
        display_name: text(raw.display_name),
        short_description: text(raw.short_description),
        icon_small: raw.icon_small.and_then(|path| within(folder, &path)),
        icon_large: raw.icon_large.and_then(|path| within(folder, &path)),
        brand_color: text(raw.brand_color),
        default_prompt: text(raw.default_prompt),
    }
}

/// A path within the folder. A client shows what it names, so it must not lead elsewhere.
fn within(folder: &Path, path: &Path) -> Option<PathBuf> {
    let mut whole = folder.to_owned();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(name) => whole.push(name),
            _ => return None,
        }
    }
    Some(whole)
}
