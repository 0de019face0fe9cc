// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "./serde_json/JsonValue";

/**
 * The content of an MCP resource: text or base64 bytes.
 */
export type ResourceContent = { uri: string, mimeType: string | null, text: string, _meta?: JsonValue | null, } | { uri: string, mimeType: string | null, blob: string, _meta?: JsonValue | null, };
