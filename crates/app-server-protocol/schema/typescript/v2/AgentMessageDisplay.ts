// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How a provider's moderation wants a message shown. Never set by this server.
 */
export type AgentMessageDisplay = { action: string, blockType: string | null, checkTrustedContacts: boolean | null, cyberTrustedAccess: boolean | null, };
