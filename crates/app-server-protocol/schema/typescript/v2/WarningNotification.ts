// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `warning` for what is worth knowing and stops nothing, such as a model the server has no data
 * about.
 */
export type WarningNotification = { message: string, 
/**
 * Null when it concerns no single thread.
 */
threadId: string | null, };
