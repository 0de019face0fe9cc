// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Why a client makes a thread.
 */
export type ThreadStartSource = "startup" | "clear";
