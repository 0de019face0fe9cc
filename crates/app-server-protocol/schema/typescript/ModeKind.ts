// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * `plan`: the agent asks and proposes a plan, and changes nothing. `default`: it does the work.
 *
 * Names of modes that older clients know are read as `default`.
 */
export type ModeKind = "plan" | "default";
