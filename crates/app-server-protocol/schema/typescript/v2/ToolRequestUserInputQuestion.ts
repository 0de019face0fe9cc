// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ToolRequestUserInputOption } from "./ToolRequestUserInputOption";

/**
 * One question.
 */
export type ToolRequestUserInputQuestion = { 
/**
 * A few words for a heading.
 */
header: string, 
/**
 * Names the answer in the reply.
 */
id: string, 
/**
 * Whether an answer of the user's own may be given beside the options.
 */
isOther: boolean, 
/**
 * Whether the answer should not be shown while it is typed.
 */
isSecret: boolean, 
/**
 * Null: free text.
 */
options: Array<ToolRequestUserInputOption> | null, question: string, };
