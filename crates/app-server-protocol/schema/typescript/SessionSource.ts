// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { SubAgentSource } from "./SubAgentSource";

/**
 * Which kind of program made a thread. Threads of this server are `vscode`, whatever the client, as older
 * clients list only these; `originator` has the client's name.
 */
export type SessionSource = "cli" | "vscode" | "exec" | "appServer" | "unknown" | { "custom": string } | { "subAgent": SubAgentSource };
