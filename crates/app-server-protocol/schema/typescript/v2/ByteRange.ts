// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A stretch of a text in bytes of its UTF-8 form; `end` is not included.
 */
export type ByteRange = { end: number, start: number, };
