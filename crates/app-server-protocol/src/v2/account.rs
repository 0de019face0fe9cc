//! Who is signed in, how to sign in, and what the account may still use (wire specification 12).
#![allow(
    missing_docs,
    reason = "a field is named as on the wire; what is not plain from its name has a comment"
)]

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use super::compat;

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum Account {
    /// By an API key.
    ApiKey,
    /// By a ChatGPT account, its tokens kept by the server or by the client.
    Chatgpt {
        /// Null when the token does not say.
        #[schemars(extend("x-required" = true))]
        email: Option<String>,
        plan_type: PlanType,
        /// Always null from this server.
        #[serde(default)]
        workspace_name: Option<String>,
    },
    /// Not offered by this server.
    AmazonBedrock {
        #[serde(default)]
        uses_codex_managed_credentials: bool,
    },
    /// Not offered by this server.
    Gcp,
}

/// Sent with `account/login/completed` when a login succeeded, failed, was cancelled or ran out of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct AccountLoginCompletedNotification {
    /// Why it failed; null on success.
    #[serde(default)]
    pub error: Option<String>,
    /// As in the answer to `account/login/start`; null for logins that are done at once.
    #[serde(default)]
    pub login_id: Option<String>,
    /// Always null from this server.
    #[serde(default)]
    pub onboarding_entrypoint: Option<DesktopOnboardingEntrypoint>,
    pub success: bool,
}

/// Sent with `account/rateLimits/updated` after a model response that told the limits. Null members are
/// unknown, not zero: keep what was known before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct AccountRateLimitsUpdatedNotification {
    pub rate_limits: RateLimitSnapshot,
}

/// Sent with `account/updated` after signing in or out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct AccountUpdatedNotification {
    /// Null: nobody is signed in.
    #[serde(default)]
    pub auth_mode: Option<AuthMode>,
    /// Null unless a ChatGPT account is signed in.
    #[serde(default)]
    pub plan_type: Option<PlanType>,
}

/// How requests to the model are authorised. This server knows `apikey`, `chatgpt` (tokens it keeps and
/// refreshes) and `chatgptAuthTokens` (tokens the client brings and refreshes).
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
pub enum AuthMode {
    Apikey,
    Chatgpt,
    ChatgptAuthTokens,
    Headers,
    AgentIdentity,
    PersonalAccessToken,
    BedrockApiKey,
    BedrockAccessKeys,
}

/// Ends a login that waits for the user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct CancelLoginAccountParams {
    /// From the answer to `account/login/start`; a UUID.
    pub login_id: String,
}

/// Tells whether there was such a login. If so `account/login/completed` follows, without success.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct CancelLoginAccountResponse {
    pub status: CancelLoginAccountStatus,
}

/// `notFound`: no login of this id waits, perhaps because it is done.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum CancelLoginAccountStatus {
    Canceled,
    NotFound,
}

/// Asks the client for fresh tokens, because the model refused those it had brought. Without an answer
/// within 10 seconds the turn fails.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct ChatgptAuthTokensRefreshParams {
    /// The workspace of the tokens that were refused.
    #[serde(default)]
    pub previous_account_id: Option<String>,
    pub reason: ChatgptAuthTokensRefreshReason,
}

/// Why new tokens are needed: the model answered 401.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum ChatgptAuthTokensRefreshReason {
    Unauthorized,
}

/// Fresh tokens. Never written to disk.
///
/// `{idToken, accessToken}` without an account id is understood as well: the id is read from the id token.
#[derive(Clone, PartialEq, Serialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct ChatgptAuthTokensRefreshResponse {
    /// A JWT.
    pub access_token: String,
    /// The workspace the tokens are for.
    // Required in the schema; the older form lacks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    #[ts(as = "String")]
    pub chatgpt_account_id: Option<String>,
    /// Null: read from the token.
    #[serde(default)]
    pub chatgpt_plan_type: Option<String>,
    /// The older form's token, which also names the account; not part of the schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    #[ts(skip)]
    pub id_token: Option<String>,
}

/// Shows no token.
impl fmt::Debug for ChatgptAuthTokensRefreshResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatgptAuthTokensRefreshResponse")
            .field("chatgpt_account_id", &self.chatgpt_account_id)
            .field("chatgpt_plan_type", &self.chatgpt_plan_type)
            .finish_non_exhaustive()
    }
}

/// Credits an account has beyond its plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct CreditsSnapshot {
    /// As text, to be shown as it is.
    #[serde(default)]
    pub balance: Option<String>,
    pub has_credits: bool,
    pub unlimited: bool,
}

/// Never sent by this server.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "v2/")]
pub enum DesktopOnboardingEntrypoint {
    LifeSciences,
}

