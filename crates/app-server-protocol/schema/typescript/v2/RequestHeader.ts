// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A header sent with HTTP requests.
 */
export type RequestHeader = { name: string, value: string, };
