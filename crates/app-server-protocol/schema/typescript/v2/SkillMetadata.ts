// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { LegacyAppPathString } from "../LegacyAppPathString";
import type { SkillDependencies } from "./SkillDependencies";
import type { SkillInterface } from "./SkillInterface";
import type { SkillScope } from "./SkillScope";

/**
 * A skill: instructions the agent can take up when a task calls for them.
 */
export type SkillMetadata = { dependencies?: SkillDependencies | null, description: string, 
/**
 * False when switched off with `skills/config/write`.
 */
enabled: boolean, interface?: SkillInterface | null, name: string, 
/**
 * Absolute path of its SKILL.md.
 */
path: LegacyAppPathString, 
/**
 * Always null from this server.
 */
pluginId: string | null, scope: SkillScope, shortDescription?: string | null, };
