// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Where a sub-agent stands in the tree of agents, as a path of names.
 */
export type AgentPath = string;
