// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Asks for the models there are.
 */
export type ModelListParams = { 
/**
 * `nextCursor` of an earlier answer.
 */
cursor?: string | null, 
/**
 * Also lists models that are not offered by default.
 */
includeHidden?: boolean | null, 
/**
 * All when absent.
 */
limit?: number | null, 
/**
 * Null: the configured one.
 */
modelProvider?: string | null, };
