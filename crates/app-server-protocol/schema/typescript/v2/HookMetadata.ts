// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";
import type { HookEventName } from "./HookEventName";
import type { HookSource } from "./HookSource";
import type { HookTrustStatus } from "./HookTrustStatus";

/**
 * One configured hook as `hooks/list` shows it.
 */
export type HookMetadata = { 
/**
 * How much text it may add for the model; null: the default.
 */
additionalContextLimit: number | null, 
/**
 * Of its definition; trust is bound to it.
 */
currentHash: string, 
/**
 * Position in lists.
 */
displayOrder: number, enabled: boolean, environmentId: string | null, eventName: HookEventName, 
/**
 * Whether an administrator set it.
 */
isManaged: boolean, 
/**
 * Names it in the configuration.
 */
key: string, 
/**
 * What it is limited to, such as names of tools; null: nothing.
 */
matcher: string | null, pluginId: string | null, source: HookSource, sourcePath: AbsolutePathBuf, 
/**
 * To be shown while it runs.
 */
statusMessage: string | null, timeoutSec: number, trustStatus: HookTrustStatus, } & ({ "handlerType": "command", command: string, 
/**
 * The agent does not wait for it.
 */
async: boolean, } | { "handlerType": "mcpTool", server: string, tool: string, } | { "handlerType": "prompt" } | { "handlerType": "agent" });
