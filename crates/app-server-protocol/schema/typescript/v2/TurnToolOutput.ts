// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { FunctionCallOutputBody } from "../FunctionCallOutputBody";

/**
 * The result of a tool that a client ran on its own account.
 */
export type TurnToolOutput = { name: string, namespace?: string | null, output: FunctionCallOutputBody, 
/**
 * Whether it stays in the model's history after the turn.
 */
retain?: boolean, };
