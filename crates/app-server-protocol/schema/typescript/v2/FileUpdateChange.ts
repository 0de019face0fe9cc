// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { PatchChangeKind } from "./PatchChangeKind";

/**
 * What happens to one file.
 */
export type FileUpdateChange = { 
/**
 * For an added or deleted file its whole text; for an update the hunks of a unified diff without file
 * header.
 */
diff: string, kind: PatchChangeKind, 
/**
 * Absolute; for a moved file where it was.
 */
path: string, };
