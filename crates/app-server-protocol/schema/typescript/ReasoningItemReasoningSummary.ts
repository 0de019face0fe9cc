// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A part of the reasoning's summary.
 */
export type ReasoningItemReasoningSummary = { "type": "summary_text", text: string, };
