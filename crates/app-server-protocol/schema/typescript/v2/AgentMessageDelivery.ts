// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How a message reached the user: `async` when it was sent while the turn went on. Null for an ordinary
 * one.
 */
export type AgentMessageDelivery = "async";
