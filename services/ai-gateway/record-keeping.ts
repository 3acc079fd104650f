import type { Client } from "@connectrpc/connect";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { createCaching } from "./answer-cache/caching.ts";
import type { GatewaySettings } from "./config.ts";
import { createDataPolicies } from "./data-policies/data-policies.ts";
import { createExports, type ExportsDeps } from "./exports/exports.ts";
import { createRequestBodies, type RequestBodyDeps } from "./request-bodies/request-bodies.ts";
import { createKeptResponses } from "./responses/kept-responses.ts";
import { createResponseEventStore } from "./responses/response-event-store.ts";
import { createResponseEvents } from "./responses/response-events.ts";
import { createResponseStore } from "./responses/response-store.ts";

interface RecordKeepingDeps
  extends Omit<RequestBodyDeps, "key" | "dataPolicies">,
    Omit<ExportsDeps, "key" | "by" | "findBodies"> {
  readonly settings: GatewaySettings;
  readonly billing: Pick<Client<typeof BillingService>, "followUsage">;
  readonly node: string;
  deriveKey(purpose: string): Buffer;
}

/** What is kept of what is said in calls, within what tenants allow, and where records of calls go. */
export function createRecordKeeping(given: RecordKeepingDeps) {
  const { settings, deriveKey } = given;
  const dataPolicies = createDataPolicies(given);
  const kept = { ...given, dataPolicies };
  const responseKey = deriveKey("ai-gateway.response");
  const responses = createKeptResponses({
    ...{ ...kept, store: createResponseStore(given.db), key: responseKey },
    events: createResponseEvents({ ...given, store: createResponseEventStore(given.db), key: responseKey }),
    maxRunning: settings.backgroundResponses.maxRunningPerTenant,
    heartbeatMs: settings.heartbeatMs,
    retentionDays: settings.responseRetentionDays,
    maxBytes: settings.maxStoredResponseBytes,
  });
  const caching = createCaching({ ...kept, settings: settings.cache, key: deriveKey("ai-gateway.answer-cache") });
  const requestBodies = createRequestBodies({ ...kept, key: deriveKey("ai-gateway.request-body") });
  const exports = createExports({
    ...given,
    key: deriveKey("ai-gateway.export"),
    by: `${given.node} ${given.random.id("run")}`,
    findBodies: requestBodies.openAll,
  });
  return { dataPolicies, responses, ...caching, requestBodies, exports };
}
