// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Why no image was made.
 */
export type ImageGenerationFailure = { "type": "usageLimitExceeded", limitId: string, 
/**
 * Unix seconds.
 */
resetsAt: number | null, };
