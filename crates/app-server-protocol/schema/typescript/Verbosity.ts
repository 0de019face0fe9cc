// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How long the model's answers should be.
 */
export type Verbosity = "low" | "medium" | "high";
