// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { FileChangeApprovalDecision } from "./FileChangeApprovalDecision";

/**
 * The decision.
 */
export type FileChangeRequestApprovalResponse = { decision: FileChangeApprovalDecision, };
