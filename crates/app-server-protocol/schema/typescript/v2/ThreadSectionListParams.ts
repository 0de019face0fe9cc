// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks for all sections.
 */
export type ThreadSectionListParams = { cursor?: string | null, limit?: number | null, };
