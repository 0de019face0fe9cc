// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { SortDirection } from "./SortDirection";
import type { ThreadListCwdFilter } from "./ThreadListCwdFilter";
import type { ThreadSortKey } from "./ThreadSortKey";
import type { ThreadSourceKind } from "./ThreadSourceKind";

/**
 * Asks for threads on disk, page by page. Filters are combined with "and"; absent, null and an empty list
 * do not filter, `sourceKinds` excepted.
 *
 * A thread appears after its first user message.
 */
export type ThreadListParams = { 
/**
 * True: only archived threads; otherwise only the others.
 */
archived?: boolean | null, 
/**
 * Accepted and without effect.
 */
currentAccountOnly?: boolean, 
/**
 * `nextCursor` or `backwardsCursor` of an earlier answer.
 */
cursor?: string | null, 
/**
 * Only threads of these working folders.
 */
cwd?: ThreadListCwdFilter | null, 
/**
 * Threads left out.
 */
excludedThreadIds?: Array<string> | null, 
/**
 * 25 when absent, 100 at most.
 */
limit?: number | null, modelProviders?: Array<string> | null, 
/**
 * Only threads made by these clients.
 */
originators?: Array<string> | null, 
/**
 * Only threads with this text in the name or the preview.
 */
searchTerm?: string | null, 
/**
 * Only threads of this section.
 */
sectionId?: string | null, 
/**
 * When absent, newest first, and sections from their top.
 */
sortDirection?: SortDirection | null, 
/**
 * Time of creation when absent.
 */
sortKey?: ThreadSortKey | null, 
/**
 * Only threads made by these kinds of programs; when absent or empty, those a person talked to, or
 * any if a parent or an ancestor is named.
 */
sourceKinds?: Array<ThreadSourceKind> | null, 
/**
 * Accepted and without effect.
 */
useStateDbOnly?: boolean};
