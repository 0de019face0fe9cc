// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ToolRequestUserInputQuestion } from "./ToolRequestUserInputQuestion";

/**
 * Questions the agent wants to put to the user, in plan mode.
 */
export type ToolRequestUserInputParams = { 
/**
 * Milliseconds after which the agent goes on without an answer; null: never.
 */
autoResolutionMs: number | null, 
/**
 * Whether the turn waits for the answer.
 */
isBlocking: boolean, itemId: string, questions: Array<ToolRequestUserInputQuestion>, threadId: string, turnId: string, };
