// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { HookEventName } from "./HookEventName";
import type { HookExecutionMode } from "./HookExecutionMode";
import type { HookHandlerType } from "./HookHandlerType";
import type { HookOutputEntry } from "./HookOutputEntry";
import type { HookRunStatus } from "./HookRunStatus";
import type { HookScope } from "./HookScope";
import type { HookSource } from "./HookSource";
import type { LegacyAppPathString } from "../LegacyAppPathString";

/**
 * One run of a hook.
 */
export type HookRunSummary = { 
/**
 * Null while it runs.
 */
completedAt: number | null, displayOrder: number, durationMs: number | null, 
/**
 * What it had to say.
 */
entries: Array<HookOutputEntry>, eventName: HookEventName, executionMode: HookExecutionMode, handlerType: HookHandlerType, id: string, scope: HookScope, source: HookSource, sourcePath: LegacyAppPathString, startedAt: number, status: HookRunStatus, statusMessage: string | null, };
