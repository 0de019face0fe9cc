// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The id of a request: a string or a signed 64-bit integer, echoed with its JSON type.
 */
export type RequestId = string | number;
