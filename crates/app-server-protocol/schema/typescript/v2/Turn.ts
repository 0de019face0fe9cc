// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadItem } from "./ThreadItem";
import type { TurnError } from "./TurnError";
import type { TurnItemsView } from "./TurnItemsView";
import type { TurnStatus } from "./TurnStatus";

/**
 * One round of work: an input and all that follows from it until the agent stops.
 *
 * `turn/started` carries it without items and `turn/completed` with the last message at most; the items
 * themselves come as `item/started` and `item/completed`. Token usage is not part of it, see
 * `thread/tokenUsage/updated`.
 */
export type Turn = { 
/**
 * Unix seconds; null while it runs, and for turns without a recorded end.
 */
completedAt: number | null, 
/**
 * From start to end in milliseconds; null while unknown.
 */
durationMs: number | null, 
/**
 * Set when `status` is `failed`.
 */
error: TurnError | null, 
/**
 * A UUIDv7, unique over all threads. Turns of files written by old versions are numbered `turn-1`,
 * `turn-2` and so on.
 */
id: string, 
/**
 * As much of the turn as `itemsView` says.
 */
items: Array<ThreadItem>, 
/**
 * How complete `items` is.
 */
itemsView: TurnItemsView, 
/**
 * The turn a sub-agent's turn was caused by; a user's turn names itself.
 */
rootTurnId: string | null, 
/**
 * Unix seconds; null while unknown.
 */
startedAt: number | null, status: TurnStatus, };
