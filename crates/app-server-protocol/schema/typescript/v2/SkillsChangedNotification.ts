// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent with `skills/changed` when skills may have changed: ask for them again.
 */
export type SkillsChangedNotification = Record<symbol, never>;
