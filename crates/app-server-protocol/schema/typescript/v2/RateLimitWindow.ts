// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A window of time with a limit.
 */
export type RateLimitWindow = { 
/**
 * Unix seconds.
 */
resetsAt: number | null, 
/**
 * Rounded; may exceed 100.
 */
usedPercent: number, 
/**
 * Length of the window in minutes.
 */
windowDurationMins: number | null, };
