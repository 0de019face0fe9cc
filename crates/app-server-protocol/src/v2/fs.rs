//! Files of the machine, for clients that edit remotely (wire specification 18). All paths are absolute and
//! no sandbox applies.
#![allow(
    missing_docs,
    reason = "a field is named as on the wire; what is not plain from its name has a comment"
)]

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::common::AbsolutePathBuf;
use super::compat;

/// Sent with `fs/changed` some moments after something under a watched path changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct FsChangedNotification {
    pub changed_paths: Vec<AbsolutePathBuf>,
    pub watch_id: String,
}

/// Copies a file, or with `recursive` a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct FsCopyParams {
    pub destination_path: AbsolutePathBuf,
    /// Required for a folder; false when absent.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub recursive: bool,
    pub source_path: AbsolutePathBuf,
}

/// Empty: copied.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct FsCopyResponse {}

/// Makes a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct FsCreateDirectoryParams {
    pub path: AbsolutePathBuf,
    /// Also makes missing parents; true when absent.
    #[serde(default)]
    pub recursive: Option<bool>,
}

/// Empty: the folder exists.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct FsCreateDirectoryResponse {}

/// Asks what a path is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct FsGetMetadataParams {
    pub path: AbsolutePathBuf,
}

/// What a path is and when it changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct FsGetMetadataResponse {
    /// Unix milliseconds; 0 where the file system does not know.
    pub created_at_ms: i64,
    pub is_directory: bool,
    pub is_file: bool,
    pub is_symlink: bool,
    /// Unix milliseconds.
    pub modified_at_ms: i64,
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct FsReadDirectoryEntry {
    /// The name alone, without the folder.
    pub file_name: String,
    pub is_directory: bool,
    pub is_file: bool,
}

/// Asks for the direct entries of a folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct FsReadDirectoryParams {
    pub path: AbsolutePathBuf,
}

/// The entries in no particular order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct FsReadDirectoryResponse {
    pub entries: Vec<FsReadDirectoryEntry>,
}

/// Asks for the whole content of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct FsReadFileParams {
    pub path: AbsolutePathBuf,
}

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct FsReadFileResponse {
    /// The bytes in base64.
    pub data_base64: String,
}

/// Removes a file or folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct FsRemoveParams {
    /// A missing path is no error; true when absent.
    #[serde(default)]
    pub force: Option<bool>,
    pub path: AbsolutePathBuf,
    /// Removes a folder with its content; true when absent.
    #[serde(default)]
    pub recursive: Option<bool>,
}

/// Empty: the path is gone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct FsRemoveResponse {}

/// Ends a watch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct FsUnwatchParams {
    pub watch_id: String,
}

/// Empty, also when there was no such watch.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct FsUnwatchResponse {}

/// Asks to be told with `fs/changed` about changes below a path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct FsWatchParams {
    pub path: AbsolutePathBuf,
    /// Chosen by the client; one in use is refused.
    pub watch_id: String,
}

/// The watch is on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct FsWatchResponse {
    /// The path with links resolved; `fs/changed` names paths below this one.
    pub path: AbsolutePathBuf,
}

/// Replaces the content of a file, or makes it. Its folder must exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct FsWriteFileParams {
    /// The bytes in base64.
    pub data_base64: String,
    pub path: AbsolutePathBuf,
}

/// Empty: written.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct FsWriteFileResponse {}
