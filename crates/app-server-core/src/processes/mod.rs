//! Commands and processes that run for the client, not for the agent (wire specification 17): `command/exec`, confined
//! by the sandbox policy and answered when it ends, and `process/*`, which runs as the user would run it and is told of
//! as it goes. One runner serves both. They belong to no thread, leave no item, and end with the session.
//!
//! The functions here are called on the processor's loop, so that a request finds what the one before it began. They
//! look and queue; they never wait.

mod caller;
mod checks;
mod prepare;
mod registry;
mod runner;
mod stdin;
mod stream;

use std::sync::Arc;

use app_server_protocol::v2::{
    CommandExecParams, CommandExecResizeParams, CommandExecResizeResponse, CommandExecResponse,
    CommandExecTerminateParams, CommandExecTerminateResponse, CommandExecWriteParams,
    CommandExecWriteResponse, ProcessKillParams, ProcessKillResponse, ProcessResizePtyParams,
    ProcessResizePtyResponse, ProcessSpawnParams, ProcessSpawnResponse, ProcessWriteStdinParams,
    ProcessWriteStdinResponse,
};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use self::caller::Caller;
use self::checks::{Order, Size};
use self::registry::{Family, Reins, Table, done};
use self::runner::{Finished, KILLED};
use crate::error::CoreError;
use crate::host::Reply;
use crate::services::Services;

/// How many of a family run at once; others wait for their turn.
const RUNNING: usize = 64;

/// What runs for the client.
pub(crate) struct Processes {
    commands: Table,
    spawned: Table,
    command_slots: Semaphore,
    spawn_slots: Semaphore,
    tasks: TaskTracker,
}

impl Default for Processes {
    fn default() -> Self {
        Processes {
            commands: Table::default(),
            spawned: Table::default(),
            command_slots: Semaphore::new(RUNNING),
            spawn_slots: Semaphore::new(RUNNING),
            tasks: TaskTracker::new(),
        }
    }
}

impl Processes {
    /// Waits, at the end of the session, until everything has been killed and its callers have been answered.
    pub(crate) async fn end(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn table(&self, family: Family) -> &Table {
        match family {
            Family::Command => &self.commands,
            Family::Process => &self.spawned,
        }
    }

    fn slots(&self, family: Family) -> &Semaphore {
        match family {
            Family::Command => &self.command_slots,
            Family::Process => &self.spawn_slots,
        }
    }
}

/// `command/exec`.
pub fn exec(services: &Arc<Services>, params: CommandExecParams, reply: Reply<CommandExecResponse>) {
    let caller = Caller::Command { id: params.process_id.clone(), reply };
    begin(services, Order::command(params), caller);
}

/// `process/spawn`.
pub fn spawn(services: &Arc<Services>, params: ProcessSpawnParams, reply: Reply<ProcessSpawnResponse>) {
    let caller = Caller::Process { handle: params.process_handle.clone(), reply: Some(reply) };
    begin(services, Order::process(params), caller);
}

/// `command/exec/write`.
pub fn write_command(
    services: &Services,
    params: &CommandExecWriteParams,
    reply: Reply<CommandExecWriteResponse>,
) {
    let CommandExecWriteParams { close_stdin, delta_base64, process_id } = params;
    let table = &services.processes.commands;
    table.write(Family::Command, process_id, delta_base64.as_deref(), *close_stdin, done(reply));
}

/// `process/writeStdin`.
pub fn write_process(
    services: &Services,
    params: &ProcessWriteStdinParams,
    reply: Reply<ProcessWriteStdinResponse>,
) {
    let ProcessWriteStdinParams { close_stdin, delta_base64, process_handle } = params;
    let table = &services.processes.spawned;
    table.write(Family::Process, process_handle, delta_base64.as_deref(), *close_stdin, done(reply));
}

/// `command/exec/resize`.
pub fn resize_command(
    services: &Services,
    params: &CommandExecResizeParams,
    reply: Reply<CommandExecResizeResponse>,
) {
    let size = Size { rows: params.size.rows, cols: params.size.cols };
    services.processes.commands.resize(Family::Command, &params.process_id, size, done(reply));
}

/// `process/resizePty`.
pub fn resize_process(
    services: &Services,
    params: &ProcessResizePtyParams,
    reply: Reply<ProcessResizePtyResponse>,
) {
    let size = Size { rows: params.size.rows, cols: params.size.cols };
    services.processes.spawned.resize(Family::Process, &params.process_handle, size, done(reply));
}

/// `command/exec/terminate`.
pub fn terminate_command(
    services: &Services,
    params: &CommandExecTerminateParams,
    reply: Reply<CommandExecTerminateResponse>,
) {
    services.processes.commands.kill(Family::Command, &params.process_id, done(reply));
}

/// `process/kill`.
pub fn kill_process(services: &Services, params: &ProcessKillParams, reply: Reply<ProcessKillResponse>) {
    services.processes.spawned.kill(Family::Process, &params.process_handle, done(reply));
}

/// Registers what was ordered and lets a task of its own carry it out.
fn begin(services: &Arc<Services>, order: Result<Order, CoreError>, caller: Caller) {
    let order = match order {
        Ok(order) => order,
        Err(error) => return caller.refuse(error),
    };
    let (entry, reins) = registry::entry(&order);
    if let Some(id) = &order.id
        && let Err(error) = services.processes.table(order.family).add(order.family, id, entry)
    {
        return caller.refuse(error);
    }
    let services = Arc::clone(services);
    let tasks = services.processes.tasks.clone();
    tasks.spawn(async move {
        let registered = Registered { services: &services, family: order.family, id: order.id.clone() };
        carry_out(&services, order, reins, caller, registered).await;
    });
}

/// Takes a process out of its table when its task is over, however that came.
struct Registered<'a> {
    services: &'a Services,
    family: Family,
    id: Option<String>,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        if let Some(id) = &self.id {
            self.services.processes.table(self.family).remove(id);
        }
    }
}

async fn carry_out(
    services: &Arc<Services>,
    order: Order,
    mut reins: Reins,
    mut caller: Caller,
    registered: Registered<'_>,
) {
    let finished = run(services, &order, &mut reins, &mut caller).await;
    // Before the answer: the client may use the id again at once.
    drop(registered);
    reins.stdin.refuse_rest(order.family, order.id.as_deref().unwrap_or_default());
    caller.finish(services.host.as_ref(), finished);
}

async fn run(
    services: &Arc<Services>,
    order: &Order,
    reins: &mut Reins,
    caller: &mut Caller,
) -> Result<Finished, CoreError> {
    let plan = prepare::plan(services, order).await?;
    caller.begun();
    let _slot = tokio::select! {
        biased;
        () = services.closing.cancelled() => return Ok(Finished::without_output(KILLED)),
        () = reins.kill.cancelled() => return Ok(Finished::without_output(KILLED)),
        slot = services.processes.slots(order.family).acquire() => slot,
    };
    runner::run(services, order, &plan, reins, caller).await
}
