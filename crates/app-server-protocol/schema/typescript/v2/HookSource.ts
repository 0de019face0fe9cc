// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Which configuration a hook comes from.
 */
export type HookSource = "system" | "user" | "project" | "mdm" | "sessionFlags" | "plugin" | "cloudRequirements" | "cloudManagedConfig" | "legacyManagedConfigFile" | "legacyManagedConfigMdm" | "unknown";
