// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * When the agent must ask before it acts. `untrusted`: before every command that is not known to be
 * harmless, and every patch. `on-request`: when the model asks for more than the sandbox allows. `never`:
 * no question is ever asked, what would need one is refused. `granular`: on-request with single kinds of
 * questions switched off.
 *
 * Older spellings are accepted on input; `on-failure` is answered as `on-request`.
 */
export type AskForApproval = "untrusted" | "on-request" | "never" | { "granular": { mcp_elicitations: boolean, request_permissions: boolean, rules: boolean, sandbox_approval: boolean, skill_approval: boolean, } };
