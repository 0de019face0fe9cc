// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What the user thinks of a thread, to be kept as a bundle on this machine.
 */
export type FeedbackUploadParams = { 
/**
 * The client's word for the kind of feedback, e.g. `bug`.
 */
classification: string, 
/**
 * The user's words.
 */
reason?: string | null, 
/**
 * The thread it is about.
 */
threadId?: string | null, 
/**
 * Whether the thread's file and recent logs go into the bundle.
 */
includeLogs?: boolean, };
