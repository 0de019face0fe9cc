//! Finding files by a few letters.

use std::future::Future;
use std::sync::Arc;

use app_server_core::host::Reply;
use app_server_core::{CoreError, Services, searches};
use app_server_protocol::v2::{
    FuzzyFileSearchParams, FuzzyFileSearchResponse, FuzzyFileSearchSessionStartParams,
    FuzzyFileSearchSessionStartResponse, FuzzyFileSearchSessionStopParams,
    FuzzyFileSearchSessionStopResponse, FuzzyFileSearchSessionUpdateParams,
    FuzzyFileSearchSessionUpdateResponse,
};

pub(crate) fn search(
    services: Arc<Services>,
    params: FuzzyFileSearchParams,
) -> impl Future<Output = Result<FuzzyFileSearchResponse, CoreError>> + Send + 'static {
    searches::search(&services, params)
}

pub(crate) fn start_session(
    services: &Arc<Services>,
    params: FuzzyFileSearchSessionStartParams,
    reply: Reply<FuzzyFileSearchSessionStartResponse>,
) {
    searches::start_session(services, params, reply);
}

pub(crate) fn update_session(
    services: &Arc<Services>,
    params: FuzzyFileSearchSessionUpdateParams,
    reply: Reply<FuzzyFileSearchSessionUpdateResponse>,
) {
    searches::update_session(services, params, reply);
}

pub(crate) fn stop_session(
    services: &Arc<Services>,
    params: FuzzyFileSearchSessionStopParams,
    reply: Reply<FuzzyFileSearchSessionStopResponse>,
) {
    searches::stop_session(services, &params, reply);
}
