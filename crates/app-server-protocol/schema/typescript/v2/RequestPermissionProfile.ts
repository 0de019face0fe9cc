// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AdditionalFileSystemPermissions } from "./AdditionalFileSystemPermissions";
import type { AdditionalNetworkPermissions } from "./AdditionalNetworkPermissions";

/**
 * What the agent asks to be permitted beyond its sandbox; null parts are not asked for.
 */
export type RequestPermissionProfile = { fileSystem: AdditionalFileSystemPermissions | null, network: AdditionalNetworkPermissions | null, };
