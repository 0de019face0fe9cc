// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How long an approval to open a site holds.
 */
export type BrowserUseAccessApprovalLifetime = "turn" | "thread";
