import { defineEvent } from "@lyss/kit/events/event.ts";
import {
  AgentCalledSchema,
  AgentChangedSchema,
  BreakerChangedSchema,
  CachePolicyChangedSchema,
  CallDefaultsChangedSchema,
  DataPolicyAppliedSchema,
  DegradationChangedSchema,
  ExportChangedSchema,
  ExportFailedSchema,
  FeedbackChangedSchema,
  GuardrailChangedSchema,
  GuardrailFoundSchema,
  McpCallCanceledSchema,
  McpServerChangedSchema,
  McpToolCalledSchema,
  ModelLimitChangedSchema,
  ModelLimitReachedSchema,
  PersonErasedSchema,
  PromptChangedSchema,
  ProviderAccountChangedSchema,
  ProviderChangedSchema,
  RequestBodyPolicyChangedSchema,
  RequestBodyReadSchema,
  RequestBodyRemovedSchema,
  ResilienceOrderedSchema,
  RouteChangedSchema,
} from "../gen/lyss/ai_gateway/v1/ai_gateway_pb.js";
import { PersonExportedSchema } from "../gen/lyss/user/v1/user_pb.js";

/** A tenant's providers or their models changed; nodes refresh their snapshot. */
export const providerChanged = defineEvent("provider.changed", ProviderChangedSchema, (event) => event.tenantId);

/** The account behind a provider refuses our key, has no money, is not there, or is well again; nodes follow. */
export const providerAccountChanged = defineEvent(
  "provider.account.changed",
  ProviderAccountChangedSchema,
  (event) => event.providerId,
);

/** A tenant's routes changed; nodes refresh their snapshot. */
export const routeChanged = defineEvent("route.changed", RouteChangedSchema, (event) => event.tenantId);

/** A tenant switched its cache on, off or over; nodes read what tenants say anew. */
export const cachePolicyChanged = defineEvent(
  "cache_policy.changed",
  CachePolicyChangedSchema,
  (event) => event.tenantId,
);

/** What a tenant's calls mean and say by default changed; nodes read it anew. */
export const callDefaultsChanged = defineEvent(
  "call_defaults.changed",
  CallDefaultsChangedSchema,
  (event) => event.tenantId,
);

/** A call was scored, or a score of it taken back. */
export const feedbackChanged = defineEvent("feedback.changed", FeedbackChangedSchema, (event) => event.callId);

/** A tenant's prompt, or what a label of its means, changed. */
export const promptChanged = defineEvent("prompt.changed", PromptChangedSchema, (event) => event.tenantId);

/** A guardrail of a tenant's or of the platform's changed; nodes read them anew. */
export const guardrailChanged = defineEvent("guardrail.changed", GuardrailChangedSchema, (event) => event.tenantId);
/** A guardrail has found something in a call. */
export const guardrailFound = defineEvent("guardrail.found", GuardrailFoundSchema, (event) => event.tenantId);

/** A tenant's tool servers changed; nodes refresh their snapshot. */
export const mcpServerChanged = defineEvent("mcp_server.changed", McpServerChangedSchema, (event) => event.tenantId);

/** A client has taken back a request to a tool server; whichever process answers it ends it. */
export const mcpCallCanceled = defineEvent("mcp_call.canceled", McpCallCanceledSchema, (event) => event.tenantId);

/** A tool was called: who, which, and how it ended. */
export const mcpToolCalled = defineEvent("mcp_tool.called", McpToolCalledSchema, (event) => event.tenantId);

/** A tenant's agents changed; nodes refresh their snapshot. */
export const agentChanged = defineEvent("agent.changed", AgentChangedSchema, (event) => event.tenantId);

/** An agent was sent a message or a cancellation: who, which, and how it ended. */
export const agentCalled = defineEvent("agent.called", AgentCalledSchema, (event) => event.tenantId);

/** Where records of calls are sent was changed, or halted. */
export const exportChanged = defineEvent(
  "export.changed",
  ExportChangedSchema,
  (event) => event.tenantId || "platform",
);

/** Records of calls are not taken, and are not sent until somebody resumes it. */
export const exportFailed = defineEvent("export.failed", ExportFailedSchema, (event) => event.tenantId || "platform");

/** A tenant keeps what is said in its calls, or no longer, or had it forgotten; nodes read it anew. */
export const requestBodyPolicyChanged = defineEvent(
  "request_body.policy_changed",
  RequestBodyPolicyChangedSchema,
  (event) => event.tenantId,
);

/** What a tenant allows to be kept of its calls was noted; nodes read it anew. */
export const dataPolicyApplied = defineEvent("data_policy.applied", DataPolicyAppliedSchema, (event) => event.tenantId);

/** What was said in a call was read. */
export const requestBodyRead = defineEvent("request_body.read", RequestBodyReadSchema, (event) => event.tenantId);

/** What was said in a call was removed by hand. */
export const requestBodyRemoved = defineEvent(
  "request_body.removed",
  RequestBodyRemovedSchema,
  (event) => event.tenantId,
);

/** A limit on a model or an account changed; nodes read them anew. */
export const modelLimitChanged = defineEvent("model_limit.changed", ModelLimitChangedSchema, () => "limits");

/** A call met a limit on a model or an account. Told at most once a minute for each. */
export const modelLimitReached = defineEvent("model_limit.reached", ModelLimitReachedSchema, (event) => event.name);

export const breakerChanged = defineEvent(
  "resilience.breaker.changed",
  BreakerChangedSchema,
  ({ node, policy }) => `${node} ${policy}`,
);

export const degradationChanged = defineEvent(
  "degradation.level.changed",
  DegradationChangedSchema,
  ({ node, feature }) => `${node} ${feature}`,
);

/** A person opened or closed a breaker, or set a level; nodes follow. One order after the other, for all of them. */
export const resilienceOrdered = defineEvent("resilience.ordered", ResilienceOrderedSchema, () => "orders");

/** What ai-gateway keeps of a person who asked for it. */
export const aiGatewayPersonExported = defineEvent(
  "ai-gateway.person.exported",
  PersonExportedSchema,
  (event) => event.exportId,
);

/** The responses of a person who is gone are kept no more. */
export const aiGatewayPersonErased = defineEvent(
  "ai-gateway.person.erased",
  PersonErasedSchema,
  (event) => event.userId,
);
