// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What happens to a file.
 */
export type PatchChangeKind = { "type": "add" } | { "type": "delete" } | { "type": "update", 
/**
 * Where the file is moved to, absolute; null: it stays.
 */
move_path: string | null, };
