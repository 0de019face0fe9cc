// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A kind of input a model understands.
 */
export type InputModality = "text" | "image" | "audio";
