//! The user's configuration file: read for clients with what else counts, and written. This is its only writer; what
//! changes a setting on the user's behalf comes here.
//!
//! - `read`: the merged settings, their origins and the layers as clients see them.
//! - `write`: one write, from the check of what the caller knows to the file in its place.

mod read;
mod write;

use std::sync::Arc;

use app_server_config::edit::{Change, Edit, Segment};
use app_server_protocol::v2::{
    ConfigBatchWriteParams, ConfigEdit, ConfigReadParams, ConfigReadResponse, ConfigValueWriteParams,
    ConfigWriteResponse, MergeStrategy,
};
use toml::{Table, Value};

use crate::services::Services;
use crate::{ConfigWriteError, CoreError, mcp};

/// The one writer of the user's configuration file.
#[derive(Default)]
pub(crate) struct ConfigStore {
    /// Held by the write that is worked on. It is taken in threads that may block, in the order of arrival.
    writing: tokio::sync::Mutex<()>,
}

/// Works out edits from the user's own table as it stands in the file, paths not resolved. It may be asked again when
/// the file has changed meanwhile.
type PlannedEdits = Box<dyn Fn(&Table) -> Result<Vec<Edit>, CoreError> + Send>;

/// What is to be written.
pub(crate) struct ConfigWrite {
    /// The file the caller means; it must be the user's.
    pub(crate) file_path: Option<String>,
    /// The version of the user's layer that the caller has read.
    pub(crate) expected_version: Option<String>,
    pub(crate) edits: PlannedEdits,
}

impl ConfigWrite {
    /// A write of our own: edits worked out from what the file says.
    pub(crate) fn planned(edits: impl Fn(&Table) -> Result<Vec<Edit>, CoreError> + Send + 'static) -> Self {
        ConfigWrite { file_path: None, expected_version: None, edits: Box::new(edits) }
    }

    fn of_edits(
        edits: &[ConfigEdit],
        file_path: Option<String>,
        expected_version: Option<String>,
    ) -> Result<Self, CoreError> {
        let edit = |edit: &ConfigEdit| {
            let is_upsert = edit.merge_strategy == MergeStrategy::Upsert;
            Edit::from_json(&edit.key_path, &edit.value, is_upsert)
                .map_err(|error| invalid(error.to_string()))
        };
        let edits: Vec<Edit> = edits.iter().map(edit).collect::<Result<_, _>>()?;
        Ok(ConfigWrite { file_path, expected_version, edits: Box::new(move |_| Ok(edits.clone())) })
    }
}

fn invalid(message: String) -> CoreError {
    CoreError::ConfigWrite { code: ConfigWriteError::ValidationError, message }
}

/// `config/read`.
///
/// # Errors
/// When the configuration does not load.
pub async fn read(
    services: Arc<Services>,
    params: ConfigReadParams,
) -> Result<ConfigReadResponse, CoreError> {
    aside(move || read::read(&services, &params)).await
}

/// `config/value/write`.
///
/// # Errors
/// See [`write`].
pub async fn write_value(
    services: Arc<Services>,
    params: ConfigValueWriteParams,
) -> Result<ConfigWriteResponse, CoreError> {
    let ConfigValueWriteParams { expected_version, file_path, key_path, merge_strategy, value } = params;
    let edit = ConfigEdit { key_path, merge_strategy, value };
    write(&services, ConfigWrite::of_edits(&[edit], file_path, expected_version)?).await
}

/// `config/batchWrite`. If it is asked for, loaded threads take over the MCP servers that are configured then, and
/// nothing else.
///
/// # Errors
/// See [`write`].
pub async fn write_batch(
    services: Arc<Services>,
    params: ConfigBatchWriteParams,
) -> Result<ConfigWriteResponse, CoreError> {
    let ConfigBatchWriteParams { edits, expected_version, file_path, reload_user_config } = params;
    let response = write(&services, ConfigWrite::of_edits(&edits, file_path, expected_version)?).await?;
    if reload_user_config && let Err(error) = mcp::reload(services).await {
        // The write has succeeded, and that is what the caller has to know.
        tracing::warn!(%error, "threads keep their MCP servers: the configuration does not load");
    }
    Ok(response)
}

/// Writes to the user's file: all edits or none. What the edits do not name keeps its bytes, and an edit that changes
/// nothing does not touch the file.
///
/// # Errors
/// When another file is meant, the caller has read another version, the result would be no configuration, or the file
/// cannot be written.
pub(crate) async fn write(
    services: &Arc<Services>,
    write: ConfigWrite,
) -> Result<ConfigWriteResponse, CoreError> {
    let services = Arc::clone(services);
    aside(move || {
        let _writing = services.config_store.writing.blocking_lock();
        let (response, edits) = write::write(&services, &write)?;
        written(&services, &edits);
        Ok(response)
    })
    .await
}

/// Does what follows from a write that succeeded, also when the file said so already: to say again that a project is
/// trusted confirms it as it is now.
fn written(services: &Services, edits: &[Edit]) {
    read::learn_secrets(services);
    for project in edits.iter().flat_map(trusted_projects) {
        services.config.confirm_trust(&project);
    }
}

/// The projects that an edit marks trusted, by their paths under `projects`.
fn trusted_projects(edit: &Edit) -> Vec<String> {
    let (Change::Replace(value) | Change::Upsert(value)) = &edit.change else { return Vec::new() };
    let is_trusted = |project: &Value| project.get("trust_level").and_then(Value::as_str) == Some("trusted");
    match edit.path.as_slice() {
        [Segment::Key(projects), rest @ ..] if projects == "projects" => match (rest, value) {
            ([], Value::Table(entries)) => {
                let trusted = entries.iter().filter(|(_, project)| is_trusted(project));
                trusted.map(|(path, _)| path.clone()).collect()
            }
            ([Segment::Key(path)], project) if is_trusted(project) => vec![path.clone()],
            ([Segment::Key(path), Segment::Key(key)], Value::String(level))
                if key == "trust_level" && level == "trusted" =>
            {
                vec![path.clone()]
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CoreError> + Send + 'static,
) -> Result<T, CoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(CoreError::Internal("an error in the server".to_owned())))
}
