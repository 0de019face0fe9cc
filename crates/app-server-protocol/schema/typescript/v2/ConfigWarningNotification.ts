// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { TextRange } from "./TextRange";

/**
 * Sent with `configWarning` for a problem with the configuration, after `initialize` and before the answer
 * to `thread/start`. The server runs on without the part in question.
 */
export type ConfigWarningNotification = { 
/**
 * More for a person to read.
 */
details: string | null, 
/**
 * The file in question; left out when it is about none.
 */
path?: string, 
/**
 * The place in the file, when it is known.
 */
range?: TextRange, summary: string, };
