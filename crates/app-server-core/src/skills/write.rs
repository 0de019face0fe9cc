//! `skills/config/write`: switching skills on and off for good, in the user's configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app_server_config::edit::{Change, Edit, Segment};
use app_server_config::{ConfigLoader, LoadRequest};
use app_server_protocol::v2::{SkillsConfigWriteParams, SkillsConfigWriteResponse};
use toml::{Table, Value};

use super::switches::{Switches, Which, entries};
use crate::config_store::{self, ConfigWrite};
use crate::error::CoreError;
use crate::services::Services;

/// `skills/config/write`. An entry about the same skill or name is changed; one is added where there is none and it makes
/// a difference. Others stay as they are.
///
/// # Errors
/// Both or neither of path and name; what a write to the configuration may come upon.
pub async fn write(
    services: Arc<Services>,
    params: SkillsConfigWriteParams,
) -> Result<SkillsConfigWriteResponse, CoreError> {
    let asked = match (params.path, params.name) {
        (Some(path), None) => Which::Path(path.0.into()),
        (None, Some(name)) => Which::Name(name),
        _ => return Err(CoreError::Invalid("provide exactly one of path or name".to_owned())),
    };
    let (enabled, which, loader) = (params.enabled, asked.clone(), Arc::clone(&services));
    let edits = move |table: &Table| Ok(edits(table, &loader.config, &which, enabled));
    config_store::write(&services, ConfigWrite::planned(edits)).await?;
    let read = tokio::task::spawn_blocking(move || {
        let layers = services.config.layers(&LoadRequest::default())?;
        Ok::<_, CoreError>(Switches::of(&layers).state_of(&asked))
    });
    match read.await {
        Ok(effective) => Ok(SkillsConfigWriteResponse { effective_enabled: effective? }),
        Err(error) => Err(CoreError::Internal(format!("reading the skills failed: {error}"))),
    }
}

/// What is to be changed in the user's table.
fn edits(table: &Table, loader: &ConfigLoader, asked: &Which, enabled: bool) -> Vec<Edit> {
    let known: Vec<(Option<Which>, bool)> = entries(table)
        .map(|entry| {
            let which = Which::of(entry).map(|which| which.resolved(|path| resolved(loader, path)));
            (which, entry.get("enabled").and_then(Value::as_bool) != Some(false))
        })
        .collect();
    let element =
        |index: usize| ["skills", "config"].map(Segment::from).into_iter().chain([Segment::Index(index)]);
    let same = |entry: &&(usize, &(Option<Which>, bool))| {
        entry.1.0.as_ref().is_some_and(|which| which.is_about(asked))
    };
    let mut found = known.iter().enumerate().filter(|entry| same(&entry)).peekable();
    if found.peek().is_some() {
        let different = found.filter(|(_, (_, is_on))| *is_on != enabled);
        let flip = |(index, _)| Edit {
            path: element(index).chain([Segment::from("enabled")]).collect(),
            change: Change::Replace(Value::Boolean(enabled)),
        };
        return different.map(flip).collect();
    }
    // Skills are on, unless an entry about a name is in the way of one that is asked for by its path.
    let is_in_the_way =
        |(which, is_on): &(Option<Which>, bool)| !is_on && matches!(which, Some(Which::Name(_)));
    let makes_a_difference = !enabled || (matches!(asked, Which::Path(_)) && known.iter().any(is_in_the_way));
    if !makes_a_difference {
        return Vec::new();
    }
    let mut entry = Table::new();
    match asked {
        Which::Path(path) => entry.insert("path".to_owned(), path.to_string_lossy().into_owned().into()),
        Which::Name(name) => entry.insert("name".to_owned(), name.clone().into()),
    };
    entry.insert("enabled".to_owned(), enabled.into());
    vec![Edit { path: element(known.len()).collect(), change: Change::Replace(Value::Table(entry)) }]
}

/// A path of the user's file as the configuration reads it.
fn resolved(loader: &ConfigLoader, path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), loader.environment().home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => loader.codex_home().join(path),
    }
}
