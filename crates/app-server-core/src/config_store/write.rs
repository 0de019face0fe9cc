//! One write of the user's file. Whoever calls it holds the right to write within this process; other processes are
//! kept away by a lock and, since other programs take none, by a look at the file just before it is replaced.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use app_server_config::edit::{self, Change, Edit, Segment};
use app_server_config::layers::{lookup, to_json};
use app_server_config::{ConfigLoader, Layer, LayerSource, Layers, LoadRequest};
use app_server_protocol::v2::{AbsolutePathBuf, ConfigWriteResponse, OverriddenMetadata, WriteStatus};
use toml::{Table, Value};

use super::{ConfigWrite, invalid, read};
use crate::home_lock::HomeLock;
use crate::secrets::Secrets;
use crate::services::Services;
use crate::{ConfigWriteError, CoreError, atomic};

/// How a file begins that is to become the user's.
const TEMPORARY: &str = ".config.toml-";
const LOCK: &str = "config.lock";
/// A write takes no time; whoever holds the lock longer is stopped or broken.
const LOCK_WITHIN: Duration = Duration::from_secs(10);
/// How often a write is begun anew because the file changed under it.
const ATTEMPTS: usize = 3;
/// The mode of a file that was not there: it may come to hold keys.
const NEW_FILE_MODE: u32 = 0o600;

/// Makes the edits; returns them too.
pub(super) fn write(
    services: &Services,
    write: &ConfigWrite,
) -> Result<(ConfigWriteResponse, Vec<Edit>), CoreError> {
    let loader = &services.config;
    let file = loader.user_file();
    if let Some(given) = &write.file_path
        && !is_same_file(Path::new(given), &file)
    {
        return Err(CoreError::ConfigWrite {
            code: ConfigWriteError::LayerReadonly,
            message: "Only writes to the user config are allowed".to_owned(),
        });
    }
    let failed = |error: io::Error| failed(&file, &error);
    let target = atomic::target(&file).map_err(failed)?;
    DirBuilder::new().recursive(true).mode(0o700).create(loader.codex_home()).map_err(failed)?;
    let _lock = HomeLock::acquire(loader.codex_home(), LOCK, LOCK_WITHIN)
        .map_err(|error| CoreError::Internal(format!("failed to write {}: {error}", file.display())))?;
    for _ in 0..ATTEMPTS {
        let before = text_of(&target).map_err(failed)?;
        let old = before.as_deref().unwrap_or_default();
        let (edits, edited) = plan(services, write, old)?;
        let is_written = edited.text == old || {
            let mode = fs::metadata(&target).map_or(NEW_FILE_MODE, |file| file.permissions().mode() & 0o7777);
            let is_unchanged = || Ok(text_of(&target)? == before);
            atomic::replace(&target, TEMPORARY, mode, edited.text.as_bytes(), is_unchanged).map_err(failed)?
        };
        if is_written {
            return Ok((answer(loader, &file, &edited.text, &edits)?, edits));
        }
    }
    Err(CoreError::Internal(format!("failed to write {}: other programs keep changing it", file.display())))
}

fn failed(file: &Path, error: &io::Error) -> CoreError {
    CoreError::Internal(format!("failed to write {}: {error}", file.display()))
}

/// `None` when there is no file.
fn text_of(file: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Says whether two paths name one file, which need not be there.
fn is_same_file(given: &Path, file: &Path) -> bool {
    let resolved = |path: &Path| {
        let whole = path.canonicalize().ok();
        whole.or_else(|| Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?)))
    };
    given.is_absolute() && (given == file || resolved(given).is_some_and(|it| resolved(file) == Some(it)))
}

/// Works out the edits and the new text, and checks that it would be a configuration.
fn plan(services: &Services, write: &ConfigWrite, old: &str) -> Result<(Vec<Edit>, edit::Edited), CoreError> {
    let loader = &services.config;
    let layers = layers(loader, old).map_err(|error| invalid(format!("Invalid configuration: {error}")))?;
    if let Some(expected) = &write.expected_version
        && layers.user().is_none_or(|layer| layer.version() != expected)
    {
        return Err(CoreError::ConfigWrite {
            code: ConfigWriteError::VersionConflict,
            message: "Configuration was modified since last read. Fetch latest version and retry.".to_owned(),
        });
    }
    // Without edits: the table as it stands, which is not that of the layer, whose paths are absolute.
    let table = edit::apply(old, &[]).map_err(|error| invalid(error.to_string()))?.table;
    let mut edits = (write.edits)(&table)?;
    read::learn(services, &layers);
    let secrets = services.secrets();
    for edit in &mut edits {
        unmask(edit, &table, &secrets);
    }
    let edited = edit::apply(old, &edits).map_err(|error| invalid(error.to_string()))?;
    if edited.text != old
        && let Err(error) = loader.check_user_text(&edited.text)
        // What was wrong before, and elsewhere, must not keep the user from changing something.
        && loader.check_user_text(old).err().is_none_or(|known| known.message != error.message)
    {
        return Err(invalid(format!("Invalid configuration: {}", error.message)));
    }
    Ok((edits, edited))
}

