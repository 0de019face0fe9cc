// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `deprecationNotice` when the configuration uses something that is going away.
 */
export type DeprecationNoticeNotification = { 
/**
 * What to use instead.
 */
details: string | null, summary: string, };
