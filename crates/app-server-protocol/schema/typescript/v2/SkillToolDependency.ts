// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A tool a skill needs.
 */
export type SkillToolDependency = { command?: string | null, description?: string | null, transport?: string | null, type: string, url?: string | null, value: string, };
