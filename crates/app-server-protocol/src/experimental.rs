//! Which fields of a request need the `experimentalApi` capability.
//!
//! The mark is at the field's declaration (`x-experimental = "gated"`); this table repeats it in the form the gate
//! can look up while parsing, and a test fails when the two disagree.

use crate::methods::ClientMethod;

/// Names of the top-level members of `method`'s params that are refused without the capability when set to
/// anything but null (wire specification 2.6).
pub fn gated_fields(method: ClientMethod) -> &'static [&'static str] {
    match method {
        ClientMethod::ThreadStart => &[
            "allowProviderModelFallback",
            "daybreakEnabled",
            "environments",
            "historyMode",
            "multiAgentMode",
            "permissions",
            "projectId",
            "runtimeWorkspaceRoots",
            "selectedCapabilityRoots",
        ],
        ClientMethod::ThreadResume => &["initialTurnsPage", "permissions", "runtimeWorkspaceRoots"],
        ClientMethod::ThreadFork => &[
            "attachToSource",
            "beforeTurnId",
            "deferGoalContinuation",
            "experimentalDisablePredictionMcp",
            "experimentalPredictionMode",
            "permissions",
            "runtimeWorkspaceRoots",
        ],
        ClientMethod::ThreadList => &[
            "ancestorThreadId",
            "attachedToThreadId",
            "includeAttachedThreads",
            "parentThreadId",
            "projectId",
        ],
        ClientMethod::TurnStart => &[
            "additionalContext",
            "cyberAccessProgram",
            "environments",
            "multiAgentMode",
            "permissions",
            "responsesapiClientMetadata",
            "responsesapiClientMetadataPatch",
            "runtimeWorkspaceRoots",
        ],
        ClientMethod::CommandExec => &["permissionProfile"],
        ClientMethod::ThreadMetadataUpdate => &["daybreakEnabled", "projectId"],
        ClientMethod::TurnSteer => {
            &["additionalContext", "responsesapiClientMetadata", "responsesapiClientMetadataPatch"]
        }
        _ => &[],
    }
}
