import { createRandom } from "../service/ids.ts";
import { type DurableRun, type Message, runSaga, type SagaDeps, type SagaOutcome } from "../workflow/run-saga.ts";
import type { AnySaga } from "../workflow/saga.ts";
import { createFakeClock, type FakeClock } from "./fake-clock.ts";
import { silentLog } from "./test-cluster.ts";

/** What a virtual run dies of. */
export const crash = new Error("the process died");

/** A run of a saga without a database: what it has recorded survives, the process does not. */
export interface VirtualRun {
  /**
   * Goes on until the end, or dies with `crash` at the `crashAt`th moment of this process: before a step's work, or after
   * it and before its record.
   */
  go(crashAt?: number): Promise<SagaOutcome>;
  readonly clock: FakeClock;
  readonly recorded: ReadonlyMap<string, unknown>;
  readonly parked: readonly string[];
  readonly heard: readonly string[];
  cancel(): void;
}

export interface VirtualRunOptions {
  /** What comes on which topic. */
  readonly messages?: Readonly<Record<string, Message>>;
  readonly ops?: unknown;
  readonly runId?: string;
  readonly input?: unknown;
}

export function createVirtualRun(definition: AnySaga, options: VirtualRunOptions = {}): VirtualRun {
  const { messages = {}, ops, runId = "run", input = "in" } = options;
  const clock = createFakeClock();
  const recorded = new Map<string, unknown>();
  const parked: string[] = [];
  const heard: string[] = [];
  const heardTimes = new Map<string, number>();
  let isCanceled = false;
  const deps: SagaDeps = {
    clock,
    random: createRandom(clock),
    log: silentLog,
    stopping: new AbortController().signal,
    ops,
    isCanceled: async () => isCanceled,
    park: async (_runId, parking, { step }) => void parked.push(`${parking} ${step}`),
    unpark: async () => void parked.push("resumed"),
  };
  const start = { input, startedMs: clock.nowMs(), traceparent: "", locale: "en_US" as const };

  function go(crashAt = Number.POSITIVE_INFINITY): Promise<SagaOutcome> {
    let moment = 0;
    const reach = () => {
      if (++moment >= crashAt) throw crash;
    };
    const durable: DurableRun = {
      runId,
      async step<T>(name: string, work: () => Promise<T>) {
        if (recorded.has(name)) return recorded.get(name) as T;
        reach();
        const result = await work();
        reach();
        recorded.set(name, result);
        return result;
      },
      async receive(topic) {
        if (!topic.startsWith("#")) return messages[topic];
        // A person takes longer than one wait.
        heard.push(topic);
        const times = (heardTimes.get(topic) ?? 0) + 1;
        heardTimes.set(topic, times);
        return times > 1 ? { kind: "wake" } : undefined;
      },
    };
    return runSaga(deps, definition, durable, start);
  }
  return {
    ...{ go, clock, recorded, parked, heard },
    cancel() {
      isCanceled = true;
    },
  };
}
