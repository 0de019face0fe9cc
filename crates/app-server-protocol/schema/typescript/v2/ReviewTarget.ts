// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What is to be reviewed.
 */
export type ReviewTarget = { "type": "uncommittedChanges" } | { "type": "baseBranch", 
/**
 * Must not be blank.
 */
branch: string, } | { "type": "commit", 
/**
 * Must not be blank; may be abbreviated.
 */
sha: string, 
/**
 * The commit's subject line, for labels only.
 */
title: string | null, } | { "type": "custom", 
/**
 * Must not be blank.
 */
instructions: string, };
