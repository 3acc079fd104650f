import type { Logger } from "pino";
import { runDetached, runInContext } from "../rpc/call-context.ts";
import { fromContextHeaders } from "../rpc/context-headers.ts";
import { type Clock, delay } from "./clock.ts";
import type { Job } from "./define-service.ts";

const minBackoffMs = 1_000;
const maxBackoffMs = 60_000;

/** Jobs that run until they are stopped. */
export interface Supervisor {
  /** Starts a job of a service: at once, and then `everyMs` after each run has ended. A job never overlaps itself. */
  add(service: string, job: Job): void;
  /** Aborts the runs under way and starts no more. Resolves when they have ended. May be repeated. */
  stop(): Promise<void>;
}

/**
 * Runs jobs in the background, each run in a trace of its own. A run that fails is logged and doubles the wait before
 * the next, from 1 s to 60 s, though never to less than the job's own `everyMs`; a run that succeeds ends that.
 */
export function createSupervisor(options: { readonly clock: Clock; readonly log: Logger }): Supervisor {
  const { clock, log } = options;
  const stopping = new AbortController();
  const loops = new Set<Promise<void>>();

  async function runOnce(service: string, job: Job): Promise<boolean> {
    const context = fromContextHeaders(() => undefined, clock);
    try {
      await runDetached(() => runInContext(context, () => job.run(stopping.signal)));
      return true;
    } catch (err) {
      if (!stopping.signal.aborted) log.error({ err, trace_id: context.traceId, service, job: job.name }, "job failed");
      return false;
    }
  }

  async function loop(service: string, job: Job): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      failures = (await runOnce(service, job)) ? 0 : failures + 1;
      const backoffMs = failures === 0 ? 0 : Math.min(maxBackoffMs, minBackoffMs * 2 ** (failures - 1));
      await delay(clock, Math.max(job.everyMs, backoffMs), stopping.signal).catch(() => {});
    }
  }

  return {
    add(service, job) {
      const running = loop(service, job).finally(() => loops.delete(running));
      loops.add(running);
    },
    async stop() {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}
