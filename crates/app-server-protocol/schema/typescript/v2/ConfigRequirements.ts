// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { AskForApproval } from "./AskForApproval";
import type { AutoReviewRequirements } from "./AutoReviewRequirements";
import type { BrowserUseRequirements } from "./BrowserUseRequirements";
import type { CliAuthCredentialsStoreMode } from "./CliAuthCredentialsStoreMode";
import type { ComputerUseRequirements } from "./ComputerUseRequirements";
import type { FeedbackRequirements } from "./FeedbackRequirements";
import type { ForcedLoginMethod } from "../ForcedLoginMethod";
import type { InAppBrowserRequirements } from "./InAppBrowserRequirements";
import type { JsonValue } from "../serde_json/JsonValue";
import type { ModelsRequirements } from "./ModelsRequirements";
import type { OtelRequirements } from "./OtelRequirements";
import type { ResidencyRequirement } from "./ResidencyRequirement";
import type { SandboxMode } from "./SandboxMode";
import type { WebSearchMode } from "../WebSearchMode";
import type { WindowsSandboxImplementation } from "./WindowsSandboxImplementation";

/**
 * What an administrator demands or allows; null leaves it to the user.
 */
export type ConfigRequirements = { additionalDeveloperInstructions: string | null, allowAppshots: boolean | null, allowBrowserAndComputerUse: boolean | null, allowLoginShell: boolean | null, allowManagedHooksOnly: boolean | null, allowRemoteControl: boolean | null, 
/**
 * Only these may be used; null: any.
 */
allowedApprovalPolicies: Array<AskForApproval> | null, allowedLoginMethods: Array<ForcedLoginMethod> | null, allowedPermissionProfiles: { [key in string]: boolean } | null, 
/**
 * Only these may be used; null: any.
 */
allowedSandboxModes: Array<SandboxMode> | null, allowedWebSearchModes: Array<WebSearchMode> | null, allowedWindowsSandboxImplementations: Array<WindowsSandboxImplementation> | null, autoReview: AutoReviewRequirements | null, browserUse: BrowserUseRequirements | null, chatgptBaseUrl: string | null, checkForUpdateOnStartup: boolean | null, cliAuthCredentialsStore: CliAuthCredentialsStoreMode | null, computerUse: ComputerUseRequirements | null, defaultPermissions: string | null, enforceResidency: ResidencyRequirement | null, 
/**
 * Feature switches that are fixed, by name.
 */
featureRequirements: { [key in string]: boolean } | null, feedback: FeedbackRequirements | null, inAppBrowser: InAppBrowserRequirements | null, logDir: string | null, modelCatalogJson: string | null, modelProvider: string | null, modelProviders: { [key in string]: JsonValue } | null, models: ModelsRequirements | null, otel: OtelRequirements | null, sqliteHome: string | null, };
