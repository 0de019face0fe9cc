// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";

/**
 * How a skill is shown; all of it is optional.
 */
export type SkillInterface = { brandColor: string | null, defaultPrompt: string | null, displayName: string | null, iconLarge: AbsolutePathBuf | null, iconLargeUrl: string | null, iconSmall: AbsolutePathBuf | null, iconSmallUrl: string | null, shortDescription: string | null, };
