// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Text a hook added for the model.
 */
export type HookPromptFragment = { 
/**
 * The run it came from.
 */
hookRunId: string, text: string, };
