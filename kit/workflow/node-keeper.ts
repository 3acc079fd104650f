import type { DBOS as Dbos } from "@dbos-inc/dbos-sdk";
import type { Logger } from "pino";
import { type Clock, delay } from "../service/clock.ts";
import type { WorkflowStore } from "./workflow-store.ts";

export interface NodeKeeperOptions {
  readonly DBOS: typeof Dbos;
  readonly store: WorkflowStore;
  readonly nodeId: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly deadAfterMs?: number | undefined;
  readonly retentionMs?: number | undefined;
  queueOf(service: string): string;
}

const defaultDeadAfterMs = 30_000;
const defaultRetentionMs = 30 * 86_400_000;
const beatsPerLife = 6;
const purgeEveryMs = 3_600_000;
const batchSize = 1_000;

/** Keeps a node known as alive, hands the runs of dead ones to the living, and forgets runs that ended long ago. */
export function keepNode(options: NodeKeeperOptions): { stop(): void; readonly ended: Promise<void> } {
  const { store, nodeId, clock, log, deadAfterMs = defaultDeadAfterMs } = options;
  const stopping = new AbortController();

  async function loop(): Promise<void> {
    let purgedMs = Number.NEGATIVE_INFINITY;
    while (!stopping.signal.aborted) {
      try {
        await store.beat(nodeId);
        await store.buryDead(deadAfterMs, (deadId) => takeOver(options, deadId));
        if (clock.monotonicMs() - purgedMs >= purgeEveryMs) {
          await purge(options);
          purgedMs = clock.monotonicMs();
        }
      } catch (err) {
        log.warn({ err }, "workflows of other nodes were not looked after");
      }
      await delay(clock, Math.ceil(deadAfterMs / beatsPerLife), stopping.signal).catch(() => {});
    }
  }

  return { stop: () => stopping.abort(), ended: loop() };
}

/** Puts a dead node's runs into the queues of their services, where a living one finds them. True when none is left. */
async function takeOver({ DBOS, queueOf, log }: NodeKeeperOptions, deadId: string): Promise<boolean> {
  const runs = await DBOS.listWorkflows({
    executorId: deadId,
    status: "PENDING",
    limit: batchSize,
    loadInput: false,
    loadOutput: false,
  });
  const byService = Map.groupBy(runs, ({ workflowName }) => workflowName.split("/")[0] ?? "");
  for (const [service, ofService] of byService) {
    await DBOS.resumeWorkflows(
      ofService.map(({ workflowID }) => workflowID),
      { queueName: queueOf(service) },
    );
  }
  if (runs.length > 0) log.info({ deadId, runs: runs.length }, "workflows of a dead node are taken over");
  return runs.length < batchSize;
}

async function purge({ DBOS, store, clock, retentionMs = defaultRetentionMs }: NodeKeeperOptions): Promise<void> {
  const completedBefore = new Date(clock.nowMs() - retentionMs).toISOString();
  for (;;) {
    const ended = await DBOS.listWorkflows({ completedBefore, limit: batchSize, loadInput: false, loadOutput: false });
    const runIds = ended.map(({ workflowID }) => workflowID);
    if (runIds.length > 0) await DBOS.deleteWorkflows(runIds);
    await store.forget(runIds);
    if (runIds.length < batchSize) return;
  }
}
