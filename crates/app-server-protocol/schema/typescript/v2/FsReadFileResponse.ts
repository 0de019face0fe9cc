// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The content of a file.
 */
export type FsReadFileResponse = { 
/**
 * The bytes in base64.
 */
dataBase64: string, };
