// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { Turn } from "./Turn";

/**
 * The review's turn, with one user message item that says what is reviewed.
 */
export type ReviewStartResponse = { 
/**
 * The thread all of the review's notifications name; the thread itself unless detached.
 */
reviewThreadId: string, turn: Turn, };
