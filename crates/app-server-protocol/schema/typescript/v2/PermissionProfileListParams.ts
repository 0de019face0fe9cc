// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks for the permission profiles there are.
 */
export type PermissionProfileListParams = { cursor?: string | null, 
/**
 * Also takes in those of this folder's project.
 */
cwd?: string | null, limit?: number | null, };
