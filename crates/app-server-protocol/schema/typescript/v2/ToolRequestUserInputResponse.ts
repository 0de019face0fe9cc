// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { ToolRequestUserInputAnswer } from "./ToolRequestUserInputAnswer";

/**
 * The user's answers by question id; an error as answer counts as none.
 */
export type ToolRequestUserInputResponse = { answers: { [key in string]: ToolRequestUserInputAnswer }, };
