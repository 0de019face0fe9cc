// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What a path is and when it changed.
 */
export type FsGetMetadataResponse = { 
/**
 * Unix milliseconds; 0 where the file system does not know.
 */
createdAtMs: number, isDirectory: boolean, isFile: boolean, isSymlink: boolean, 
/**
 * Unix milliseconds.
 */
modifiedAtMs: number, };
