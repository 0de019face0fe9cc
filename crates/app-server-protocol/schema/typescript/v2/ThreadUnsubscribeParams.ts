// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Ends this client's notifications of a thread. It stays loaded, and is unloaded with `thread/closed`
 * after 30 minutes in which nobody used it.
 */
export type ThreadUnsubscribeParams = { threadId: string, };
