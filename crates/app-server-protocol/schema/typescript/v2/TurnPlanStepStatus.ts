// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How far a line of the plan is.
 */
export type TurnPlanStepStatus = "pending" | "inProgress" | "completed";
