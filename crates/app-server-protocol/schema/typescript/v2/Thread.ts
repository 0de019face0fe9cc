// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "../AbsolutePathBuf";
import type { GitInfo } from "./GitInfo";
import type { ReasoningEffort } from "../ReasoningEffort";
import type { SessionSource } from "../SessionSource";
import type { ThreadHistoryMode } from "./ThreadHistoryMode";
import type { ThreadSection } from "./ThreadSection";
import type { ThreadSource } from "./ThreadSource";
import type { ThreadStatus } from "./ThreadStatus";
import type { Turn } from "./Turn";

/**
 * A conversation with the agent.
 *
 * `turns` is filled only in the results of resume, fork, rollback and read with `includeTurns`; everywhere
 * else it is empty. Every member is always sent, null where unset.
 */
export type Thread = { 
/**
 * A spawned agent's display name.
 */
agentNickname: string | null, 
/**
 * What a spawned agent was made for.
 */
agentRole: string | null, 
/**
 * Version of the program that made the thread.
 */
cliVersion: string, 
/**
 * Unix seconds.
 */
createdAt: number, 
/**
 * The working folder; it need not exist.
 */
cwd: AbsolutePathBuf, 
/**
 * Never written to disk: `path` is null, it is not listed, and cannot be archived, forked or paged.
 */
ephemeral: boolean, 
/**
 * The thread it was forked from.
 */
forkedFromId: string | null, 
/**
 * Null outside a git repository, and while not known yet.
 */
gitInfo: GitInfo | null, 
/**
 * The form its file has on disk.
 */
historyMode: ThreadHistoryMode, 
/**
 * A UUIDv7; the name of the file on disk ends in it.
 */
id: string, 
/**
 * The model of the last turn; null when a file does not say.
 */
model: string | null, 
/**
 * Id of the provider of the last turn.
 */
modelProvider: string, 
/**
 * Given with `thread/name/set`.
 */
name: string | null, 
/**
 * `clientInfo.name` of the client that made it.
 */
originator: string | null, 
/**
 * The thread that spawned it as a sub-agent.
 */
parentThreadId: string | null, 
/**
 * The file on disk. It exists from the first turn on.
 */
path: string | null, 
/**
 * The text of the first user message, empty before.
 */
preview: string, 
/**
 * Always null from this server.
 */
projectId: string | null, 
/**
 * The effort of the last turn.
 */
reasoningEffort: ReasoningEffort | null, 
/**
 * Unix seconds of the user's last activity.
 */
recencyAt: number | null, 
/**
 * The section it was moved to with `thread/section/move`.
 */
section: ThreadSection | null, 
/**
 * Unix seconds.
 */
sectionEnteredAt: number | null, 
/**
 * The thread at the root of a tree of agents; its own id unless it was spawned.
 */
sessionId: string, 
/**
 * Which kind of program made it.
 */
source: SessionSource, 
/**
 * What it is doing now.
 */
status: ThreadStatus, 
/**
 * The client's own word from `thread/start`.
 */
threadSource: ThreadSource | null, 
/**
 * Oldest first.
 */
turns: Array<Turn>, 
/**
 * Unix seconds of the last write.
 */
updatedAt: number, };
