import type { Client } from "@connectrpc/connect";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { createExports, type ExportsDeps } from "./exports/exports.ts";
import { createRequestBodies, type RequestBodyDeps } from "./request-bodies/request-bodies.ts";

interface RecordKeepingDeps extends Omit<RequestBodyDeps, "key">, Omit<ExportsDeps, "key" | "by" | "findBodies"> {
  readonly billing: Pick<Client<typeof BillingService>, "followUsage">;
  readonly node: string;
  deriveKey(purpose: string): Buffer;
}

/** What is kept of what is said in calls, and where records of calls go. */
export function createRecordKeeping(given: RecordKeepingDeps) {
  const requestBodies = createRequestBodies({ ...given, key: given.deriveKey("ai-gateway.request-body") });
  const exports = createExports({
    ...given,
    key: given.deriveKey("ai-gateway.export"),
    by: `${given.node} ${given.random.id("run")}`,
    findBodies: requestBodies.openAll,
  });
  return { requestBodies, exports };
}
