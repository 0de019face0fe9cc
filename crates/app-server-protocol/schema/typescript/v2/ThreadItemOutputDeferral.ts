// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Kinds of items whose output may be left out of a page.
 */
export type ThreadItemOutputDeferral = {};
