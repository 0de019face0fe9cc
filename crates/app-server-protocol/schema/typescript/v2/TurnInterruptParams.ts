// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks to stop the running turn. Commands it runs are killed; open approval questions are withdrawn.
 */
export type TurnInterruptParams = { threadId: string, 
/**
 * Must be the running turn, else the request is refused.
 */
turnId: string, };
