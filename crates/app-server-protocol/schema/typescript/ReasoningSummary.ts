// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How much of the model's reasoning is summarised for the user; `none` for not at all.
 */
export type ReasoningSummary = "auto" | "concise" | "detailed" | "none";
