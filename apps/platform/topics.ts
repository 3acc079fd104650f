import type { Topic } from "@lyss/kit/events/topic.ts";

const dayMs = 86_400_000;

/** Where events lie on a broker that has topics. Every event type of a service is in one of them. */
export const topics: readonly Topic[] = [
  { name: "llm.requests", types: ["llm.request.*"], partitions: 6, retentionMs: 7 * dayMs },
  { name: "llm.billing", types: ["billing.*"], partitions: 3, retentionMs: 30 * dayMs },
  {
    name: "llm.events",
    types: [
      "access.*",
      "ai-gateway.*",
      "audit.*",
      "agent.*",
      "auth.*",
      "cache_policy.*",
      "call_defaults.*",
      "credential.*",
      "degradation.*",
      "export.*",
      "factor.*",
      "feedback.*",
      "group.*",
      "guardrail.*",
      "impersonation.*",
      "key.*",
      "mcp_call.*",
      "mcp_server.*",
      "mcp_tool.*",
      "model_limit.*",
      "prompt.*",
      "provider.*",
      "recovery_code.*",
      "recovery_codes.*",
      "data_policy.*",
      "request_body.*",
      "resilience.*",
      "role.*",
      "route.*",
      "service_client.*",
      "session.*",
      "sso.*",
      "tenant.*",
      "user.*",
      "webhook.*",
    ],
    partitions: 3,
    retentionMs: 3 * dayMs,
  },
  { name: "llm.metrics", types: ["llm.metrics.*"], partitions: 1, retentionMs: dayMs },
];

/** Headers beside those of CloudEvents, for programs that filter by whom an event is about. */
export const dataHeaders = { user_id: "userId", tenant_id: "tenantId" };
