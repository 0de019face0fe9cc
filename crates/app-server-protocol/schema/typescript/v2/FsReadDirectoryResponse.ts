// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { FsReadDirectoryEntry } from "./FsReadDirectoryEntry";

/**
 * The entries in no particular order.
 */
export type FsReadDirectoryResponse = { entries: Array<FsReadDirectoryEntry>, };
