// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A spending limit of a user in a workspace.
 */
export type SpendControlLimitSnapshot = { 
/**
 * An amount as text.
 */
limit: string, remainingPercent: number, 
/**
 * Unix seconds.
 */
resetsAt: number, 
/**
 * An amount as text.
 */
used: string, };
