// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ProcessOutputStream } from "./ProcessOutputStream";

/**
 * Sent with `process/outputDelta` as a spawned process writes.
 */
export type ProcessOutputDeltaNotification = { 
/**
 * True in the last one of a stream that hit its limit.
 */
capReached: boolean, 
/**
 * Raw bytes in base64.
 */
deltaBase64: string, processHandle: string, stream: ProcessOutputStream, };
