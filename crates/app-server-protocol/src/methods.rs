//! The table of every method: one line each. The enum the server dispatches on, the schemas and the TypeScript
//! come from these lines, so a method cannot exist without its types, nor its types without being exported.
//!
//! A line reads `Variant = "wire/name" (Params) -> Response [stability];`. Without a mark a method is stable.
//! `[experimental]` is left out of the stable schema and needs the client's `experimentalApi` capability.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::v2::*;
use crate::{InitializeParams, InitializeResponse, NoParams};

/// How much a method's shape is promised, and to whom it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stability {
    /// Part of the stable schema.
    Stable,
    /// Left out of the stable schema and refused without the `experimentalApi` capability.
    Experimental,
}

/// A request of either side with the types of its params and result.
pub trait Request {
    /// The name on the wire.
    const METHOD: &'static str;
    /// What is asked.
    type Params: Serialize + DeserializeOwned;
    /// What is answered.
    type Response: Serialize + DeserializeOwned;
}

/// Receives every request of a table with its types: how tests walk it.
#[doc(hidden)]
pub trait RequestVisitor {
    /// One line of the table.
    fn request<R: Request>(&mut self);
}

macro_rules! stability {
    () => {
        Stability::Stable
    };
    (experimental) => {
        Stability::Experimental
    };
}

macro_rules! requests {
    ($(#[$doc:meta])* $enum_name:ident, $module:ident, $visit:ident;
     $($variant:ident = $name:literal ($params:ty) -> $response:ty $([$stability:ident])?;)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "a variant is named after its method")]
        pub enum $enum_name { $($variant,)* }

        impl $enum_name {
            /// Every method, in the order of the table.
            pub const ALL: &'static [$enum_name] = &[$($enum_name::$variant,)*];

            /// Hands every line to `visitor`, in the order of the table.
            #[doc(hidden)]
            pub fn visit_all(visitor: &mut impl RequestVisitor) {
                $(visitor.request::<$module::$variant>();)*
            }

            /// Finds a method by its name on the wire; see [`method_alias`] for older names.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some($enum_name::$variant),)*
                    _ => None,
                }
            }

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self { $($enum_name::$variant => $name,)* }
            }

            /// How much the method is promised.
            pub fn stability(self) -> Stability {
                match self { $($enum_name::$variant => stability!($($stability)?),)* }
            }
        }

        /// One type per method that ties its name, params and result together.
        #[allow(missing_docs, reason = "a type is named after its method")]
        pub mod $module {
            use super::*;
            $(
                #[derive(Debug, Clone, Copy)]
                pub struct $variant;
                impl Request for $variant {
                    const METHOD: &'static str = $name;
                    type Params = $params;
                    type Response = $response;
                }
            )*
        }

        pub(crate) fn $visit(visitor: &mut impl crate::export::Visitor) {
            $(visitor.request::<$params, $response>($name, stability!($($stability)?));)*
        }
    };
}

macro_rules! notifications {
    ($(#[$doc:meta])* $enum_name:ident, $visit:ident; $($variant:ident = $name:literal ($params:ty) $([$stability:ident])?;)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs, reason = "a variant is named after its method")]
        pub enum $enum_name { $($variant($params),)* }

        impl $enum_name {
            /// Every method name, in the order of the table.
            pub const ALL: &'static [&'static str] = &[$($name,)*];

            /// The name on the wire.
            pub fn method(&self) -> &'static str {
                match self { $($enum_name::$variant(_) => $name,)* }
            }

            /// How much the notification is promised.
            pub fn stability(&self) -> Stability {
                match self { $($enum_name::$variant(_) => stability!($($stability)?),)* }
            }

            /// Reads the params of `method`; none if there is no such notification.
            ///
            /// # Errors
            /// Those of the deserializer, for params of another shape.
            pub fn deserialize_params<'de, D: serde::Deserializer<'de>>(
                method: &str,
                deserializer: D,
            ) -> Option<Result<Self, D::Error>> {
                match method {
                    $($name => {
                        Some(<$params as serde::Deserialize>::deserialize(deserializer).map($enum_name::$variant))
                    })*
                    _ => None,
                }
            }

            /// Serialises the params alone.
            pub fn serialize_params<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $($enum_name::$variant(params) => serde::Serialize::serialize(params, serializer),)* }
            }
        }

        pub(crate) fn $visit(visitor: &mut impl crate::export::Visitor) {
            $(visitor.notification::<$params>($name, stability!($($stability)?));)*
        }
    };
}

