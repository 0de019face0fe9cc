// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * How a section looks; the words are the client's.
 */
export type ThreadSectionAppearance = { color: string | null, icon: string | null, };
