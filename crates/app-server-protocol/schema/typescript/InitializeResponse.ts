// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "./AbsolutePathBuf";

/**
 * Who answers. The client then sends the notification `initialized`; the server does not wait for it.
 */
export type InitializeResponse = { 
/**
 * The folder of configuration, credentials and threads.
 */
codexHome: AbsolutePathBuf, 
/**
 * `unix` or `windows`.
 */
platformFamily: string, 
/**
 * `linux`, `macos` or `windows`.
 */
platformOs: string, 
/**
 * `<client name>/<protocol level> (<os> <version>; <arch>) ...`. The version behind the first slash is
 * the level of the protocol, not of the product.
 */
userAgent: string, };
