// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A permission profile.
 */
export type PermissionProfileSummary = { 
/**
 * Whether an administrator lets it be used.
 */
allowed: boolean, description: string | null, 
/**
 * Built-in ones begin with a colon, such as `:read-only`.
 */
id: string, };
