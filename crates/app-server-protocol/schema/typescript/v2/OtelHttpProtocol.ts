// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The encoding of telemetry over HTTP.
 */
export type OtelHttpProtocol = "binary" | "json";
