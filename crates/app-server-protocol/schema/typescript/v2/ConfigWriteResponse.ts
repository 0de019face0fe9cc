// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";
import type { OverriddenMetadata } from "./OverriddenMetadata";
import type { WriteStatus } from "./WriteStatus";

/**
 * The file was written.
 */
export type ConfigWriteResponse = { 
/**
 * The file that was written.
 */
filePath: AbsolutePathBuf, 
/**
 * Set when a higher layer keeps the new value from taking effect.
 */
overriddenMetadata: OverriddenMetadata | null, status: WriteStatus, 
/**
 * Of the user's layer now, for `expectedVersion`.
 */
version: string, };
