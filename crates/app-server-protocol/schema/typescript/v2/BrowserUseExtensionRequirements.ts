// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { RequestHeader } from "./RequestHeader";

/**
 * An administrator's rules for a browser extension.
 */
export type BrowserUseExtensionRequirements = { requestHeaders: Array<RequestHeader> | null, };
