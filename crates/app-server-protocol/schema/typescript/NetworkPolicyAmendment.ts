// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { NetworkPolicyRuleAction } from "./NetworkPolicyRuleAction";

/**
 * A rule about a host.
 */
export type NetworkPolicyAmendment = { action: NetworkPolicyRuleAction, host: string, };
