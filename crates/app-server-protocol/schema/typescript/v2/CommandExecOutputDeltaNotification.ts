// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { CommandExecOutputStream } from "./CommandExecOutputStream";

/**
 * Sent with `command/exec/outputDelta` as a streaming command writes; all of them come before the answer
 * to the request.
 */
export type CommandExecOutputDeltaNotification = { 
/**
 * True in the last one of a stream that hit its limit; what came after was dropped.
 */
capReached: boolean, 
/**
 * Raw bytes in base64; a character may be split between two.
 */
deltaBase64: string, processId: string, stream: CommandExecOutputStream, };
