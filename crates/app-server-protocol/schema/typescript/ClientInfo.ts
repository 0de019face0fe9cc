// GENERATED CODE! DO NOT MODIFY BY HAND!

/**
 * Who connects. Written into `userAgent` and into the threads this client makes.
 */
export type ClientInfo = { 
/**
 * A short technical name, for example `my-editor`. It is sent in HTTP headers, so control characters
 * are refused.
 */
name: string, 
/**
 * The name as a person would write it; not interpreted.
 */
title?: string | null, version: string, };