requests! {
    /// What a client may ask.
    ClientMethod, client, visit_client_requests;
    // Tier 1
    Initialize = "initialize" (InitializeParams) -> InitializeResponse;
    ThreadStart = "thread/start" (ThreadStartParams) -> ThreadStartResponse;
    ThreadResume = "thread/resume" (ThreadResumeParams) -> ThreadResumeResponse;
    ThreadArchive = "thread/archive" (ThreadArchiveParams) -> ThreadArchiveResponse;
    ThreadList = "thread/list" (ThreadListParams) -> ThreadListResponse;
    TurnStart = "turn/start" (TurnStartParams) -> TurnStartResponse;
    TurnInterrupt = "turn/interrupt" (TurnInterruptParams) -> TurnInterruptResponse;
    ReviewStart = "review/start" (ReviewStartParams) -> ReviewStartResponse;
    AccountLoginStart = "account/login/start" (LoginAccountParams) -> LoginAccountResponse;
    AccountLoginCancel = "account/login/cancel" (CancelLoginAccountParams) -> CancelLoginAccountResponse;
    AccountLogout = "account/logout" (NoParams) -> LogoutAccountResponse;
    AccountRateLimitsRead = "account/rateLimits/read" (Option<GetAccountRateLimitsParams>) -> GetAccountRateLimitsResponse;
    AccountRead = "account/read" (Option<GetAccountParams>) -> GetAccountResponse;
    FeedbackUpload = "feedback/upload" (FeedbackUploadParams) -> FeedbackUploadResponse;
    // Tier 2
    ThreadFork = "thread/fork" (ThreadForkParams) -> ThreadForkResponse;
    ThreadNameSet = "thread/name/set" (ThreadSetNameParams) -> ThreadSetNameResponse;
    ThreadUnarchive = "thread/unarchive" (ThreadUnarchiveParams) -> ThreadUnarchiveResponse;
    ThreadRollback = "thread/rollback" (ThreadRollbackParams) -> ThreadRollbackResponse;
    ThreadLoadedList = "thread/loaded/list" (ThreadLoadedListParams) -> ThreadLoadedListResponse;
    ThreadRead = "thread/read" (ThreadReadParams) -> ThreadReadResponse;
    SkillsList = "skills/list" (SkillsListParams) -> SkillsListResponse;
    SkillsConfigWrite = "skills/config/write" (SkillsConfigWriteParams) -> SkillsConfigWriteResponse;
    ModelList = "model/list" (ModelListParams) -> ModelListResponse;
    CollaborationModeList = "collaborationMode/list" (CollaborationModeListParams) -> CollaborationModeListResponse;
    McpServerOauthLogin = "mcpServer/oauth/login" (McpServerOauthLoginParams) -> McpServerOauthLoginResponse;
    ConfigMcpServerReload = "config/mcpServer/reload" (NoParams) -> McpServerRefreshResponse;
    McpServerStatusList = "mcpServerStatus/list" (ListMcpServerStatusParams) -> ListMcpServerStatusResponse;
    CommandExec = "command/exec" (CommandExecParams) -> CommandExecResponse;
    ConfigRead = "config/read" (ConfigReadParams) -> ConfigReadResponse;
    ConfigValueWrite = "config/value/write" (ConfigValueWriteParams) -> ConfigWriteResponse;
    ConfigBatchWrite = "config/batchWrite" (ConfigBatchWriteParams) -> ConfigWriteResponse;
    ConfigRequirementsRead = "configRequirements/read" (NoParams) -> ConfigRequirementsReadResponse;
    FuzzyFileSearch = "fuzzyFileSearch" (FuzzyFileSearchParams) -> FuzzyFileSearchResponse;
    // Tier 3
    ThreadDelete = "thread/delete" (ThreadDeleteParams) -> ThreadDeleteResponse;
    ThreadUnsubscribe = "thread/unsubscribe" (ThreadUnsubscribeParams) -> ThreadUnsubscribeResponse;
    ThreadGoalSet = "thread/goal/set" (ThreadGoalSetParams) -> ThreadGoalSetResponse;
    ThreadGoalGet = "thread/goal/get" (ThreadGoalGetParams) -> ThreadGoalGetResponse;
    ThreadGoalClear = "thread/goal/clear" (ThreadGoalClearParams) -> ThreadGoalClearResponse;
    ThreadMetadataUpdate = "thread/metadata/update" (ThreadMetadataUpdateParams) -> ThreadMetadataUpdateResponse;
    ThreadAttachmentAdd = "thread/attachment/add" (ThreadAttachmentAddParams) -> ThreadAttachmentAddResponse;
    ThreadAttachmentList = "thread/attachment/list" (ThreadAttachmentListParams) -> ThreadAttachmentListResponse;
    ThreadAttachmentOwnerList = "thread/attachmentOwner/list" (ThreadAttachmentOwnerListParams) -> ThreadAttachmentOwnerListResponse;
    ThreadAttachmentRemove = "thread/attachment/remove" (ThreadAttachmentRemoveParams) -> ThreadAttachmentRemoveResponse;
    ThreadSectionMove = "thread/section/move" (ThreadSectionMoveParams) -> ThreadSectionMoveResponse;
    ThreadCompactStart = "thread/compact/start" (ThreadCompactStartParams) -> ThreadCompactStartResponse;
    ThreadShellCommand = "thread/shellCommand" (ThreadShellCommandParams) -> ThreadShellCommandResponse;
    ThreadRevert = "thread/revert" (ThreadRevertParams) -> ThreadRevertResponse;
    ThreadSectionList = "threadSection/list" (ThreadSectionListParams) -> ThreadSectionListResponse;
    ThreadSectionCreate = "threadSection/create" (ThreadSectionCreateParams) -> ThreadSectionCreateResponse;
    ThreadSectionUpdate = "threadSection/update" (ThreadSectionUpdateParams) -> ThreadSectionUpdateResponse;
    ThreadSectionDelete = "threadSection/delete" (ThreadSectionDeleteParams) -> ThreadSectionDeleteResponse;
    ThreadTurnsList = "thread/turns/list" (ThreadTurnsListParams) -> ThreadTurnsListResponse;
    ThreadItemsList = "thread/items/list" (ThreadItemsListParams) -> ThreadItemsListResponse;
    ThreadInjectItems = "thread/inject_items" (ThreadInjectItemsParams) -> ThreadInjectItemsResponse;
    SkillsExtraRootsSet = "skills/extraRoots/set" (SkillsExtraRootsSetParams) -> SkillsExtraRootsSetResponse;
    HooksList = "hooks/list" (HooksListParams) -> HooksListResponse;
    FsReadFile = "fs/readFile" (FsReadFileParams) -> FsReadFileResponse;
    FsWriteFile = "fs/writeFile" (FsWriteFileParams) -> FsWriteFileResponse;
    FsCreateDirectory = "fs/createDirectory" (FsCreateDirectoryParams) -> FsCreateDirectoryResponse;
    FsGetMetadata = "fs/getMetadata" (FsGetMetadataParams) -> FsGetMetadataResponse;
    FsReadDirectory = "fs/readDirectory" (FsReadDirectoryParams) -> FsReadDirectoryResponse;
    FsRemove = "fs/remove" (FsRemoveParams) -> FsRemoveResponse;
    FsCopy = "fs/copy" (FsCopyParams) -> FsCopyResponse;
    FsWatch = "fs/watch" (FsWatchParams) -> FsWatchResponse;
    FsUnwatch = "fs/unwatch" (FsUnwatchParams) -> FsUnwatchResponse;
    TurnSteer = "turn/steer" (TurnSteerParams) -> TurnSteerResponse;
    ModelProviderList = "modelProvider/list" (ModelProviderListParams) -> ModelProviderListResponse;
    ModelProviderCapabilitiesRead = "modelProvider/capabilities/read" (ModelProviderCapabilitiesReadParams) -> ModelProviderCapabilitiesReadResponse;
    ExperimentalFeatureList = "experimentalFeature/list" (ExperimentalFeatureListParams) -> ExperimentalFeatureListResponse;
    PermissionProfileList = "permissionProfile/list" (PermissionProfileListParams) -> PermissionProfileListResponse;
    ExperimentalFeatureEnablementSet = "experimentalFeature/enablement/set" (ExperimentalFeatureEnablementSetParams) -> ExperimentalFeatureEnablementSetResponse;
    McpServerResourceRead = "mcpServer/resource/read" (McpResourceReadParams) -> McpResourceReadResponse;
    McpServerToolCall = "mcpServer/tool/call" (McpServerToolCallParams) -> McpServerToolCallResponse;
    CommandExecWrite = "command/exec/write" (CommandExecWriteParams) -> CommandExecWriteResponse;
    CommandExecTerminate = "command/exec/terminate" (CommandExecTerminateParams) -> CommandExecTerminateResponse;
    CommandExecResize = "command/exec/resize" (CommandExecResizeParams) -> CommandExecResizeResponse;
    ThreadSettingsUpdate = "thread/settings/update" (ThreadSettingsUpdateParams) -> ThreadSettingsUpdateResponse [experimental];
    ThreadBackgroundTerminalsClean = "thread/backgroundTerminals/clean" (ThreadBackgroundTerminalsCleanParams) -> ThreadBackgroundTerminalsCleanResponse [experimental];
    ThreadBackgroundTerminalsList = "thread/backgroundTerminals/list" (ThreadBackgroundTerminalsListParams) -> ThreadBackgroundTerminalsListResponse [experimental];
    ThreadBackgroundTerminalsTerminate = "thread/backgroundTerminals/terminate" (ThreadBackgroundTerminalsTerminateParams) -> ThreadBackgroundTerminalsTerminateResponse [experimental];
    ThreadSearch = "thread/search" (ThreadSearchParams) -> ThreadSearchResponse [experimental];
    ThreadSearchOccurrences = "thread/searchOccurrences" (ThreadSearchOccurrencesParams) -> ThreadSearchOccurrencesResponse [experimental];
    ThreadItemsRead = "thread/items/read" (ThreadItemsReadParams) -> ThreadItemsReadResponse [experimental];
    TurnSettingsUpdate = "turn/settings/update" (TurnSettingsUpdateParams) -> TurnSettingsUpdateResponse [experimental];
    ProcessSpawn = "process/spawn" (ProcessSpawnParams) -> ProcessSpawnResponse [experimental];
    ProcessWriteStdin = "process/writeStdin" (ProcessWriteStdinParams) -> ProcessWriteStdinResponse [experimental];
    ProcessKill = "process/kill" (ProcessKillParams) -> ProcessKillResponse [experimental];
    ProcessResizePty = "process/resizePty" (ProcessResizePtyParams) -> ProcessResizePtyResponse [experimental];
    FuzzyFileSearchSessionStart = "fuzzyFileSearch/sessionStart" (FuzzyFileSearchSessionStartParams) -> FuzzyFileSearchSessionStartResponse [experimental];
    FuzzyFileSearchSessionUpdate = "fuzzyFileSearch/sessionUpdate" (FuzzyFileSearchSessionUpdateParams) -> FuzzyFileSearchSessionUpdateResponse [experimental];
    FuzzyFileSearchSessionStop = "fuzzyFileSearch/sessionStop" (FuzzyFileSearchSessionStopParams) -> FuzzyFileSearchSessionStopResponse [experimental];
}

