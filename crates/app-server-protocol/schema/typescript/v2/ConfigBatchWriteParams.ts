// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ConfigEdit } from "./ConfigEdit";

/**
 * Edits the user's configuration file at several places: all edits are made, or none.
 */
export type ConfigBatchWriteParams = { 
/**
 * May be empty.
 */
edits: Array<ConfigEdit>, 
/**
 * Refuses the request if the file has another version by now.
 */
expectedVersion?: string | null, 
/**
 * Must be the user's configuration file; null means that one.
 */
filePath?: string | null, 
/**
 * Loaded threads take the new values over.
 */
reloadUserConfig?: boolean, };
