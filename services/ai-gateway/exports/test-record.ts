import type { ExportedRecord } from "./export-record.ts";

/** Of a call that never was: for seeing whether records arrive. */
export function testRecord(tenantId: string, time: string): ExportedRecord {
  return {
    ...{ id: "call_test", attempt: 1, request_id: "req_test", tenant_id: tenantId, key_id: "", user_id: "" },
    ...{ model: "lyss-export-test", provider: "lyss", status: "completed", started_at: time, created_at: time },
    ...{ input_tokens: 0, cached_input_tokens: 0, output_tokens: 0, service_mode: "standard", price_id: "" },
    ...{
      cost_nanos: "0",
      uncollected_nanos: "0",
      estimated: false,
      latency_ms: 0,
      streamed: false,
      first_token_ms: null,
      error: null,
      tags: { test: "true" },
    },
  };
}