requests! {
    /// What the server may ask the client.
    ServerMethod, server, visit_server_requests;
    // Tier 1
    AccountChatgptAuthTokensRefresh = "account/chatgptAuthTokens/refresh" (ChatgptAuthTokensRefreshParams) -> ChatgptAuthTokensRefreshResponse;
    // Tier 2
    ItemCommandExecutionRequestApproval = "item/commandExecution/requestApproval" (CommandExecutionRequestApprovalParams) -> CommandExecutionRequestApprovalResponse;
    ItemFileChangeRequestApproval = "item/fileChange/requestApproval" (FileChangeRequestApprovalParams) -> FileChangeRequestApprovalResponse;
    ItemToolRequestUserInput = "item/tool/requestUserInput" (ToolRequestUserInputParams) -> ToolRequestUserInputResponse;
    ItemToolCall = "item/tool/call" (DynamicToolCallParams) -> DynamicToolCallResponse;
    // Tier 3
    McpServerElicitationRequest = "mcpServer/elicitation/request" (McpServerElicitationRequestParams) -> McpServerElicitationRequestResponse;
    ItemPermissionsRequestApproval = "item/permissions/requestApproval" (PermissionsRequestApprovalParams) -> PermissionsRequestApprovalResponse;
}

notifications! {
    /// What the server tells the client without waiting for an answer.
    ServerNotification, visit_server_notifications;
    // Tier 1
    ThreadStarted = "thread/started" (ThreadStartedNotification);
    TurnStarted = "turn/started" (TurnStartedNotification);
    TurnCompleted = "turn/completed" (TurnCompletedNotification);
    ItemStarted = "item/started" (ItemStartedNotification);
    ItemCompleted = "item/completed" (ItemCompletedNotification);
    ItemAgentMessageDelta = "item/agentMessage/delta" (AgentMessageDeltaNotification);
    AccountUpdated = "account/updated" (AccountUpdatedNotification);
    AccountRateLimitsUpdated = "account/rateLimits/updated" (AccountRateLimitsUpdatedNotification);
    ItemReasoningSummaryTextDelta = "item/reasoning/summaryTextDelta" (ReasoningSummaryTextDeltaNotification);
    ItemReasoningSummaryPartAdded = "item/reasoning/summaryPartAdded" (ReasoningSummaryPartAddedNotification);
    ItemReasoningTextDelta = "item/reasoning/textDelta" (ReasoningTextDeltaNotification);
    AccountLoginCompleted = "account/login/completed" (AccountLoginCompletedNotification);
    // Tier 2
    Error = "error" (ErrorNotification);
    ThreadNameUpdated = "thread/name/updated" (ThreadNameUpdatedNotification);
    ThreadTokenUsageUpdated = "thread/tokenUsage/updated" (ThreadTokenUsageUpdatedNotification);
    TurnDiffUpdated = "turn/diff/updated" (TurnDiffUpdatedNotification);
    TurnPlanUpdated = "turn/plan/updated" (TurnPlanUpdatedNotification);
    RawResponseItemCompleted = "rawResponseItem/completed" (RawResponseItemCompletedNotification);
    ItemPlanDelta = "item/plan/delta" (PlanDeltaNotification);
    ItemCommandExecutionOutputDelta = "item/commandExecution/outputDelta" (CommandExecutionOutputDeltaNotification);
    ItemCommandExecutionTerminalInteraction = "item/commandExecution/terminalInteraction" (TerminalInteractionNotification);
    ItemFileChangeOutputDelta = "item/fileChange/outputDelta" (FileChangeOutputDeltaNotification);
    ItemMcpToolCallProgress = "item/mcpToolCall/progress" (McpToolCallProgressNotification);
    McpServerOauthLoginCompleted = "mcpServer/oauthLogin/completed" (McpServerOauthLoginCompletedNotification);
    ThreadCompacted = "thread/compacted" (ContextCompactedNotification);
    DeprecationNotice = "deprecationNotice" (DeprecationNoticeNotification);
    ConfigWarning = "configWarning" (ConfigWarningNotification);
    // Tier 3
    ThreadStatusChanged = "thread/status/changed" (ThreadStatusChangedNotification);
    ThreadArchived = "thread/archived" (ThreadArchivedNotification);
    ThreadDeleted = "thread/deleted" (ThreadDeletedNotification);
    ThreadUnarchived = "thread/unarchived" (ThreadUnarchivedNotification);
    ThreadClosed = "thread/closed" (ThreadClosedNotification);
    ThreadReverted = "thread/reverted" (ThreadRevertedNotification);
    SkillsChanged = "skills/changed" (SkillsChangedNotification);
    ThreadSectionChanged = "thread/section/changed" (ThreadSectionChangedNotification);
    ThreadAttachmentUpdated = "thread/attachment/updated" (ThreadAttachmentUpdatedNotification);
    ThreadGoalUpdated = "thread/goal/updated" (ThreadGoalUpdatedNotification);
    ThreadGoalCleared = "thread/goal/cleared" (ThreadGoalClearedNotification);
    ThreadSettingsUpdated = "thread/settings/updated" (ThreadSettingsUpdatedNotification);
    HookStarted = "hook/started" (HookStartedNotification);
    HookCompleted = "hook/completed" (HookCompletedNotification);
    CommandExecOutputDelta = "command/exec/outputDelta" (CommandExecOutputDeltaNotification);
    ProcessOutputDelta = "process/outputDelta" (ProcessOutputDeltaNotification);
    ProcessExited = "process/exited" (ProcessExitedNotification);
    ItemFileChangePatchUpdated = "item/fileChange/patchUpdated" (FileChangePatchUpdatedNotification);
    ServerRequestResolved = "serverRequest/resolved" (ServerRequestResolvedNotification);
    McpServerStartupStatusUpdated = "mcpServer/startupStatus/updated" (McpServerStatusUpdatedNotification);
    FsChanged = "fs/changed" (FsChangedNotification);
    Warning = "warning" (WarningNotification);
    FuzzyFileSearchSessionUpdated = "fuzzyFileSearch/sessionUpdated" (FuzzyFileSearchSessionUpdatedNotification);
    FuzzyFileSearchSessionCompleted = "fuzzyFileSearch/sessionCompleted" (FuzzyFileSearchSessionCompletedNotification);
}

