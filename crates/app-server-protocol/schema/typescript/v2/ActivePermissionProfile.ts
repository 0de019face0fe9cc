// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The permission profile in force.
 */
export type ActivePermissionProfile = { 
/**
 * The profile it builds on.
 */
extends: string | null, id: string, };
