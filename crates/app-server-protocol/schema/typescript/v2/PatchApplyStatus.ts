// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How a change of files stands. `failed`: it could not be applied. `declined`: approval was refused.
 */
export type PatchApplyStatus = "inProgress" | "completed" | "failed" | "declined";
