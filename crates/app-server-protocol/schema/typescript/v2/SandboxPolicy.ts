// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";
import type { NetworkAccess } from "./NetworkAccess";

/**
 * What commands of the agent may touch.
 *
 * On input `mode` is understood as `type`, and the kebab-case names as well.
 */
export type SandboxPolicy = { "type": "dangerFullAccess" } | { "type": "readOnly", 
/**
 * Whether commands may open network connections.
 */
networkAccess: boolean, } | { "type": "externalSandbox", 
/**
 * What the outer sandbox allows, as told to the model.
 */
networkAccess: NetworkAccess, } | { "type": "workspaceWrite", 
/**
 * Leaves `/tmp` out of what may be written.
 */
excludeSlashTmp: boolean, 
/**
 * Leaves the folder named by `TMPDIR` out of what may be written.
 */
excludeTmpdirEnvVar: boolean, 
/**
 * Whether commands may open network connections.
 */
networkAccess: boolean, 
/**
 * Further folders that may be written, beside the working folder.
 */
writableRoots: Array<AbsolutePathBuf>, };
