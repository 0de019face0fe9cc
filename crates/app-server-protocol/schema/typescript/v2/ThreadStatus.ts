// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ThreadActiveFlag } from "./ThreadActiveFlag";

/**
 * What a thread is doing.
 */
export type ThreadStatus = { "type": "notLoaded" } | { "type": "idle" } | { "type": "systemError" } | { "type": "active", 
/**
 * What the turn waits for; empty while it works.
 */
activeFlags: Array<ThreadActiveFlag>, };
