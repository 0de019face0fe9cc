// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Puts a thread into a section, or takes it out.
 */
export type ThreadSectionMoveParams = { 
/**
 * The thread to stand before; null: at the end.
 */
beforeThreadId?: string | null, 
/**
 * Null takes the thread out of its section.
 */
sectionId?: string | null, threadId: string, };
