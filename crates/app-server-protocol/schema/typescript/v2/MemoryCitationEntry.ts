// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * One stored memory.
 */
export type MemoryCitationEntry = { lineEnd: number, lineStart: number, note: string, path: string, };
