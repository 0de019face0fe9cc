//! The review method.

use app_server_core::host::Reply;
use app_server_core::thread::ThreadOp;
use app_server_protocol::v2::{ReviewStartParams, ReviewStartResponse};

use super::thread::route;
use crate::dispatch::Routed;

/// `review/start`.
pub(crate) fn start(params: ReviewStartParams, reply: Reply<ReviewStartResponse>) -> Routed {
    let id = params.thread_id.clone();
    route(&id, reply, |reply| ThreadOp::Review(Box::new(params), reply))
}
