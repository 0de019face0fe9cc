// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AgentPath } from "./AgentPath";
import type { ThreadId } from "./ThreadId";

/**
 * Why the server itself made a thread.
 */
export type SubAgentSource = "review" | "compact" | "memory_consolidation" | { "thread_spawn": { agent_nickname: string | null, agent_path: AgentPath | null, agent_role: string | null, depth: number, parent_thread_id: ThreadId, } } | { "other": string };
