// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadSectionAppearance } from "./ThreadSectionAppearance";

/**
 * Renames a section or changes its look.
 */
export type ThreadSectionUpdateParams = { appearance?: ThreadSectionAppearance | null, name: string, sectionId: string, };
