// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The table `analytics`.
 */
export type AnalyticsConfig = { enabled: boolean | null, };
