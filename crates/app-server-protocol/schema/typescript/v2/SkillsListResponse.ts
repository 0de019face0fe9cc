// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { SkillsListEntry } from "./SkillsListEntry";

/**
 * One entry per folder.
 */
export type SkillsListResponse = { data: Array<SkillsListEntry>, };
