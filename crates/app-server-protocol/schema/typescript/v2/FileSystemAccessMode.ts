// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What may be done with files; `deny` wins over the others.
 */
export type FileSystemAccessMode = "read" | "write" | "deny";
