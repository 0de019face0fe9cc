// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Moves an archived thread back to where it was.
 */
export type ThreadUnarchiveParams = { threadId: string, };
