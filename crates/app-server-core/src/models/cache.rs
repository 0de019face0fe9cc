//! The list of a provider's models on disk, in the form of the reference's `models_cache.json`. What the server said of a
//! model is kept as it came, members that nobody knows included.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use app_server_config::models::ServerModels;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

/// Larger files are not ours.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// The level of the reference whose form this is.
const CLIENT_VERSION: &str = "0.169.0";

/// What is kept.
pub(super) struct Cached {
    pub(super) server: ServerModels,
    pub(super) etag: Option<String>,
    /// Unix seconds.
    pub(super) fetched_at: i64,
}

#[derive(Serialize, Deserialize)]
struct File<'a> {
    fetched_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_version: Option<String>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    models: Option<&'a RawValue>,
    /// The other form of lists; never in the reference's file.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
}

/// Reads what is kept; `None` when there is nothing, or nothing that is understood.
pub(super) fn read(path: &Path) -> Option<Cached> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return None;
    }
    let bytes = fs::read(path).ok()?;
    let file: File<'_> = serde_json::from_slice(&bytes)
        .inspect_err(
            |error| tracing::debug!(%error, path = %path.display(), "a list of models that is damaged"),
        )
        .ok()?;
    let server = ServerModels::parse(&bytes)?;
    Some(Cached { server, etag: file.etag, fetched_at: file.fetched_at.as_second() })
}

/// Keeps the body of an answer, atomically.
///
/// # Errors
/// When it cannot be written; what was there before is still there then.
pub(super) fn write(path: &Path, body: &[u8], etag: Option<&str>, fetched_at: i64) -> io::Result<()> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow, default)]
        models: Option<&'a RawValue>,
        #[serde(borrow, default)]
        data: Option<&'a RawValue>,
    }
    let Answer { models, data } = serde_json::from_slice(body)?;
    let file = File {
        fetched_at: Timestamp::from_second(fetched_at).map_err(io::Error::other)?,
        etag: etag.map(str::to_owned),
        client_version: Some(CLIENT_VERSION.to_owned()),
        models,
        data,
    };
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let mut temporary = tempfile::Builder::new().prefix(".models").suffix(".tmp").tempfile_in(folder)?;
    temporary.write_all(&serde_json::to_vec(&file)?)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The name of the file for what is kept by this key.
pub(super) fn file_name(key: &str) -> String {
    let hash = Sha256::digest(key.as_bytes());
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}.json")
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_written_is_read_and_keeps_what_nobody_knows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/models_cache.json");
        assert!(read(&path).is_none());
        let body = br#"{"models":[{"slug":"a","brand_new":{"x":1}}],"more":1}"#;
        write(&path, body, Some("W/\"1\""), 1_700_000_000).unwrap();
        let kept: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(
            kept,
            json!({
                "fetched_at": "2023-11-14T22:13:20Z", "etag": "W/\"1\"", "client_version": "0.169.0",
                "models": [{"slug": "a", "brand_new": {"x": 1}}],
            })
        );
        let cached = read(&path).unwrap();
        assert_eq!((cached.etag.as_deref(), cached.fetched_at), (Some("W/\"1\""), 1_700_000_000));
        assert!(matches!(cached.server, ServerModels::Metadata(models) if models.len() == 1));
    }

    #[test]
    fn a_file_of_the_reference_is_read_and_a_damaged_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("models_cache.json");
        fs::write(&path, r#"{"fetched_at":"2026-01-01T00:00:00.123456Z","models":[{"slug":"a"}]}"#).unwrap();
        let cached = read(&path).unwrap();
        assert_eq!((cached.etag, cached.fetched_at), (None, 1_767_225_600));
        for damaged in ["", "{", r#"{"models":[]}"#, r#"{"fetched_at":"yesterday","models":[]}"#] {
            fs::write(&path, damaged).unwrap();
            assert!(read(&path).is_none(), "{damaged}");
        }
    }
}
