// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The answers to one question.
 */
export type ToolRequestUserInputAnswer = { 
/**
 * Labels of options, or text of the user's own.
 */
answers: Array<string>, };
