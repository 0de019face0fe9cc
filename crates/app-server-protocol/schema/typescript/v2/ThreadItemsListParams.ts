// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { SortDirection } from "./SortDirection";
import type { ThreadItemOutputDeferral } from "./ThreadItemOutputDeferral";
import type { ThreadItemsListCursor } from "./ThreadItemsListCursor";

/**
 * Asks for the items of a thread, or of one turn, page by page.
 */
export type ThreadItemsListParams = { cursor?: ThreadItemsListCursor | null, deferOutput?: ThreadItemOutputDeferral | null, 
/**
 * 25 when absent, 100 at most.
 */
limit?: number | null, 
/**
 * Oldest first when absent.
 */
sortDirection?: SortDirection | null, threadId: string, turnId?: string | null, };
