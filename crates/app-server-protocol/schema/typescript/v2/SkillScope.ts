// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Where a skill was found: in the project (`repo`), in the user's or the machine's folders.
 */
export type SkillScope = "user" | "repo" | "system" | "admin";
