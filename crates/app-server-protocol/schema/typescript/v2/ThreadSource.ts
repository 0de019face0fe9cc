// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The client's own word for why it made a thread.
 */
export type ThreadSource = string;
