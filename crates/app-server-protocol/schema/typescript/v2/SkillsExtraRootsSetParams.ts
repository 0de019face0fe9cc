// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";

/**
 * Adds folders with skills for this process, in place of those added before.
 */
export type SkillsExtraRootsSetParams = { extraRoots: Array<AbsolutePathBuf>, };
