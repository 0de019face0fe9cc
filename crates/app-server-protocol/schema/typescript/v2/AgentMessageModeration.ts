// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AgentMessageDisplay } from "./AgentMessageDisplay";

/**
 * What a provider's moderation said of a message. Never set by this server.
 */
export type AgentMessageModeration = { display: AgentMessageDisplay | null, moderated: boolean, };
