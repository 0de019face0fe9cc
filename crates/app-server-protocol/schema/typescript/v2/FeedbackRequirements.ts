// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * An administrator's rule on feedback uploads.
 */
export type FeedbackRequirements = { 
/**
 * False refuses `feedback/upload`; null leaves it to the user.
 */
enabled: boolean | null, };
