// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * An absolute path as text. A relative one is refused while parsing, so that nothing behind the boundary
 * depends on the server's own working directory.
 */
export type AbsolutePathBuf = string;
