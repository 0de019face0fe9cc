// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A question a message puts to the user without stopping the turn.
 */
export type AsyncUserInputQuestion = { options: Array<string> | null, title: string, };
