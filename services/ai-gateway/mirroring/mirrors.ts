import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import type { Logger } from "pino";
import { Counter, type Registry } from "prom-client";
import type { GatewaySettings } from "../config.ts";
import type { ProviderPolicies } from "../provider-policies.ts";
import type { MirroredCall } from "./mirror.ts";
import type { MirrorStore } from "./mirror-store.ts";

/** Why a call that was drawn is not mirrored; `sent` for one that is. */
export type MirrorResult = "sent" | "busy" | "unfit";

/** Calls that are sent a second time for comparison: how many at once, and what came of them. */
export interface Mirrors {
  /** How their providers are called: with breakers and places of their own, so that what fails here is no caller's affair. */
  readonly policies: ProviderPolicies;
  readonly timeoutMs: number;
  /** What gives the place back; undefined where this node, or the tenant on it, has none left. */
  enter(tenantId: string): (() => void) | undefined;
  note(result: MirrorResult): void;
  /** Remembers how a pair ended. Nothing waits for it. */
  keep(call: MirroredCall): void;
  /** Writes down what has ended until now. */
  flush(): Promise<void>;
  readonly jobs: readonly Job[];
}

export interface MirrorsDeps {
  readonly mirrorStore: MirrorStore;
  readonly policies: ProviderPolicies;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Registry;
}

const everyMs = 1_000;
/** Of one node. More cannot end in a second where some hundred run at once, unless the database is away. */
const maxWaiting = 10_000;
const deleteEveryMs = 60_000;
const deletedAtOnce = 20_000;
const dayMs = 86_400_000;

export function createMirrors(settings: GatewaySettings["mirroring"], deps: MirrorsDeps): Mirrors {
  const { mirrorStore, policies, clock, log, metrics } = deps;
  const open = new Map<string, number>();
  let openCount = 0;
  let waiting: MirroredCall[] = [];
  const counter = new Counter({
    name: "lyss_gateway_mirrors_total",
    help: "Calls that were drawn to be mirrored: sent, or dropped because too many were under way or the call is not for the target.",
    labelNames: ["result"],
    registers: [metrics],
  });

  async function flush(): Promise<void> {
    if (waiting.length === 0) return;
    const calls = waiting;
    waiting = [];
    try {
      await mirrorStore.add(calls, new Date(clock.nowMs() + settings.retentionDays * dayMs));
    } catch (err) {
      log.warn({ err, calls: calls.length }, "how mirrored calls ended cannot be written; comparisons go without them");
    }
  }

  return {
    policies,
    timeoutMs: settings.timeoutMs,
    enter(tenantId) {
      const ofTenant = open.get(tenantId) ?? 0;
      if (openCount >= settings.maxConcurrent || ofTenant >= settings.maxTenantConcurrent) return undefined;
      openCount++;
      open.set(tenantId, ofTenant + 1);
      return () => {
        openCount--;
        const left = (open.get(tenantId) ?? 1) - 1;
        if (left > 0) open.set(tenantId, left);
        else open.delete(tenantId);
      };
    },
    note: (result) => counter.inc({ result }),
    keep(call) {
      if (waiting.length < maxWaiting) waiting.push(call);
    },
    flush,
    jobs: [
      { name: "keep-mirrored-calls", everyMs, run: flush },
      {
        name: "forget-mirrored-calls",
        everyMs: deleteEveryMs,
        async run() {
          policies.prune();
          await mirrorStore.deleteExpired(new Date(clock.nowMs()), deletedAtOnce);
        },
      },
    ],
  };
}
