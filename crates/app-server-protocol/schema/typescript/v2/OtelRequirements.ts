// GENERATED CODE! DO NOT MODIFY BY HAND!

import type { OtelExporter } from "./OtelExporter";
import type { OtelToolResultLogConfig } from "./OtelToolResultLogConfig";

/**
 * An administrator's telemetry settings, named as in the file.
 */
export type OtelRequirements = { environment: string | null, exporter: OtelExporter | null, log_agent_responses: boolean | null, log_guardian_assessments: boolean | null, log_sse_deltas: boolean | null, log_user_prompt: boolean | null, metrics_exporter: OtelExporter | null, span_attributes: { [key in string]: string } | null, tool_result: OtelToolResultLogConfig | null, trace_exporter: OtelExporter | null, tracestate: { [key in string]: { [key in string]: string } } | null, };
