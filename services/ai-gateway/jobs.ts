import type { Job } from "@lyss/kit/service/define-service.ts";
import { advanceBatches } from "./batches/batches.ts";
import { removeHiddenFiles } from "./batches/files.ts";
import type { AiGatewayDeps } from "./deps.ts";
import { probeAccounts } from "./routing/probe-accounts.ts";
import { watchRollouts } from "./routing/rollout-ops.ts";
import { advanceVideos } from "./videos/videos.ts";

/** The gateway's background work. */
export function createAiGatewayJobs(deps: AiGatewayDeps): readonly Job[] {
  const { funding, mcpSessions, once, responses, answerCache, choices, mirrors, changes, accounts, settings } = deps;
  const { log: bodyLog } = deps.requestBodies;
  const { everyMs } = settings.probes;
  return [
    ...funding.jobs,
    ...once.jobs,
    ...responses.jobs,
    ...deps.ephemeralSessions.jobs,
    ...answerCache.jobs,
    ...choices.jobs,
    ...bodyLog.jobs,
    ...mirrors.jobs,
    ...deps.exampleVectors.jobs,
    { name: "advance-batches", everyMs: settings.batches.pollMs, run: (signal) => advanceBatches(deps, signal) },
    { name: "advance-videos", everyMs: settings.videos.pollMs, run: (signal) => advanceVideos(deps, signal) },
    { name: "remove-files", everyMs: 60_000, run: (signal) => removeHiddenFiles(deps, signal) },
    {
      name: "forget-feedback",
      everyMs: 60_000,
      run: () => deps.feedbackStore.deleteExpired(new Date(deps.clock.nowMs()), 10_000).then(() => undefined),
    },
    { name: "watch-rollouts", everyMs: 2_000, run: () => watchRollouts(deps) },
    { name: "publish-resilience", everyMs: 1_000, run: () => changes.publish() },
    { name: "sweep-mcp-sessions", everyMs: 60_000, run: () => mcpSessions.sweep() },
    ...deps.references.jobs,
    ...deps.logLevels.jobs,
    ...deps.mcpSubscriptions.jobs,
    ...deps.exports.jobs,
    ...deps.reachedLimits.jobs,
    { name: "publish-accounts", everyMs: 1_000, run: () => accounts.publish() },
    // More often than each is due: whichever node comes first takes it.
    ...(everyMs > 0
      ? [
          {
            name: "probe-accounts",
            everyMs: Math.ceil(everyMs / 3),
            run: (signal: AbortSignal) => probeAccounts(deps, signal),
          },
        ]
      : []),
  ];
}
