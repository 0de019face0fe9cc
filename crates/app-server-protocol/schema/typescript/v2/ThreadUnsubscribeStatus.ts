// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * `notLoaded`: no such thread is in memory. `notSubscribed`: this client got no notifications of it.
 * `unsubscribed`: it gets none any more.
 */
export type ThreadUnsubscribeStatus = "notLoaded" | "notSubscribed" | "unsubscribed";
