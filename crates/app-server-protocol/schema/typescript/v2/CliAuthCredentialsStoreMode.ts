// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Where credentials are kept: in a file, in the system's keyring, in whichever of them works, or in memory
 * only.
 */
export type CliAuthCredentialsStoreMode = "file" | "keyring" | "auto" | "ephemeral";
