// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { DesktopOnboardingEntrypoint } from "./DesktopOnboardingEntrypoint";

/**
 * Sent with `account/login/completed` when a login succeeded, failed, was cancelled or ran out of time.
 */
export type AccountLoginCompletedNotification = { 
/**
 * Why it failed; null on success.
 */
error: string | null, 
/**
 * As in the answer to `account/login/start`; null for logins that are done at once.
 */
loginId: string | null, 
/**
 * Always null from this server.
 */
onboardingEntrypoint: DesktopOnboardingEntrypoint | null, success: boolean, };
