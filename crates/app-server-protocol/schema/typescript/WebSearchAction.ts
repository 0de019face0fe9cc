// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What a search did.
 */
export type WebSearchAction = { "type": "search", queries: Array<string> | null, query: string | null, } | { "type": "openPage", url: string | null, } | { "type": "findInPage", pattern: string | null, url: string | null, } | { "type": "other" };
