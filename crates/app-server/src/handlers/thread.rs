//! The thread methods.

use std::collections::HashMap;

use app_server_core::host::Reply;
use app_server_core::thread::{ThreadOp, parse_id};
use app_server_core::{CoreError, Services, thread};
use app_server_protocol::RpcError;
use app_server_protocol::v2::{
    ThreadArchiveParams, ThreadArchiveResponse, ThreadBackgroundTerminalsCleanParams,
    ThreadBackgroundTerminalsCleanResponse, ThreadBackgroundTerminalsListParams,
    ThreadBackgroundTerminalsListResponse, ThreadBackgroundTerminalsTerminateParams,
    ThreadBackgroundTerminalsTerminateResponse, ThreadListParams, ThreadListResponse, ThreadLoadedListParams,
    ThreadLoadedListResponse, ThreadReadParams, ThreadReadResponse, ThreadResumeParams, ThreadResumeResponse,
    ThreadSetNameParams, ThreadSetNameResponse, ThreadShellCommandParams, ThreadShellCommandResponse,
    ThreadStartParams, ThreadStartResponse, ThreadStatus, ThreadUnarchiveParams, ThreadUnarchiveResponse,
    ThreadUnsubscribeParams, ThreadUnsubscribeResponse,
};
use uuid::Uuid;

use crate::dispatch::Routed;
use crate::message_processor::Server;

/// Sends `op` to the thread named, or refuses when the name is none.
pub(crate) fn route<T>(thread_id: &str, reply: Reply<T>, op: impl FnOnce(Reply<T>) -> ThreadOp) -> Routed {
    match parse_id(thread_id) {
        Ok(id) => Some((id, op(reply))),
        Err(error) => {
            reply.send(Err(error));
            None
        }
    }
}

/// `thread/start`.
pub(crate) fn start(params: ThreadStartParams, reply: Reply<ThreadStartResponse>) -> Routed {
    Some((Uuid::now_v7(), ThreadOp::Start(Box::new(params), reply)))
}

/// `thread/resume`.
pub(crate) fn resume(params: ThreadResumeParams, reply: Reply<ThreadResumeResponse>) -> Routed {
    let id = params.thread_id.clone();
    route(&id, reply, |reply| ThreadOp::Resume(Box::new(params), reply))
}

/// `thread/read`.
pub(crate) fn read(params: ThreadReadParams, reply: Reply<ThreadReadResponse>) -> Routed {
    route(&params.thread_id, reply, |reply| ThreadOp::Read(params.include_turns, reply))
}

/// `thread/archive`.
pub(crate) fn archive(params: ThreadArchiveParams, reply: Reply<ThreadArchiveResponse>) -> Routed {
    route(&params.thread_id, reply, ThreadOp::Archive)
}

/// `thread/unarchive`.
pub(crate) fn unarchive(params: ThreadUnarchiveParams, reply: Reply<ThreadUnarchiveResponse>) -> Routed {
    route(&params.thread_id, reply, ThreadOp::Unarchive)
}

/// `thread/name/set`.
pub(crate) fn set_name(params: ThreadSetNameParams, reply: Reply<ThreadSetNameResponse>) -> Routed {
    let ThreadSetNameParams { name, thread_id } = params;
    route(&thread_id, reply, |reply| ThreadOp::SetName(name, reply))
}

/// `thread/unsubscribe`.
pub(crate) fn unsubscribe(
    params: ThreadUnsubscribeParams,
    reply: Reply<ThreadUnsubscribeResponse>,
) -> Routed {
    route(&params.thread_id, reply, ThreadOp::Unsubscribe)
}

/// `thread/shellCommand`.
pub(crate) fn shell_command(
    params: ThreadShellCommandParams,
    reply: Reply<ThreadShellCommandResponse>,
) -> Routed {
    let id = params.thread_id.clone();
    route(&id, reply, |reply| ThreadOp::ShellCommand(params, reply))
}

/// `thread/backgroundTerminals/list`.
pub(crate) fn list_terminals(
    params: ThreadBackgroundTerminalsListParams,
    reply: Reply<ThreadBackgroundTerminalsListResponse>,
) -> Routed {
    let ThreadBackgroundTerminalsListParams { cursor, limit, thread_id } = params;
    route(&thread_id, reply, |reply| ThreadOp::ListTerminals(cursor, limit, reply))
}

/// `thread/backgroundTerminals/terminate`.
pub(crate) fn end_terminal(
    params: ThreadBackgroundTerminalsTerminateParams,
    reply: Reply<ThreadBackgroundTerminalsTerminateResponse>,
) -> Routed {
    let ThreadBackgroundTerminalsTerminateParams { process_id, thread_id } = params;
    route(&thread_id, reply, |reply| ThreadOp::EndTerminal(process_id, reply))
}

/// `thread/backgroundTerminals/clean`.
pub(crate) fn end_terminals(
    params: ThreadBackgroundTerminalsCleanParams,
    reply: Reply<ThreadBackgroundTerminalsCleanResponse>,
) -> Routed {
    route(&params.thread_id, reply, ThreadOp::EndTerminals)
}

/// `thread/loaded/list`: ids in order; the cursor is the last id of the page before.
pub(crate) fn loaded_list(
    server: &mut Server,
    params: ThreadLoadedListParams,
) -> Result<ThreadLoadedListResponse, RpcError> {
    let ids: Vec<Uuid> =
        server.thread_states().filter(|(_, state)| state.is_loaded).map(|(id, _)| id).collect();
    let start = match &params.cursor {
        None => 0,
        Some(cursor) => match ids.iter().position(|id| id.to_string() == *cursor) {
            Some(at) => at + 1,
            None => ids.len(),
        },
    };
    let limit = params.limit.map_or(usize::MAX, |limit| limit.max(1) as usize);
    let data: Vec<String> = ids.iter().skip(start).take(limit).map(Uuid::to_string).collect();
    let has_more = start + data.len() < ids.len();
    let next_cursor = data.last().filter(|_| has_more).cloned();
    Ok(ThreadLoadedListResponse { data, next_cursor })
}

/// What `thread/list` lays over the stored threads.
pub(crate) fn live_statuses(server: &Server) -> HashMap<Uuid, ThreadStatus> {
    server
        .thread_states()
        .filter(|(_, state)| state.is_loaded)
        .map(|(id, state)| (id, state.status))
        .collect()
}

/// `thread/list`.
pub(crate) fn list(
    services: &Services,
    params: ThreadListParams,
    live: HashMap<Uuid, ThreadStatus>,
) -> Result<ThreadListResponse, CoreError> {
    thread::list(services, params, &live)
}
