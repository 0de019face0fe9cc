// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { MisalignmentSteer } from "./MisalignmentSteer";

/**
 * Why a provider's policy check ended a turn, where the provider says so. Never filled in by this server.
 */
export type MisalignmentErrorDetails = { detailedExplanation: string | null, errorType: string | null, reviewTarget: string | null, steer: MisalignmentSteer | null, };
