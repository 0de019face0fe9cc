// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Files for encrypted telemetry, in PEM form.
 */
export type OtelTlsConfig = { "ca-certificate": string | null, "client-certificate": string | null, "client-private-key": string | null, };
