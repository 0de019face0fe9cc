//! The account methods.

use app_server_core::account::AccountOp;
use app_server_core::host::Reply;
use app_server_protocol::NoParams;
use app_server_protocol::v2::{
    CancelLoginAccountParams, CancelLoginAccountResponse, GetAccountParams, GetAccountRateLimitsParams,
    GetAccountRateLimitsResponse, GetAccountResponse, LoginAccountParams, LoginAccountResponse,
    LogoutAccountResponse,
};

/// `account/read`.
pub(crate) fn read(params: Option<GetAccountParams>, reply: Reply<GetAccountResponse>) -> AccountOp {
    AccountOp::Read(params.is_some_and(|params| params.refresh_token), reply)
}

/// `account/login/start`.
pub(crate) fn login(params: LoginAccountParams, reply: Reply<LoginAccountResponse>) -> AccountOp {
    AccountOp::Login(Box::new(params), reply)
}

/// `account/login/cancel`.
pub(crate) fn cancel_login(
    params: CancelLoginAccountParams,
    reply: Reply<CancelLoginAccountResponse>,
) -> AccountOp {
    AccountOp::CancelLogin(params.login_id, reply)
}

/// `account/logout`.
pub(crate) fn logout(_: NoParams, reply: Reply<LogoutAccountResponse>) -> AccountOp {
    AccountOp::Logout(reply)
}

/// `account/rateLimits/read`.
pub(crate) fn rate_limits(
    _: Option<GetAccountRateLimitsParams>,
    reply: Reply<GetAccountRateLimitsResponse>,
) -> AccountOp {
    AccountOp::RateLimits(reply)
}
