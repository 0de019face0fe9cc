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
    ThreadBackgroundTerminalsTerminateResponse, ThreadCompactStartParams, ThreadCompactStartResponse,
    ThreadDeleteParams, ThreadDeleteResponse, ThreadForkParams, ThreadForkResponse, ThreadGoalClearParams,
    ThreadGoalClearResponse, ThreadGoalGetParams, ThreadGoalGetResponse, ThreadGoalSetParams,
    ThreadGoalSetResponse, ThreadInjectItemsParams, ThreadInjectItemsResponse, ThreadItemsListParams,
    ThreadItemsListResponse, ThreadItemsReadParams, ThreadItemsReadResponse, ThreadListParams,
    ThreadListResponse, ThreadLoadedListParams, ThreadLoadedListResponse, ThreadMetadataUpdateParams,
    ThreadMetadataUpdateResponse, ThreadReadParams, ThreadReadResponse, ThreadResumeParams,
    ThreadResumeResponse, ThreadRevertParams, ThreadRevertResponse, ThreadRollbackParams,
    ThreadRollbackResponse, ThreadSearchOccurrencesParams, ThreadSearchOccurrencesResponse,
    ThreadSearchParams, ThreadSearchResponse, ThreadSetNameParams, ThreadSetNameResponse,
    ThreadSettingsUpdateParams, ThreadSettingsUpdateResponse, ThreadShellCommandParams,
    ThreadShellCommandResponse, ThreadStartParams, ThreadStartResponse, ThreadStatus, ThreadTurnsListParams,
    ThreadTurnsListResponse, ThreadUnarchiveParams, ThreadUnarchiveResponse, ThreadUnsubscribeParams,
    ThreadUnsubscribeResponse,
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
    let makes_a_thread = params.history.as_ref().is_some_and(|history| !history.is_empty());
    // The file counts; whose it is the actor finds out.
    let is_by_path = params.path.is_some() && parse_id(&params.thread_id).is_err();
    if makes_a_thread || is_by_path {
        return Some((Uuid::now_v7(), ThreadOp::Resume(Box::new(params), reply)));
    }
    let id = params.thread_id.clone();
    route(&id, reply, |reply| ThreadOp::Resume(Box::new(params), reply))
}

/// `thread/fork`.
pub(crate) fn fork(params: ThreadForkParams, reply: Reply<ThreadForkResponse>) -> Routed {
    if params.path.is_some() {
        // The file counts, whichever thread is named.
        return Some((Uuid::now_v7(), ThreadOp::Fork(Box::new(params), reply)));
    }
    let id = params.thread_id.clone();
    route(&id, reply, |reply| ThreadOp::Fork(Box::new(params), reply))
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

/// `thread/rollback`.
pub(crate) fn rollback(params: ThreadRollbackParams, reply: Reply<ThreadRollbackResponse>) -> Routed {
    let ThreadRollbackParams { num_turns, thread_id } = params;
    // Before anything is said of the thread, but after its id.
    if num_turns == 0 && parse_id(&thread_id).is_ok() {
        reply.send(Err(CoreError::Invalid("numTurns must be >= 1".to_owned())));
        return None;
    }
    route(&thread_id, reply, |reply| ThreadOp::Rollback(num_turns, reply))
}

/// `thread/revert`.
pub(crate) fn revert(params: ThreadRevertParams, reply: Reply<ThreadRevertResponse>) -> Routed {
    let ThreadRevertParams { before_turn_id, thread_id } = params;
    route(&thread_id, reply, |reply| ThreadOp::Revert(before_turn_id, reply))
}

/// `thread/delete`.
pub(crate) fn delete(params: ThreadDeleteParams, reply: Reply<ThreadDeleteResponse>) -> Routed {
    route(&params.thread_id, reply, ThreadOp::Delete)
}

/// `thread/metadata/update`.
pub(crate) fn update_metadata(
    params: ThreadMetadataUpdateParams,
    reply: Reply<ThreadMetadataUpdateResponse>,
) -> Routed {
    let id = params.thread_id.clone();
    route(&id, reply, |reply| ThreadOp::UpdateMetadata(Box::new(params), reply))
}

/// `thread/inject_items`.
pub(crate) fn inject_items(
    params: ThreadInjectItemsParams,
    reply: Reply<ThreadInjectItemsResponse>,
) -> Routed {
    let ThreadInjectItemsParams { items, thread_id } = params;
    route(&thread_id, reply, |reply| ThreadOp::InjectItems(items, reply))
}

/// `thread/settings/update`.
pub(crate) fn update_settings(
    params: ThreadSettingsUpdateParams,
    reply: Reply<ThreadSettingsUpdateResponse>,
) -> Routed {
    let id = params.thread_id.clone();
    route(&id, reply, |reply| ThreadOp::UpdateSettings(Box::new(params), reply))
}

/// `thread/turns/list`.
pub(crate) fn list_turns(params: ThreadTurnsListParams, reply: Reply<ThreadTurnsListResponse>) -> Routed {
    let id = params.thread_id.clone();
    route(&id, reply, |reply| ThreadOp::ListTurns(Box::new(params), reply))
}

/// `thread/items/list`.
pub(crate) fn list_items(params: ThreadItemsListParams, reply: Reply<ThreadItemsListResponse>) -> Routed {
    let id = params.thread_id.clone();
    route(&id, reply, |reply| ThreadOp::ListItems(Box::new(params), reply))
}

/// `thread/items/read`.
pub(crate) fn read_items(params: ThreadItemsReadParams, reply: Reply<ThreadItemsReadResponse>) -> Routed {
    let id = params.thread_id.clone();
    route(&id, reply, |reply| ThreadOp::ReadItems(Box::new(params), reply))
}

/// `thread/compact/start`.
pub(crate) fn compact(params: ThreadCompactStartParams, reply: Reply<ThreadCompactStartResponse>) -> Routed {
    route(&params.thread_id, reply, ThreadOp::Compact)
}

/// `thread/goal/set`.
pub(crate) fn set_goal(params: ThreadGoalSetParams, reply: Reply<ThreadGoalSetResponse>) -> Routed {
    let id = params.thread_id.clone();
    route(&id, reply, |reply| ThreadOp::SetGoal(Box::new(params), reply))
}

/// `thread/goal/get`.
pub(crate) fn get_goal(params: ThreadGoalGetParams, reply: Reply<ThreadGoalGetResponse>) -> Routed {
    route(&params.thread_id, reply, ThreadOp::GetGoal)
}

/// `thread/goal/clear`.
pub(crate) fn clear_goal(params: ThreadGoalClearParams, reply: Reply<ThreadGoalClearResponse>) -> Routed {
    route(&params.thread_id, reply, ThreadOp::ClearGoal)
}

/// `thread/searchOccurrences`.
pub(crate) fn search_occurrences(
    params: ThreadSearchOccurrencesParams,
    reply: Reply<ThreadSearchOccurrencesResponse>,
) -> Routed {
    let id = params.thread_id.clone();
    route(&id, reply, |reply| ThreadOp::SearchOccurrences(Box::new(params), reply))
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

/// `thread/search`.
pub(crate) fn search(
    services: &Services,
    params: ThreadSearchParams,
    live: HashMap<Uuid, ThreadStatus>,
) -> Result<ThreadSearchResponse, CoreError> {
    thread::search(services, params, &live)
}
