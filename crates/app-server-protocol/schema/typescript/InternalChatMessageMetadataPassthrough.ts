// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Data that travels with an item unread.
 */
export type InternalChatMessageMetadataPassthrough = { turn_id: string | null, };
