// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A hint about a new model.
 */
export type ModelAvailabilityNux = { message: string, };
