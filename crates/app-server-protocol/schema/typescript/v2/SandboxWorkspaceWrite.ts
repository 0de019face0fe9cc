// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The table `sandbox_workspace_write`.
 */
export type SandboxWorkspaceWrite = { 
/**
 * Leaves `/tmp` out of what may be written.
 */
exclude_slash_tmp: boolean, 
/**
 * Leaves the folder named by `TMPDIR` out of what may be written.
 */
exclude_tmpdir_env_var: boolean, 
/**
 * Whether commands may open network connections.
 */
network_access: boolean, 
/**
 * Further folders that may be written.
 */
writable_roots: Array<string>, };
