// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The form of a thread's file: `legacy` is what this server writes, `paginated` is read as well.
 */
export type ThreadHistoryMode = "legacy" | "paginated";
