// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How a call of the model's own shell tool stands.
 */
export type LocalShellStatus = "completed" | "in_progress" | "incomplete";
