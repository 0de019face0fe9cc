// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { InputModality } from "../InputModality";
import type { ModelAccessPrograms } from "./ModelAccessPrograms";
import type { ModelAvailabilityNux } from "./ModelAvailabilityNux";
import type { ModelServiceTier } from "./ModelServiceTier";
import type { ModelUpgradeInfo } from "./ModelUpgradeInfo";
import type { MultiAgentVersion } from "./MultiAgentVersion";
import type { ReasoningEffort } from "../ReasoningEffort";
import type { ReasoningEffortOption } from "./ReasoningEffortOption";

/**
 * A model as it can be offered for choice.
 */
export type Model = { 
/**
 * Older form of `serviceTiers`.
 */
additionalSpeedTiers: Array<string>, 
/**
 * A hint to show once, null for none.
 */
availabilityNux: ModelAvailabilityNux | null, availableAccessPrograms: ModelAccessPrograms | null, 
/**
 * Used when none is chosen.
 */
defaultReasoningEffort: ReasoningEffort, defaultServiceTier: string | null, description: string, displayName: string, 
/**
 * Not offered by default; listed only with `includeHidden`.
 */
hidden: boolean, 
/**
 * Unique in the list.
 */
id: string, 
/**
 * Text and images when a server does not say.
 */
inputModalities: Array<InputModality>, 
/**
 * True for exactly one.
 */
isDefault: boolean, 
/**
 * What to give as `model` to `thread/start` and `turn/start`.
 */
model: string, modelSpecialty: string | null, multiAgentVersion: MultiAgentVersion | null, serviceTiers: Array<ModelServiceTier>, supportedReasoningEfforts: Array<ReasoningEffortOption>, 
/**
 * Whether `personality` has an effect.
 */
supportsPersonality: boolean, 
/**
 * A newer model to suggest instead.
 */
upgrade: string | null, upgradeInfo: ModelUpgradeInfo | null, };
