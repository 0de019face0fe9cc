// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * The coarse choice of a sandbox, as it is given to `thread/start`; answers carry the full
 * `SandboxPolicy`. `read-only`: read anything, write nothing. `workspace-write`: write in the working
 * folder and the temporary folders. `danger-full-access`: no sandbox.
 */
export type SandboxMode = "read-only" | "workspace-write" | "danger-full-access";
