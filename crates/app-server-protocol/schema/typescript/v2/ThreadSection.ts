// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadSectionAppearance } from "./ThreadSectionAppearance";

/**
 * A folder of threads in a client's list.
 */
export type ThreadSection = { appearance: ThreadSectionAppearance | null, id: string, name: string, };
