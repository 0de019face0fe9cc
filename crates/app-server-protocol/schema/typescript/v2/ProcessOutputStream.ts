// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Which output; a terminal has only `stdout`.
 */
export type ProcessOutputStream = "stdout" | "stderr";
