// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The git state of the working folder when the thread was started. Each part is null where git had no
 * answer.
 */
export type GitInfo = { 
/**
 * Null on a detached head.
 */
branch: string | null, 
/**
 * Address of the remote named `origin`.
 */
originUrl: string | null, 
/**
 * The commit checked out.
 */
sha: string | null, };
