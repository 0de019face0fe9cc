//! `process/*`: processes that are begun for the client. Quick, on the loop, as in [`super::command`].

use std::sync::Arc;

use app_server_core::host::Reply;
use app_server_core::{Services, processes};
use app_server_protocol::v2::{
    ProcessKillParams, ProcessKillResponse, ProcessResizePtyParams, ProcessResizePtyResponse,
    ProcessSpawnParams, ProcessSpawnResponse, ProcessWriteStdinParams, ProcessWriteStdinResponse,
};

/// `process/spawn`.
pub(crate) fn spawn(
    services: &Arc<Services>,
    params: ProcessSpawnParams,
    reply: Reply<ProcessSpawnResponse>,
) {
    processes::spawn(services, params, reply);
}

/// `process/writeStdin`.
pub(crate) fn write_stdin(
    services: &Arc<Services>,
    params: ProcessWriteStdinParams,
    reply: Reply<ProcessWriteStdinResponse>,
) {
    processes::write_process(services, &params, reply);
}

/// `process/resizePty`.
pub(crate) fn resize_pty(
    services: &Arc<Services>,
    params: ProcessResizePtyParams,
    reply: Reply<ProcessResizePtyResponse>,
) {
    processes::resize_process(services, &params, reply);
}

/// `process/kill`.
pub(crate) fn kill(services: &Arc<Services>, params: ProcessKillParams, reply: Reply<ProcessKillResponse>) {
    processes::kill_process(services, &params, reply);
}
