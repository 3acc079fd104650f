import type { Job } from "@lyss/kit/service/define-service.ts";
import type { AiGatewayDeps } from "./deps.ts";

const maxIdsAtOnce = 10_000;

/** The gateway's background work. */
export function createAiGatewayJobs({ billing, openCalls, settler, settings, changes }: AiGatewayDeps): readonly Job[] {
  return [
    {
      name: "extend-holds",
      everyMs: settings.heartbeatMs,
      async run() {
        const callIds = [...new Set([...openCalls.listIds(), ...settler.listPendingIds()])];
        for (let at = 0; at < callIds.length; at += maxIdsAtOnce) {
          await billing.extendHolds({ callIds: callIds.slice(at, at + maxIdsAtOnce) });
        }
      },
    },
    { name: "publish-resilience", everyMs: 1_000, run: () => changes.publish() },
    { name: "retry-settlements", everyMs: 1_000, run: () => settler.retryPending() },
  ];
}
