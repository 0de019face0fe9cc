// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * One entry of a folder.
 */
export type FsReadDirectoryEntry = { 
/**
 * The name alone, without the folder.
 */
fileName: string, isDirectory: boolean, isFile: boolean, };
