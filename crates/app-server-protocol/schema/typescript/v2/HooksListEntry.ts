// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { HookErrorInfo } from "./HookErrorInfo";
import type { HookMetadata } from "./HookMetadata";

/**
 * The hooks in force for a folder.
 */
export type HooksListEntry = { cwd: string, errors: Array<HookErrorInfo>, hooks: Array<HookMetadata>, warnings: Array<string>, };
