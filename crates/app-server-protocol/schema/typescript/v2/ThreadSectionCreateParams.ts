// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadSectionAppearance } from "./ThreadSectionAppearance";

/**
 * Makes a section.
 */
export type ThreadSectionCreateParams = { appearance?: ThreadSectionAppearance | null, name: string, };
