// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Whether the skill is on now.
 */
export type SkillsConfigWriteResponse = { effectiveEnabled: boolean, };