notifications! {
    /// What a client tells the server without waiting for an answer.
    ClientNotification, visit_client_notifications;
    // Tier 1
    Initialized = "initialized" (NoParams);
}

/// Methods of product backends this server does not have, answered with the empty result that a reference without
/// an account gives, so that clients which ask at start-up go on.
pub const EMPTY_ANSWERS: &[(&str, &str)] = &[
    ("app/list", r#"{"data":[],"nextCursor":null}"#),
    ("app/installed", r#"{"apps":[]}"#),
    ("plugin/list", r#"{"marketplaces":[],"marketplaceLoadErrors":[],"featuredPluginIds":[]}"#),
    ("plugin/installed", r#"{"marketplaces":[],"marketplaceLoadErrors":[]}"#),
    ("account/securitySetup/read", r#"{"notice":null}"#),
    ("windowsSandbox/readiness", r#"{"status":"notConfigured"}"#),
    ("externalAgentConfig/detect", r#"{"items":[],"connectors":[]}"#),
    ("externalAgentConfig/import/readHistories", r#"{"data":[],"connectors":[]}"#),
];

/// Methods of product backends this server does not have, refused with an error that says so.
pub const WITHOUT_BACKEND: &[&str] = &[
    "thread/approveGuardianDeniedAction",
    "marketplace/add",
    "marketplace/remove",
    "marketplace/upgrade",
    "plugin/reconcile",
    "plugin/read",
    "plugin/skill/read",
    "plugin/share/save",
    "plugin/share/updateTargets",
    "plugin/share/list",
    "plugin/share/checkout",
    "plugin/share/delete",
    "app/read",
    "plugin/install",
    "plugin/uninstall",
    "account/gatewayOAuth/read",
    "account/gatewayOAuth/login",
    "account/gatewayOAuth/cancel",
    "modelProvider/config/write",
    "windowsSandbox/setupStart",
    "account/rateLimitResetCredit/consume",
    "account/usage/read",
    "account/workspaceMessages/read",
    "account/sendAddCreditsNudgeEmail",
    "feedback/save",
    "externalAgentConfig/import",
    "externalAgentConfig/import/recordHistory",
];

/// Like [`WITHOUT_BACKEND`], and experimental: a client without the capability is told that first.
pub const WITHOUT_BACKEND_EXPERIMENTAL: &[&str] = &[
    "server/diagnostics",
    "userVerification/status",
    "userVerification/enroll",
    "userVerification/delete",
    "userVerification/verify",
    "userVerification/cancel",
    "thread/sample",
    "thread/sample/cancel",
    "thread/increment_elicitation",
    "thread/decrement_elicitation",
    "thread/prediction/request",
    "thread/queue/add",
    "thread/queue/list",
    "thread/queue/update",
    "thread/queue/delete",
    "thread/queue/reorder",
    "thread/queue/start",
    "thread/memoryMode/set",
    "thread/memory/read",
    "memory/status",
    "memory/reset",
    "rollout/compress",
    "project/list",
    "project/read",
    "project/create",
    "project/import",
    "project/update",
    "project/move",
    "project/delete",
    "thread/readState/update",
    "thread/guardianReview",
    "thread/prepareApprovedPlan",
    "plugin/search",
    "thread/realtime/start",
    "thread/realtime/appendAudio",
    "thread/realtime/appendText",
    "thread/realtime/appendSpeech",
    "thread/realtime/stop",
    "thread/timeline/list",
    "thread/realtime/listVoices",
    "remoteControl/enable",
    "remoteControl/disable",
    "remoteControl/status/read",
    "remoteControl/pairing/start",
    "remoteControl/pairing/status",
    "remoteControl/client/list",
    "remoteControl/client/revoke",
    "mock/experimentalMethod",
    "environment/add",
    "environment/info",
    "environment/status",
    "mcpServer/event/stream/start",
    "mcpServer/event/stream/stop",
    "account/bedrock/discover",
    "account/bedrock/setup",
    "account/gcp/setup",
    "account/bedrock/checkGovCloudRequirements",
    "accountSession/list",
    "accountSession/switch",
];
