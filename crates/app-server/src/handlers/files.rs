//! `fs/*`: files on behalf of the client.

use std::sync::Arc;

use app_server_core::files::{self, aside};
use app_server_core::host::Reply;
use app_server_core::{CoreError, Services};
use app_server_protocol::v2::{
    FsCopyParams, FsCopyResponse, FsCreateDirectoryParams, FsCreateDirectoryResponse, FsGetMetadataParams,
    FsGetMetadataResponse, FsReadDirectoryParams, FsReadDirectoryResponse, FsRemoveParams, FsRemoveResponse,
    FsUnwatchParams, FsUnwatchResponse, FsWatchParams, FsWatchResponse, FsWriteFileParams,
    FsWriteFileResponse,
};

pub(crate) use app_server_core::files::read_file;

use crate::lanes::Lane;

/// What changes files is done in the order it was asked for: a client may write into a folder that it has just made.
pub(crate) fn changes<P>(_: &P) -> Lane {
    Lane::of("fs")
}

pub(crate) fn watch_lane(params: &FsWatchParams) -> Lane {
    Lane { family: "fs/watch", name: params.watch_id.clone() }
}

pub(crate) fn unwatch_lane(params: &FsUnwatchParams) -> Lane {
    Lane { family: "fs/watch", name: params.watch_id.clone() }
}

pub(crate) fn get_metadata(
    _: &Services,
    params: FsGetMetadataParams,
    (): (),
) -> Result<FsGetMetadataResponse, CoreError> {
    files::get_metadata(&params)
}

pub(crate) fn read_directory(
    _: &Services,
    params: FsReadDirectoryParams,
    (): (),
) -> Result<FsReadDirectoryResponse, CoreError> {
    files::read_directory(&params)
}

pub(crate) async fn write_file(
    _: Arc<Services>,
    params: FsWriteFileParams,
) -> Result<FsWriteFileResponse, CoreError> {
    aside(move || files::write_file(&params)).await
}

pub(crate) async fn create_directory(
    _: Arc<Services>,
    params: FsCreateDirectoryParams,
) -> Result<FsCreateDirectoryResponse, CoreError> {
    aside(move || files::create_directory(&params)).await
}

pub(crate) async fn remove(
    services: Arc<Services>,
    params: FsRemoveParams,
) -> Result<FsRemoveResponse, CoreError> {
    aside(move || files::remove(&services, &params)).await
}

pub(crate) async fn copy(_: Arc<Services>, params: FsCopyParams) -> Result<FsCopyResponse, CoreError> {
    aside(move || files::copy(&params)).await
}

pub(crate) async fn watch(services: Arc<Services>, params: FsWatchParams, reply: Reply<FsWatchResponse>) {
    let watched = aside(move || {
        files::watch(&services, params, reply);
        Ok(())
    });
    if let Err(error) = watched.await {
        tracing::error!(%error, "a watch was lost");
    }
}

pub(crate) async fn unwatch(
    services: Arc<Services>,
    params: FsUnwatchParams,
) -> Result<FsUnwatchResponse, CoreError> {
    aside(move || files::unwatch(&services, &params)).await
}
