// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { NonSteerableTurnKind } from "./NonSteerableTurnKind";

/**
 * Why a turn failed, in a form a program can act on: a word, or an object with one key. `httpStatusCode`
 * is null when there was no HTTP answer at all. `contextWindowExceeded`: compact or start a new thread.
 * `usageLimitExceeded`, `rateLimitExceeded`, `serverOverloaded`: try later. `unauthorized`: sign in again.
 * `other`: read the message.
 *
 * Values a reader does not know are kept as they came, so a client should expect new ones.
 */
export type CodexErrorInfo = "contextWindowExceeded" | "sessionBudgetExceeded" | "usageLimitExceeded" | "rateLimitExceeded" | "flexUnavailable" | "serverOverloaded" | "modelNotFound" | "policyCapacityUnavailable" | "cyberPolicy" | "misalignmentPolicyViolation" | "tooManyDenials" | "internalServerError" | "unauthorized" | "badRequest" | "threadRollbackFailed" | "sandboxError" | "other" | "inferenceHookDenied" | { "httpConnectionFailed": { httpStatusCode: number | null, } } | { "responseStreamConnectionFailed": { httpStatusCode: number | null, } } | { "responseStreamDisconnected": { httpStatusCode: number | null, } } | { "responseTooManyFailedAttempts": { httpStatusCode: number | null, } } | { "activeTurnNotSteerable": { turnKind: NonSteerableTurnKind, } } | string | { [key: string]: unknown };
