// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadSection } from "./ThreadSection";

/**
 * The new section.
 */
export type ThreadSectionCreateResponse = { section: ThreadSection, };
