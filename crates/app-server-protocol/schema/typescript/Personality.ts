// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The tone of the agent's answers, for models that support it.
 */
export type Personality = "none" | "friendly" | "pragmatic";
