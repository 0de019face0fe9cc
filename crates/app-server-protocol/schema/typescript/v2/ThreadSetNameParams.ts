// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Names a thread, loaded or stored.
 */
export type ThreadSetNameParams = { 
/**
 * Spaces around it are cut; it must not be blank.
 */
name: string, threadId: string, };
