// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks which threads have a certain attachment.
 */
export type ThreadAttachmentOwnerListParams = { 
/**
 * Only archived threads (true) or only others (false); null: both.
 */
archived?: boolean | null, attachmentType: string, cursor?: string | null, identityKey: string, limit?: number | null, };
