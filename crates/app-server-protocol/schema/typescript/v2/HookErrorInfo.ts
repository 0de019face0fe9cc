// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A file of hooks that could not be read.
 */
export type HookErrorInfo = { message: string, path: string, };
