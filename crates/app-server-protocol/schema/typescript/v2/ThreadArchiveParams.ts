// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Moves a thread, and agents it spawned, out of the ordinary list. A loaded one is shut down first.
 */
export type ThreadArchiveParams = { threadId: string, };
