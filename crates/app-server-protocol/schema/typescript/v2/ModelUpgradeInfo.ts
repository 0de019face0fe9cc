// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * A newer model and how to present it.
 */
export type ModelUpgradeInfo = { migrationMarkdown: string | null, model: string, modelLink: string | null, 
/**
 * Unix seconds at which the older model goes away; null when not known.
 */
retirementAt: number | null, upgradeCopy: string | null, };
