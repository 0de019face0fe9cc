// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ReasoningEffort } from "./ReasoningEffort";

/**
 * The model settings of a collaboration mode.
 */
export type Settings = { 
/**
 * Null: the built-in ones of the mode.
 */
developer_instructions: string | null, model: string, reasoning_effort: ReasoningEffort | null, };
