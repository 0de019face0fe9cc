// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { CodexErrorInfo } from "./CodexErrorInfo";
import type { MisalignmentErrorDetails } from "./MisalignmentErrorDetails";

/**
 * What went wrong in a turn.
 */
export type TurnError = { 
/**
 * The underlying cause as text, if there is more to say than `message`.
 */
additionalDetails: string | null, 
/**
 * The kind of failure, for a program; null when it was not classified.
 */
codexErrorInfo: CodexErrorInfo | null, 
/**
 * For a person to read.
 */
message: string, 
/**
 * Always null from this server.
 */
misalignment: MisalignmentErrorDetails | null, };
