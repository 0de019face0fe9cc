// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Whether a person or a program changed the goal.
 */
export type ThreadGoalMutationOrigin = "user" | "automatic";
