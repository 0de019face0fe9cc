// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { SortDirection } from "./SortDirection";
import type { TurnItemsView } from "./TurnItemsView";

/**
 * Asks for a thread's turns, page by page.
 */
export type ThreadTurnsListParams = { cursor?: string | null, 
/**
 * `summary` when absent.
 */
itemsView?: TurnItemsView | null, 
/**
 * 25 when absent, 100 at most.
 */
limit?: number | null, 
/**
 * Newest first when absent.
 */
sortDirection?: SortDirection | null, threadId: string, };
