//! `command/exec` and what may be asked of it. Quick, on the loop: a write right behind its command finds it.

use std::sync::Arc;

use app_server_core::host::Reply;
use app_server_core::{Services, processes};
use app_server_protocol::v2::{
    CommandExecParams, CommandExecResizeParams, CommandExecResizeResponse, CommandExecResponse,
    CommandExecTerminateParams, CommandExecTerminateResponse, CommandExecWriteParams,
    CommandExecWriteResponse,
};

/// `command/exec`.
pub(crate) fn exec(services: &Arc<Services>, params: CommandExecParams, reply: Reply<CommandExecResponse>) {
    processes::exec(services, params, reply);
}

/// `command/exec/write`.
pub(crate) fn write(
    services: &Arc<Services>,
    params: CommandExecWriteParams,
    reply: Reply<CommandExecWriteResponse>,
) {
    processes::write_command(services, &params, reply);
}

/// `command/exec/resize`.
pub(crate) fn resize(
    services: &Arc<Services>,
    params: CommandExecResizeParams,
    reply: Reply<CommandExecResizeResponse>,
) {
    processes::resize_command(services, &params, reply);
}

/// `command/exec/terminate`.
pub(crate) fn terminate(
    services: &Arc<Services>,
    params: CommandExecTerminateParams,
    reply: Reply<CommandExecTerminateResponse>,
) {
    processes::terminate_command(services, &params, reply);
}
