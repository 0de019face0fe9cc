// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AccountRoutingOverride } from "./AccountRoutingOverride";

/**
 * Where the requests of a workspace go.
 */
export type WorkspaceRouting = { accountRoutingOverride: AccountRoutingOverride, backendOrigin: string, chatgptAccountId: string, };
