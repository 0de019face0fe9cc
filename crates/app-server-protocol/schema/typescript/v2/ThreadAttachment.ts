// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { JsonValue } from "../serde_json/JsonValue";

/**
 * Something a client tied to a thread, found again by type and identity.
 */
export type ThreadAttachment = { 
/**
 * The client's word for its kind.
 */
attachmentType: string, 
/**
 * Unix seconds.
 */
createdAt: number, id: string, 
/**
 * What makes two attachments of a type the same one.
 */
identityKey: string, 
/**
 * The client's data, stored as it is.
 */
payload: JsonValue, };
