// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks for the modes there are.
 */
export type CollaborationModeListParams = Record<symbol, never>;