fn layers(loader: &ConfigLoader, text: &str) -> Result<Layers, app_server_config::ConfigError> {
    loader.layers(&LoadRequest { user_text: Some(text), ..LoadRequest::default() })
}

/// A client that writes back what it has read must not write the masks of secrets: they stand for what is there.
fn unmask(edit: &mut Edit, table: &Table, secrets: &Secrets) {
    let path = keys(edit);
    let old = lookup(table, &path).cloned();
    if let (Change::Replace(new) | Change::Upsert(new), Some(old)) = (&mut edit.change, &old) {
        unmask_value(new, old, secrets);
    }
}

fn unmask_value(new: &mut Value, old: &Value, secrets: &Secrets) {
    match (new, old) {
        (Value::String(new), Value::String(old)) if new != old && secrets.mask(old) == *new => {
            new.clone_from(old);
        }
        (Value::Table(new), Value::Table(old)) => {
            for (key, value) in new {
                if let Some(old) = old.get(key) {
                    unmask_value(value, old, secrets);
                }
            }
        }
        (Value::Array(new), Value::Array(old)) => {
            new.iter_mut().zip(old).for_each(|(new, old)| unmask_value(new, old, secrets));
        }
        _ => {}
    }
}

/// The keys an edit names, up to an element of an array.
fn keys(edit: &Edit) -> Vec<&str> {
    let key = |segment: &'_ Segment| matches!(segment, Segment::Key(_));
    let named = edit.path.iter().take_while(|segment| key(segment));
    named
        .filter_map(|segment| if let Segment::Key(key) = segment { Some(key.as_str()) } else { None })
        .collect()
}

fn answer(
    loader: &ConfigLoader,
    file: &Path,
    text: &str,
    edits: &[Edit],
) -> Result<ConfigWriteResponse, CoreError> {
    let layers = layers(loader, text).map_err(|error| CoreError::Internal(error.to_string()))?;
    let overridden = edits.iter().find_map(|edit| overridden(&layers, edit));
    Ok(ConfigWriteResponse {
        file_path: AbsolutePathBuf(file.to_string_lossy().into_owned()),
        status: if overridden.is_some() { WriteStatus::OkOverridden } else { WriteStatus::Ok },
        overridden_metadata: overridden,
        version: layers.user().map(|layer| layer.version().to_owned()).unwrap_or_default(),
    })
}

/// Finds the layer above the user's that decides the value of an edit, if there is one.
fn overridden(layers: &Layers, edit: &Edit) -> Option<OverriddenMetadata> {
    let path = keys(edit);
    let is_user = |layer: &&Layer| matches!(layer.source, LayerSource::User { profile: None, .. });
    let written = layers.user().and_then(|user| lookup(&user.table, &path));
    let mut above =
        layers.iter().rev().take_while(|layer| !is_user(layer)).filter(|layer| layer.is_enabled());
    let layer = above.find(|layer| decides(&layer.table, &path, written))?;
    let message = match layer.source {
        LayerSource::SessionFlags => "Overridden by session flags".to_owned(),
        _ => format!("Overridden by {}", layer.source),
    };
    Some(OverriddenMetadata {
        effective_value: lookup(&layers.merged(), &path).map_or(serde_json::Value::Null, to_json),
        message,
        overriding_layer: read::metadata(layer),
    })
}

/// Says whether a layer has another value than the one written, at its path or, as a scalar, above it.
fn decides(table: &Table, path: &[&str], written: Option<&Value>) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    match (table.get(*first), rest.is_empty()) {
        (None, _) => false,
        (Some(value), true) => written.is_none_or(|written| differs(value, written)),
        (Some(Value::Table(inner)), false) => decides(inner, rest, written),
        (Some(_), false) => true,
    }
}

fn differs(value: &Value, written: &Value) -> bool {
    match (value, written) {
        (Value::Table(value), Value::Table(written)) => {
            value.iter().any(|(key, value)| written.get(key).is_some_and(|written| differs(value, written)))
        }
        (value, written) => value != written,
    }
}
