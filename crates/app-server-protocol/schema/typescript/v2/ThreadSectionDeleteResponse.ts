// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: the section is gone.
 */
export type ThreadSectionDeleteResponse = Record<symbol, never>;
