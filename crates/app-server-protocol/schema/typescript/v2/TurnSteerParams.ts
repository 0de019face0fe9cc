// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { UserInput } from "./UserInput";

/**
 * Adds input to the running turn; the model sees it with its next request. Refused unless exactly that
 * turn runs and takes input.
 */
export type TurnSteerParams = { 
/**
 * Returned as `clientId` of the user message item.
 */
clientUserMessageId?: string | null, 
/**
 * The turn the client believes is running; another one refuses the request.
 */
expectedTurnId: string, 
/**
 * Must not be empty.
 */
input: Array<UserInput>, threadId: string};
