// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: written.
 */
export type FsWriteFileResponse = Record<symbol, never>;
