// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { MemoryCitationEntry } from "./MemoryCitationEntry";

/**
 * Which stored memories a message drew on. Never set by this server.
 */
export type MemoryCitation = { entries: Array<MemoryCitationEntry>, threadIds: Array<string>, };
