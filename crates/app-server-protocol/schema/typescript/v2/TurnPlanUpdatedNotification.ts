// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { TurnPlanStep } from "./TurnPlanStep";

/**
 * Sent with `turn/plan/updated` when the agent wrote or ticked off its plan. The whole plan is sent each
 * time and replaces the one before; no item is made of it.
 */
export type TurnPlanUpdatedNotification = { 
/**
 * What the model said about the change, if anything.
 */
explanation: string | null, plan: Array<TurnPlanStep>, threadId: string, turnId: string, };
