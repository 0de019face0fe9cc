// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Removes a thread from disk for good, archived or not, with the agents it spawned.
 */
export type ThreadDeleteParams = { threadId: string, };
