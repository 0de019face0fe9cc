// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { GrantedPermissionProfile } from "./GrantedPermissionProfile";
import type { PermissionGrantScope } from "./PermissionGrantScope";

/**
 * What is granted, perhaps less than was asked. Nothing at all is a refusal.
 */
export type PermissionsRequestApprovalResponse = { permissions: GrantedPermissionProfile, scope?: PermissionGrantScope, 
/**
 * Accepted and without effect.
 */
strictAutoReview?: boolean | null, };
