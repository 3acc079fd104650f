import type { Job } from "@lyss/kit/service/define-service.ts";
import type { AiGatewayDeps } from "./deps.ts";

/** The gateway's background work. */
export function createAiGatewayJobs({ funding, once, responses, changes }: AiGatewayDeps): readonly Job[] {
  return [
    ...funding.jobs,
    ...once.jobs,
    ...responses.jobs,
    { name: "publish-resilience", everyMs: 1_000, run: () => changes.publish() },
  ];
}
