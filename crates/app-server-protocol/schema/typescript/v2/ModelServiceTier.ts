// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A class of service a model is offered in.
 */
export type ModelServiceTier = { description: string, 
/**
 * What to give as `serviceTier`.
 */
id: string, name: string, };
