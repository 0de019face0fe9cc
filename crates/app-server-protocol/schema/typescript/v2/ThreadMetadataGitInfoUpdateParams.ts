// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What to change of a thread's git state: null clears a value, an absent one stays.
 */
export type ThreadMetadataGitInfoUpdateParams = { branch?: string | null, originUrl?: string | null, sha?: string | null, };
