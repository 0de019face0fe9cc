// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks for the settings in force.
 */
export type ConfigReadParams = { 
/**
 * Also takes in the layers of this folder's project.
 */
cwd?: string | null, 
/**
 * Also returns each layer by itself.
 */
includeLayers?: boolean, };
