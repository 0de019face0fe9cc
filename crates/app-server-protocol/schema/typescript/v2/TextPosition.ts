// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A place in a text file.
 */
export type TextPosition = { 
/**
 * From 1.
 */
column: number, 
/**
 * From 1.
 */
line: number, };
