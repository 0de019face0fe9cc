// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Empty: taken over; `skills/changed` may follow.
 */
export type SkillsExtraRootsSetResponse = Record<symbol, never>;
