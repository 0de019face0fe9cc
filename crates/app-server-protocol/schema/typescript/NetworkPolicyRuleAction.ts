// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Whether a host may be reached.
 */
export type NetworkPolicyRuleAction = "allow" | "deny";
