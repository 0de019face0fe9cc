// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { TurnPlanStepStatus } from "./TurnPlanStepStatus";

/**
 * One line of the agent's plan.
 */
export type TurnPlanStep = { status: TurnPlanStepStatus, step: string, };
