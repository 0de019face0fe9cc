// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * What the model's own shell tool wants done.
 */
export type LocalShellAction = { "type": "exec", command: Array<string>, env?: { [key in string]: string } | null, timeout_ms?: number | null, user?: string | null, working_directory?: string | null, };
