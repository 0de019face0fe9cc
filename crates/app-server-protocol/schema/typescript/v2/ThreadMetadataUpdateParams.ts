// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadMetadataGitInfoUpdateParams } from "./ThreadMetadataGitInfoUpdateParams";

/**
 * Changes what is recorded about a thread. There must be something to change.
 */
export type ThreadMetadataUpdateParams = { gitInfo?: ThreadMetadataGitInfoUpdateParams | null, threadId: string};
