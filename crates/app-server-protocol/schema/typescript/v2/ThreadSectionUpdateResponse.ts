// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadSection } from "./ThreadSection";

/**
 * The section as it is now.
 */
export type ThreadSectionUpdateResponse = { section: ThreadSection, };
