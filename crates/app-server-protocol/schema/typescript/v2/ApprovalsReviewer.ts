// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Who answers approval questions. This server always asks the client, `user`; the other two are accepted
 * and act the same.
 */
export type ApprovalsReviewer = "user" | "auto_review" | "guardian_subagent";
