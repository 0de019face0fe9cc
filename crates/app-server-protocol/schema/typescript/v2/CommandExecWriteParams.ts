// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Writes to a command's input, closes it, or both; one of them must be asked.
 */
export type CommandExecWriteParams = { closeStdin?: boolean, 
/**
 * Bytes in base64.
 */
deltaBase64?: string | null, processId: string, };
