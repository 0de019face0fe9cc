// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadSettings } from "./ThreadSettings";

/**
 * Sent with `thread/settings/updated` when a thread's settings changed.
 */
export type ThreadSettingsUpdatedNotification = { threadId: string, threadSettings: ThreadSettings, };
