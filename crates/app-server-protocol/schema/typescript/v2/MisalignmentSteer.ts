// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What a provider's policy check suggests to tell the model. Never filled in by this server.
 */
export type MisalignmentSteer = { message: string, };
