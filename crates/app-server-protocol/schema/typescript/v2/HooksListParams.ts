// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks for the configured hooks.
 */
export type HooksListParams = { 
/**
 * Folders to ask for; empty: the server's own.
 */
cwds?: Array<string>, threadId?: string | null, };
