// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ModeKind } from "../ModeKind";
import type { ReasoningEffort } from "../ReasoningEffort";

/**
 * A mode and what choosing it changes of the settings; null parts leave them as they are.
 */
export type CollaborationModeMask = { mode: ModeKind | null, model: string | null, name: string, 
/**
 * The effort the mode works with.
 */
reasoning_effort: ReasoningEffort | null, };
