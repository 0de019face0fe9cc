// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The answer to a question about files. `acceptForSession`: these files are not asked about again in this
 * session. `decline`: leave the files alone, the turn goes on. `cancel`: the turn ends as interrupted.
 */
export type FileChangeApprovalDecision = "accept" | "acceptForSession" | "decline" | "cancel";
