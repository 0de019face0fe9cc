// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: the folder exists.
 */
export type FsCreateDirectoryResponse = Record<symbol, never>;
