// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Where to search as if from.
 */
export type WebSearchLocation = { city: string | null, country: string | null, region: string | null, timezone: string | null, };
