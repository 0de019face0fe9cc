// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The kinds of sandboxes on Windows.
 */
export type WindowsSandboxImplementation = "elevated" | "unelevated" | "mxc";
