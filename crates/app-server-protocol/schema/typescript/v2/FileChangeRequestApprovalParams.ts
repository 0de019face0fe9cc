// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * May these files be changed? What is to change stands in the item, which was started before.
 */
export type FileChangeRequestApprovalParams = { 
/**
 * Always null from this server.
 */
grantRoot: string | null, 
/**
 * The `fileChange` item.
 */
itemId: string, 
/**
 * Set when the question is asked again after the sandbox refused, or when a file is one that other programs run later.
 */
reason: string | null, 
/**
 * Unix milliseconds.
 */
startedAtMs: number, threadId: string, turnId: string, };
