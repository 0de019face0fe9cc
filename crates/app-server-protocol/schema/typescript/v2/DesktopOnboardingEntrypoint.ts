// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Never sent by this server.
 */
export type DesktopOnboardingEntrypoint = "life_sciences";
