// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ByteRange } from "./ByteRange";

/**
 * A stretch of a text input that the client showed as something special, such as a mention. Kept for the
 * client, not shown to the model.
 */
export type TextElement = { 
/**
 * Where in the text.
 */
byteRange: ByteRange, 
/**
 * What the client showed instead.
 */
placeholder: string | null, };
