import type { Job } from "@lyss/kit/service/define-service.ts";
import type { Logger } from "pino";
import { Counter, type Registry } from "prom-client";
import type { Target } from "../model.ts";
import type { RolloutMeter } from "../routing/rollout-counts.ts";
import { plainRule } from "../routing/route.ts";
import { type ReportDeps, reportTargets } from "../routing/target-report.ts";
import { type Choice, endChoice } from "./choice.ts";
import { toChoiceBody } from "./choice-body.ts";
import { type CallOrigin, type ChoiceRecord, type ChoiceStore, type NotedCall, originOf } from "./choice-store.ts";

/** A call's targets when they are in order. */
export type Ordered = Pick<Choice, "offer" | "open" | "targets" | "takers" | "isKept">;

/** Remembers how calls were chosen where they go, for their receipts. Nothing waits for it, and nothing is refused for it. */
export interface ChoiceLog {
  /** Undefined for a name with one target and no route, of which there is nothing to say, and where nothing is kept. */
  begin(tenantId: string, ordered: Ordered): Choice | undefined;
  /** `tried` are those that the call came to, in order. */
  end(
    named: Pick<ChoiceRecord, "tenantId" | "callId">,
    choice: Choice | undefined,
    tried: readonly Target[],
    noted?: NotedCall,
  ): void;
  /** The answer of a call came from the cache. */
  noteCached(named: Pick<ChoiceRecord, "tenantId" | "callId">, savedNanos: bigint, noted?: NotedCall): void;
  /** Calls of this node at once, of others a second later. Undefined where nothing is known, or any more. */
  find(tenantId: string, callId: string): Promise<Omit<ChoiceRecord, "tenantId" | "callId"> | undefined>;
  /** The route and prompt of a call, also when nothing else of it is known any more; undefined for one of neither. */
  findOrigin(tenantId: string, callId: string): Promise<CallOrigin | undefined>;
  /** Writes down what has ended until now. */
  flush(): Promise<void>;
  readonly jobs: readonly Job[];
}

const everyMs = 1_000;
/** In a second, of one node. Beyond them some are not remembered: a receipt explains a call, it does not count them. */
const maxWaiting = 1_000;
const deleteEveryMs = 10_000;
const deletedAtOnce = 20_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;
const nothing: ReadonlyMap<string, ChoiceRecord> = new Map();

export function createChoiceLog(
  {
    choiceRetentionHours: retentionHours,
    originRetentionDays,
  }: { readonly choiceRetentionHours: number; readonly originRetentionDays: number },
  deps: ReportDeps & {
    readonly choiceStore: ChoiceStore;
    readonly rolloutMeter: RolloutMeter;
    readonly log: Logger;
    readonly metrics: Registry;
  },
): ChoiceLog {
  const { choiceStore, rolloutMeter, clock, log, metrics } = deps;
  const dropped = new Counter({
    name: "lyss_gateway_choices_dropped_total",
    help: "Calls whose receipts do not say how they were routed, because too many ended in a second.",
    registers: [metrics],
  });
  let waiting = new Map<string, ChoiceRecord>();
  /** Of which nothing is in the database yet. */
  let writing = nothing;

  function keep(record: ChoiceRecord): void {
    if (retentionHours === 0) return;
    if (waiting.size >= maxWaiting) dropped.inc();
    else waiting.set(record.callId, record);
  }

  async function flush(): Promise<void> {
    if (waiting.size === 0) return;
    const records = waiting;
    writing = records;
    waiting = new Map();
    try {
      const nowMs = clock.nowMs();
      await choiceStore.add([...records.values()], new Date(nowMs + retentionHours * hourMs));
      const origins = originsOf([...records.values()]);
      if (originRetentionDays > 0 && origins.length > 0)
        await choiceStore.addOrigins(origins, new Date(nowMs + originRetentionDays * dayMs));
    } catch (err) {
      dropped.inc(records.size);
      log.warn({ err, calls: records.size }, "how calls were routed cannot be written; their receipts will not say it");
    } finally {
      writing = nothing;
    }
  }

  return {
    begin(tenantId, ordered) {
      const { targets, routed } = ordered.offer;
      const isKept = retentionHours > 0 && (targets.length > 1 || routed !== undefined);
      if (!isKept && !ordered.offer.rollout) return undefined;
      const all = routed?.targets ?? targets.map((target) => ({ target, rule: plainRule }));
      const begunMs = clock.monotonicMs();
      return { ...ordered, reports: reportTargets(deps, tenantId, all), begunMs, left: new Map() };
    },
    end(named, choice, tried, noted) {
      const last = tried.at(-1);
      if (choice?.offer.rollout && last) {
        const tookMs = clock.monotonicMs() - choice.begunMs;
        rolloutMeter.note(choice.offer.rollout, !choice.left.has(last), tookMs);
      }
      const routing = choice && tried.length > 0 ? { routing: toChoiceBody(endChoice(choice, tried)) } : undefined;
      const more = noted && worthKeeping(noted);
      if (routing || more) keep({ ...named, ...routing, ...more });
    },
    noteCached: (named, savedNanos, noted = {}) =>
      keep({ ...named, cacheSavedNanos: savedNanos.toString(), ...worthKeeping(noted) }),
    async find(tenantId, callId) {
      const known = waiting.get(callId) ?? writing.get(callId);
      return known?.tenantId === tenantId ? known : choiceStore.find(tenantId, callId);
    },
    async findOrigin(tenantId, callId) {
      const known = waiting.get(callId) ?? writing.get(callId);
      const noted = known?.tenantId === tenantId ? known : await choiceStore.find(tenantId, callId);
      return noted ? originOf(noted) : choiceStore.findOrigin(tenantId, callId);
    },
    flush,
    jobs: [
      { name: "keep-choices", everyMs, run: flush },
      {
        name: "forget-choices",
        everyMs: deleteEveryMs,
        async run() {
          await choiceStore.deleteExpired(new Date(clock.nowMs()), deletedAtOnce);
          await choiceStore.deleteExpiredOrigins(new Date(clock.nowMs()), deletedAtOnce);
        },
      },
    ],
  };
}

function originsOf(records: readonly ChoiceRecord[]) {
  return records.flatMap((record) => {
    const { tenantId, callId } = record;
    const origin = originOf(record);
    return origin ? [{ tenantId, callId, ...origin }] : [];
  });
}

/** Undefined where there is nothing. */
function worthKeeping({ findings = [], ...others }: NotedCall): NotedCall | undefined {
  const noted = Object.entries(others).filter(([, value]) => value !== undefined);
  if (noted.length === 0 && findings.length === 0) return undefined;
  return { ...Object.fromEntries(noted), ...(findings.length > 0 && { findings }) };
}
