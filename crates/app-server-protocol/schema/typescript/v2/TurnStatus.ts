// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How a turn stands. `interrupted`: a client stopped it, or the server ended while it ran.
 */
export type TurnStatus = "completed" | "interrupted" | "failed" | "inProgress";
