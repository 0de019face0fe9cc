// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * One folder or several, compared exactly.
 */
export type ThreadListCwdFilter = string | Array<string>;
