// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { FunctionCallOutputContentItem } from "./FunctionCallOutputContentItem";

/**
 * A tool's result: plain text or content items.
 */
export type FunctionCallOutputBody = string | Array<FunctionCallOutputContentItem>;
