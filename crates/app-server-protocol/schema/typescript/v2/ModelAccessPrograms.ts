// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { CyberAccessProgram } from "./CyberAccessProgram";

/**
 * Access programs under which a model is offered.
 */
export type ModelAccessPrograms = { cyber: Array<CyberAccessProgram>, };
