// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Sent when the input is queued; its user message item appears when the turn takes it.
 */
export type TurnSteerResponse = { turnId: string, };
