// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Access programs of a hosted model provider. Accepted and without effect.
 */
export type CyberAccessProgram = "standard" | "daybreakBlue" | "daybreakRed";
