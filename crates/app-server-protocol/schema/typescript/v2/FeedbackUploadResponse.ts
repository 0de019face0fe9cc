// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Result of `feedback/upload`.
 */
export type FeedbackUploadResponse = { 
/**
 * The thread given, or a new id that names the bundle.
 */
threadId: string, };
