// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How much of a tool's result telemetry may hold.
 */
export type OtelToolResultLogConfig = { max_bytes: number, };
