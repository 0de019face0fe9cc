// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ClientInfo } from "./ClientInfo";
import type { InitializeCapabilities } from "./InitializeCapabilities";

/**
 * The first request of every connection; any other before it is refused, and so is a second one. Malformed
 * params do not count, the client may try again.
 */
export type InitializeParams = { capabilities?: InitializeCapabilities | null, clientInfo: ClientInfo, };