/// Asks who is signed in.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct GetAccountParams {
    /// First refreshes tokens the server keeps; a failure to do so is ignored.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub refresh_token: bool,
}

/// Asks what the account may still use. Params may be left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/", optional_fields = nullable)]
pub struct GetAccountRateLimitsParams {
    /// Accepted and without effect.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub exclude_reset_credit_details: bool,
    /// Accepted and without effect.
    #[serde(default, deserialize_with = "compat::null_as_default")]
    #[ts(optional, as = "Option<_>")]
    pub supports_luna_reserve: bool,
}

/// The account's limits, asked from its backend. Refused unless a ChatGPT account is signed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct GetAccountRateLimitsResponse {
    #[serde(default)]
    pub account_id: Option<String>,
    #[serde(default)]
    pub ordinary_usage_allowed: Option<bool>,
    #[serde(default)]
    pub rate_limit_reset_credits: Option<RateLimitResetCreditsSummary>,
    #[serde(default)]
    #[ts(optional)]
    pub rate_limit_upsell: Option<Value>,
    /// The limit that applies to agents.
    pub rate_limits: RateLimitSnapshot,
    /// All limits the account has, by id.
    #[serde(default)]
    pub rate_limits_by_limit_id: Option<BTreeMap<String, RateLimitSnapshot>>,
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct GetAccountResponse {
    /// Null: nobody, or the configured provider needs no account.
    #[serde(default)]
    pub account: Option<Account>,
    /// Whether the configured provider needs somebody to be signed in.
    pub requires_openai_auth: bool,
    /// The user id in the token, if there is one.
    #[serde(default)]
    pub user_id: Option<String>,
    /// Null: this server asks no backend where a workspace is.
    #[serde(default)]
    pub workspace_routing: Option<WorkspaceRouting>,
}

/// Where the requests of a workspace go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct WorkspaceRouting {
    pub account_routing_override: AccountRoutingOverride,
    pub backend_origin: String,
    pub chatgpt_account_id: String,
}

/// A region the requests of a workspace stay in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub enum AccountRoutingOverride {
    /// Any.
    #[serde(rename = "NO_CONSTRAINT")]
    NoConstraint,
    /// The United States.
    #[serde(rename = "us")]
    Us,
    /// The United States, in the form for regulated customers.
    #[serde(rename = "us_cr")]
    UsCr,
}

/// Signs in. The answer has the same `type`. A login that waits for the user is cancelled by the next one;
/// `account/login/completed` and `account/updated` tell the end.
#[derive(Clone, PartialEq, Serialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum LoginAccountParams {
    /// By an API key, which is stored as it is and not tried out.
    ApiKey { api_key: String },
    /// By a ChatGPT account in a browser, which the client opens.
    Chatgpt {
        /// Accepted and without effect.
        #[serde(default)]
        app_brand: Option<LoginAppBrand>,
        /// Accepted and without effect.
        #[serde(default, deserialize_with = "compat::null_as_default")]
        #[ts(optional, as = "Option<_>")]
        codex_streamlined_login: bool,
        /// Accepted and without effect: the server has a page of its own.
        #[serde(default, deserialize_with = "compat::null_as_default")]
        #[ts(optional, as = "Option<_>")]
        use_hosted_login_success_page: bool,
    },
    /// By a ChatGPT account on another device, with a code the user types there.
    ChatgptDeviceCode,
    /// By tokens the client has and refreshes. They are kept in memory only.
    ///
    /// `{idToken, accessToken}` without an account id is understood as well: the id is read from the id
    /// token.
    ChatgptAuthTokens {
        /// A JWT.
        access_token: String,
        /// The workspace the tokens are for.
        // Required in the schema; the older form lacks it.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(with = "String")]
        #[ts(as = "String")]
        chatgpt_account_id: Option<String>,
        /// Null: read from the token.
        #[serde(default)]
        chatgpt_plan_type: Option<String>,
        /// The older form's token, which also names the account; not part of the schema.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schemars(skip)]
        #[ts(skip)]
        id_token: Option<String>,
    },
    /// Not offered by this server.
    AmazonBedrock { api_key: String, region: String },
    /// Not offered by this server.
    AmazonBedrockAccessKeys {
        access_key_id: String,
        region: String,
        secret_access_key: String,
        #[serde(default)]
        session_token: Option<String>,
    },
}

/// Shows which way it is, and no key or token.
impl fmt::Debug for LoginAccountParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey { .. } => "ApiKey",
            Self::Chatgpt { .. } => "Chatgpt",
            Self::ChatgptDeviceCode => "ChatgptDeviceCode",
            Self::ChatgptAuthTokens { .. } => "ChatgptAuthTokens",
            Self::AmazonBedrock { .. } => "AmazonBedrock",
            Self::AmazonBedrockAccessKeys { .. } => "AmazonBedrockAccessKeys",
        })
    }
}

