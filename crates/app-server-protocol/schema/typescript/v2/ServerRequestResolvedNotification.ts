// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { RequestId } from "../RequestId";

/**
 * Sent with `serverRequest/resolved` when a request of the server was answered, or withdrawn because the
 * turn ended: a client showing it can take it down.
 */
export type ServerRequestResolvedNotification = { 
/**
 * The id of the server's request.
 */
requestId: RequestId, threadId: string, };
