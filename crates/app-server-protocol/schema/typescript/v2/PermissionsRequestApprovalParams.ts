// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { LegacyAppPathString } from "../LegacyAppPathString";
import type { RequestPermissionProfile } from "./RequestPermissionProfile";

/**
 * May the agent have these permissions beyond its sandbox?
 */
export type PermissionsRequestApprovalParams = { 
/**
 * Folder that relative places refer to.
 */
cwd: LegacyAppPathString, 
/**
 * Always null from this server.
 */
environmentId: string | null, itemId: string, permissions: RequestPermissionProfile, 
/**
 * The model's reason, if it gave one.
 */
reason: string | null, 
/**
 * Unix milliseconds.
 */
startedAtMs: number, threadId: string, turnId: string, };
