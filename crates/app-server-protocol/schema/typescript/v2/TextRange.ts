// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { TextPosition } from "./TextPosition";

/**
 * A stretch of a text file.
 */
export type TextRange = { 
/**
 * Equal to `start` when only a place is known.
 */
end: TextPosition, start: TextPosition, };
