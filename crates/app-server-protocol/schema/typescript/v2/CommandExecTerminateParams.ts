// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Ends a running command; the request that started it answers then.
 */
export type CommandExecTerminateParams = { processId: string, };
