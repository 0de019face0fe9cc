// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";

/**
 * Switches a skill on or off for good. Exactly one of `path` and `name` says which.
 */
export type SkillsConfigWriteParams = { enabled: boolean, name?: string | null, path?: AbsolutePathBuf | null, };
