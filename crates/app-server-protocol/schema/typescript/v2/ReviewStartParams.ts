// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ReviewDelivery } from "./ReviewDelivery";
import type { ReviewTarget } from "./ReviewTarget";

/**
 * Starts a review as a turn.
 *
 * With `delivery`, null included, the thread shows the items `enteredReviewMode` and `exitedReviewMode`;
 * without it one `codeReview` item that starts with the label and completes with the text.
 */
export type ReviewStartParams = { 
/**
 * Null or absent: inline. Its presence, null included, chooses the form of two items.
 */
delivery?: ReviewDelivery | null, target: ReviewTarget, threadId: string, 
/**
 * In the `codeReview` form: true also adds the review to the thread as an assistant message.
 *
 */
appendToOriginalThread?: boolean | null, };
