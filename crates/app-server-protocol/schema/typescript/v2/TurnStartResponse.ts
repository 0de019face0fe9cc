// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { Turn } from "./Turn";

/**
 * The new turn, in progress and without items; the running turn if the input went into that. Sent before
 * `turn/started`.
 */
export type TurnStartResponse = { turn: Turn, };
