// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What a running turn waits for. `waitingOnApproval`: at least one approval, permission or elicitation
 * request is open. `waitingOnUserInput`: at least one question to the user is open.
 */
export type ThreadActiveFlag = "waitingOnApproval" | "waitingOnUserInput";
