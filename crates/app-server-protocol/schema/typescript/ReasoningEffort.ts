// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How hard a model should think, such as `low`, `medium` or `high`. Which words it knows depends on the
 * model; unknown ones are passed on.
 */
export type ReasoningEffort = string;
