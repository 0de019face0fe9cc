//! The turn methods.

use app_server_core::host::Reply;
use app_server_core::thread::ThreadOp;
use app_server_protocol::v2::{
    TurnInterruptParams, TurnInterruptResponse, TurnSettingsUpdateParams, TurnSettingsUpdateResponse,
    TurnStartParams, TurnStartResponse, TurnSteerParams, TurnSteerResponse,
};

use super::thread::route;
use crate::dispatch::Routed;

/// `turn/start`.
pub(crate) fn start(params: TurnStartParams, reply: Reply<TurnStartResponse>) -> Routed {
    let id = params.thread_id.clone();
    route(&id, reply, |reply| ThreadOp::StartTurn(Box::new(params), reply))
}

/// `turn/steer`.
pub(crate) fn steer(params: TurnSteerParams, reply: Reply<TurnSteerResponse>) -> Routed {
    let id = params.thread_id.clone();
    route(&id, reply, |reply| ThreadOp::Steer(Box::new(params), reply))
}

/// `turn/interrupt`.
pub(crate) fn interrupt(params: TurnInterruptParams, reply: Reply<TurnInterruptResponse>) -> Routed {
    let TurnInterruptParams { thread_id, turn_id } = params;
    route(&thread_id, reply, |reply| ThreadOp::Interrupt(turn_id, reply))
}

/// `turn/settings/update`.
pub(crate) fn update_settings(
    params: TurnSettingsUpdateParams,
    reply: Reply<TurnSettingsUpdateResponse>,
) -> Routed {
    let id = params.thread_id.clone();
    route(&id, reply, |reply| ThreadOp::AdjustTurn(Box::new(params), reply))
}