/// What is to be done to sign in; the `type` is that of the request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[ts(export_to = "v2/")]
pub enum LoginAccountResponse {
    /// Nothing: done.
    ApiKey,
    /// Open `authUrl` in a browser on the machine the server runs on. Times out after 10 minutes.
    Chatgpt { auth_url: String, login_id: String },
    /// Show the user both, to be opened on any device. Times out after 15 minutes.
    ChatgptDeviceCode { login_id: String, user_code: String, verification_url: String },
    /// Nothing: done.
    ChatgptAuthTokens,
    /// Never sent by this server.
    AmazonBedrock,
}

/// Which product a login page is to name.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum LoginAppBrand {
    Codex,
    Chatgpt,
}

/// Empty: nobody is signed in any more, and `account/updated` follows. Not an error if nobody was.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[ts(export_to = "v2/")]
pub struct LogoutAccountResponse {}

/// A ChatGPT account's plan; `unknown` for plans this server has not heard of.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
pub enum PlanType {
    Free,
    Go,
    Plus,
    Pro,
    Prolite,
    Promax,
    Team,
    SelfServeBusinessProlite,
    SelfServeBusinessUsageBased,
    Business,
    Ent26,
    EnterpriseCbpAutomation,
    EnterpriseCbpUsageBased,
    Enterprise,
    Edu,
    EduPlus,
    EduPro,
    Sci,
    SciPlus,
    Unknown,
}

/// Which kind of limit is reached.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "v2/")]
pub enum RateLimitReachedType {
    RateLimitReached,
    WorkspaceOwnerCreditsDepleted,
    WorkspaceMemberCreditsDepleted,
    WorkspaceOwnerUsageLimitReached,
    WorkspaceMemberUsageLimitReached,
}

/// A voucher that resets a limit. Never sent by this server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct RateLimitResetCredit {
    #[serde(default)]
    pub description: Option<String>,
    /// Unix seconds.
    #[serde(default)]
    pub expires_at: Option<i64>,
    /// Unix seconds.
    pub granted_at: i64,
    pub id: String,
    pub reset_type: RateLimitResetType,
    pub status: RateLimitResetCreditStatus,
    #[serde(default)]
    pub title: Option<String>,
}

/// How a voucher stands.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum RateLimitResetCreditStatus {
    Available,
    Redeeming,
    Redeemed,
    Unknown,
}

/// Vouchers an account has. Never sent by this server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct RateLimitResetCreditsSummary {
    pub available_count: i64,
    #[serde(default)]
    pub credits: Option<Vec<RateLimitResetCredit>>,
}

/// What a voucher resets.
#[derive(Debug, Clone, PartialEq, Eq, Copy, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub enum RateLimitResetType {
    CodexRateLimits,
    Unknown,
}

/// How much of a limit is used. Null members are unknown.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct RateLimitSnapshot {
    /// Credits beyond the plan.
    #[serde(default)]
    pub credits: Option<CreditsSnapshot>,
    /// A spending limit of this user in a workspace.
    #[serde(default)]
    pub individual_limit: Option<SpendControlLimitSnapshot>,
    /// `codex` for the limit of agents.
    #[serde(default)]
    pub limit_id: Option<String>,
    /// For display.
    #[serde(default)]
    pub limit_name: Option<String>,
    #[serde(default)]
    pub normal_model_slug: Option<String>,
    #[serde(default)]
    pub plan_type: Option<PlanType>,
    /// The shorter window.
    #[serde(default)]
    pub primary: Option<RateLimitWindow>,
    /// Null while no limit is reached.
    #[serde(default)]
    pub rate_limit_reached_type: Option<RateLimitReachedType>,
    /// The longer window.
    #[serde(default)]
    pub secondary: Option<RateLimitWindow>,
    #[serde(default)]
    pub spend_control_reached: Option<bool>,
}

/// A window of time with a limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct RateLimitWindow {
    /// Unix seconds.
    #[serde(default)]
    pub resets_at: Option<i64>,
    /// Rounded; may exceed 100.
    pub used_percent: i32,
    /// Length of the window in minutes.
    #[serde(default)]
    pub window_duration_mins: Option<i64>,
}

/// A spending limit of a user in a workspace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export_to = "v2/")]
pub struct SpendControlLimitSnapshot {
    /// An amount as text.
    pub limit: String,
    pub remaining_percent: i32,
    /// Unix seconds.
    pub resets_at: i64,
    /// An amount as text.
    pub used: String,
}
