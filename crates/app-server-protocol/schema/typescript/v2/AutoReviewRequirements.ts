// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * An administrator's rules for automatic reviews of approvals.
 */
export type AutoReviewRequirements = { ignoreRules: Array<string> | null, requiredOnModels: Array<string> | null, };
