// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks to replace the model's history of the thread by a summary, as a turn of its own. What the client
 * has shown stays as it is.
 */
export type ThreadCompactStartParams = { threadId: string, };
