// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Which product a login page is to name.
 */
export type LoginAppBrand = "codex" | "chatgpt";
