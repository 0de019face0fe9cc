// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { NetworkPolicyAmendment } from "../NetworkPolicyAmendment";

/**
 * The answer to a question about a command. `accept`: run it this once. `acceptForSession`: and do not ask
 * again for the same command in this session. `acceptWithExecpolicyAmendment`: and write the proposed rule
 * to the user's rules. `applyNetworkPolicyAmendment`: allow or deny the host from now on. `decline`: do
 * not run it, the turn goes on. `cancel`: do not run it, the turn ends as interrupted.
 */
export type CommandExecutionApprovalDecision = "accept" | "acceptForSession" | { "acceptWithExecpolicyAmendment": { execpolicy_amendment: Array<string>, } } | { "applyNetworkPolicyAmendment": { network_policy_amendment: NetworkPolicyAmendment, } } | "decline" | "cancel";
