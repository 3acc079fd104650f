import type { Client } from "@connectrpc/connect";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { Logger } from "pino";
import type { OpenCalls } from "../open-calls.ts";
import { createSettler } from "../settler.ts";
import { type Funding, maxHoldsAtOnce, reserveTimeoutMs } from "./funding.ts";

/** Each call reserves for itself, and its charge is committed before the last of its answer leaves (docs/adr/0012). */
export function createCallFunding(deps: {
  readonly billing: Client<typeof BillingService>;
  readonly openCalls: OpenCalls;
  readonly heartbeatMs: number;
  readonly log: Logger;
}): Funding {
  const { billing, openCalls, heartbeatMs, log } = deps;
  const settler = createSettler(billing, log);
  return {
    async fund(call) {
      const { outputTokens } = await billing.reserveCall(call, { timeoutMs: reserveTimeoutMs });
      const { callId, tenantId } = call;
      return {
        outputTokens,
        settle({ latencyMs, ...spent }) {
          return settler.settle({ callId, tenantId, ...spent, latencyMs: BigInt(Math.round(latencyMs)) });
        },
      };
    },
    jobs: [
      {
        name: "extend-holds",
        everyMs: heartbeatMs,
        async run() {
          const callIds = [...new Set([...openCalls.listIds(), ...settler.listPendingIds()])];
          for (let at = 0; at < callIds.length; at += maxHoldsAtOnce) {
            await billing.extendHolds({ callIds: callIds.slice(at, at + maxHoldsAtOnce) });
          }
        },
      },
      { name: "retry-settlements", everyMs: 1_000, run: () => settler.retryPending() },
    ],
    subscriptions: [],
    get pending() {
      return settler.listPendingIds().length;
    },
    stop: () => settler.retryPending(),
  };
}
