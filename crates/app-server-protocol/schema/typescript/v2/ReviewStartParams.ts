// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ReviewDelivery } from "./ReviewDelivery";
import type { ReviewTarget } from "./ReviewTarget";

/**
 * Starts a review as a turn.
 *
 * With `delivery` the thread shows the items `enteredReviewMode` and `exitedReviewMode`; without it, or
 * with `appendToOriginalThread`, one `codeReview` item that starts with the label and completes with the
 * text.
 */
export type ReviewStartParams = { 
/**
 * Null or absent: inline.
 */
delivery?: ReviewDelivery | null, target: ReviewTarget, threadId: string, 
/**
 * In the `codeReview` form: true also adds the review to the thread as an assistant message.
 *
 * Its presence, true or false, chooses that form.
 */
appendToOriginalThread?: boolean | null, };
