// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ResourceContent } from "../ResourceContent";

/**
 * The content of a resource.
 */
export type McpResourceReadResponse = { contents: Array<ResourceContent>, originCallId: string | null, };
