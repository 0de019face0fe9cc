// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { CollabAgentStatus } from "./CollabAgentStatus";

/**
 * How a sub-agent stands.
 */
export type CollabAgentState = { 
/**
 * Its last message, or why it failed.
 */
message: string | null, status: CollabAgentStatus, };
