// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { FileUpdateChange } from "./FileUpdateChange";

/**
 * Sent with `item/fileChange/patchUpdated` when the changes of an open item became known in more detail;
 * they replace those before.
 */
export type FileChangePatchUpdatedNotification = { changes: Array<FileUpdateChange>, itemId: string, threadId: string, turnId: string, };
