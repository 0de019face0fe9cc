// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AbsolutePathBuf } from "./AbsolutePathBuf";

/**
 * An image given to the generation.
 */
export type ImageGenerationInputImage = { path: AbsolutePathBuf, 
/**
 * Of the file's content, in hexadecimal.
 */
sha256: string, };
