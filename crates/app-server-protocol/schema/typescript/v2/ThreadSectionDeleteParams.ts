// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Removes a section; its threads stay.
 */
export type ThreadSectionDeleteParams = { sectionId: string, };
