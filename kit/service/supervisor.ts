import type { Logger } from "pino";
import { runDetached, runInContext } from "../rpc/call-context.ts";
import { fromContextHeaders } from "../rpc/context-headers.ts";
import { type Clock, delay } from "./clock.ts";
import type { Job } from "./define-service.ts";

const minBackoffMs = 1_000;
const maxBackoffMs = 60_000;

/** Jobs that run until they are stopped. */
export interface Supervisor {
  /**
   * Starts a job of a service: at once, and then `everyMs` after each run has ended; the second run may come sooner, so that jobs which
   * were added together do not all fall due together ever after. A job never overlaps itself.
   */
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
  let added = 0;

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

  async function loop(service: string, job: Job, share: number): Promise<void> {
    let failures = 0;
    let waitMs = job.everyMs * share;
    while (!stopping.signal.aborted) {
      failures = (await runOnce(service, job)) ? 0 : failures + 1;
      const backoffMs = failures === 0 ? 0 : Math.min(maxBackoffMs, minBackoffMs * 2 ** (failures - 1));
      await delay(clock, Math.max(waitMs, backoffMs), stopping.signal).catch(() => {});
      waitMs = job.everyMs;
    }
  }

  return {
    add(service, job) {
      const running = loop(service, job, shareOf(added++)).finally(() => loops.delete(running));
      loops.add(running);
    },
    async stop() {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

const goldenRatio = (Math.sqrt(5) - 1) / 2;

/** Of a job's interval, until its second run; for the first job all. However many there are, they lie evenly (Weyl's sequence of the golden ratio). */
function shareOf(index: number): number {
  return index === 0 ? 1 : (index * goldenRatio) % 1;
}
