// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { SkillErrorInfo } from "./SkillErrorInfo";
import type { SkillMetadata } from "./SkillMetadata";

/**
 * The skills of a folder: those of its project, then the user's, then the machine's.
 */
export type SkillsListEntry = { cwd: string, 
/**
 * Skills that could not be read.
 */
errors: Array<SkillErrorInfo>, skills: Array<SkillMetadata>, };
