// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AdditionalFileSystemPermissions } from "./AdditionalFileSystemPermissions";
import type { AdditionalNetworkPermissions } from "./AdditionalNetworkPermissions";

/**
 * What the client grants; null parts are refused.
 */
export type GrantedPermissionProfile = { fileSystem?: AdditionalFileSystemPermissions | null, network?: AdditionalNetworkPermissions | null, };
