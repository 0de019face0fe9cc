// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks for the skills there are.
 */
export type SkillsListParams = { 
/**
 * Folders to ask for; empty: the server's own.
 */
cwds?: Array<string>, 
/**
 * Reads the files again instead of answering from memory.
 */
forceReload?: boolean, };
