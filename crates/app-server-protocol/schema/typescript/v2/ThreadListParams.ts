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
cwd?: ThreadListCwdFilter | null, excludedThreadIds?: Array<string> | null, 
/**
 * 25 when absent, 100 at most.
 */
limit?: number | null, modelProviders?: Array<string> | null, originators?: Array<string> | null, 
/**
 * Only threads with this text in the name or the preview.
 */
searchTerm?: string | null, sectionId?: string | null, 
/**
 * Newest first when absent.
 */
sortDirection?: SortDirection | null, 
/**
 * Time of creation when absent.
 */
sortKey?: ThreadSortKey | null, 
/**
 * Only threads made by these kinds of programs; when absent or empty, those a person talked to.
 */
sourceKinds?: Array<ThreadSourceKind> | null, 
/**
 * Accepted and without effect.
 */
useStateDbOnly?: boolean};
