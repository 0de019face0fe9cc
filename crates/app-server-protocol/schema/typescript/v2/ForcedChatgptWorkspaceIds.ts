// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The workspaces a login is limited to: one id or several.
 */
export type ForcedChatgptWorkspaceIds = string | Array<string>;
