import { toJson } from "@bufbuild/protobuf";
import {
  balanceLow,
  budgetThresholdReached,
  overdraftEntered,
  overdraftRepaid,
  quotaExceeded,
  topUpCompleted,
  usageRecorded,
} from "@lyss/contracts/events/billing.ts";
import type { UsageRecorded } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { BroadcastSubscription, EventType, ReceivedEvent } from "@lyss/kit/events/event.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Logger } from "pino";
import { nameOf } from "../fact.ts";
import type { UsageRow, Wallet } from "../model.ts";
import { minuteMs } from "../usage/usage-log.ts";
import type { LiveStore } from "./live-store.ts";

/** What happens to a tenant's money and is worth a glance, apart from calls. */
export const alertEvents: readonly EventType[] = [
  ...[balanceLow, budgetThresholdReached, quotaExceeded, overdraftEntered, overdraftRepaid, topUpCompleted],
];

export interface LiveAlert {
  readonly type: string;
  readonly time: string;
  readonly data: unknown;
}

/** Who is told. None of these may throw. */
export interface LiveListener {
  /** Calls that were recorded, oldest first; `missed` more were, and are not among them. */
  onCalls(calls: readonly UsageRow[], missed: number): void;
  onBalance(wallet: Wallet): void;
  onAlert(alert: LiveAlert): void;
  /** Nothing more is told. */
  onEnd(): void;
}

export interface LiveFeed {
  readonly subscription: BroadcastSubscription;
  /**
   * Tells a listener what happens in a tenant from now on, until the result is called. Of one person the oldest listener ends when there are
   * more than `maxPerPerson`. Throws `kit.unavailable` while the process has as many as it takes.
   */
  open(tenantId: string, person: string, listener: LiveListener): () => void;
  /** Calls that were recorded after a time, at most a quarter of an hour ago: what somebody missed who comes back. */
  listSince(tenantId: string, recordedAfterMs: number): Promise<readonly UsageRow[]>;
  /** Ends every listener, and takes none any more. */
  close(): void;
}

export interface LiveLimits {
  readonly maxListeners: number;
  readonly maxPerPerson: number;
  /** What happens within so long is told at once. */
  readonly gatherMs: number;
  readonly maxCallsAtOnce: number;
}

export const liveLimits: LiveLimits = { maxListeners: 500, maxPerPerson: 5, gatherMs: 500, maxCallsAtOnce: 100 };
/** Transactions commit in another order than that of their stamps: so far back is looked again. */
const overlapMs = 10_000;
const maxResumeMs = 15 * minuteMs;
const maxKnownCalls = 2_000;

interface Watched {
  readonly listeners: Map<LiveListener, string>;
  /** Attempts that were told, by name; the oldest are forgotten. */
  readonly known: Set<string>;
  recordedAfterMs: number;
  /** Of what has not been told. */
  calls: number;
  firstMinute: number;
  lastMinute: number;
  isWaiting: boolean;
}

/**
 * Follows what is written anyway: the events of settled batches say in which tenant and minutes there is something new, and the rows are
 * read once for all listeners of a tenant. Without listeners an event costs one look-up.
 */
export function createLiveFeed(
  deps: {
    readonly liveStore: LiveStore;
    readonly findWallet: (tenantId: string) => Promise<Wallet | undefined>;
    readonly clock: Clock;
    readonly log: Logger;
  },
  limits: LiveLimits = liveLimits,
): LiveFeed {
  const { liveStore, findWallet, clock, log } = deps;
  const tenants = new Map<string, Watched>();
  let count = 0;
  let isClosed = false;

  function noteUsage(watched: Watched, tenantId: string, { sums }: UsageRecorded): void {
    for (const { minute, calls } of sums) {
      watched.calls += Number(calls);
      watched.firstMinute = Math.min(watched.firstMinute, minute);
      watched.lastMinute = Math.max(watched.lastMinute, minute);
    }
    if (watched.isWaiting) return;
    watched.isWaiting = true;
    clock.setTimer(limits.gatherMs, () => void tell(watched, tenantId));
  }

  async function tell(watched: Watched, tenantId: string): Promise<void> {
    const { calls: expected, firstMinute, lastMinute } = watched;
    Object.assign(watched, nothingNew);
    if (watched.listeners.size === 0) return;
    try {
      const range = { fromMs: firstMinute * minuteMs, toMs: (lastMinute + 1) * minuteMs, limit: limits.maxCallsAtOnce };
      const recordedAfterMs = watched.recordedAfterMs - overlapMs;
      const rows = expected === 0 ? [] : await liveStore.listRecorded({ ...range, tenantId, recordedAfterMs });
      const fresh = rows.filter((row) => !watched.known.has(nameOf(row)));
      for (const row of fresh) note(watched, row);
      const missed = rows.length === limits.maxCallsAtOnce ? Math.max(0, expected - fresh.length) : 0;
      const wallet = await findWallet(tenantId);
      for (const listener of watched.listeners.keys()) {
        if (fresh.length > 0 || missed > 0) listener.onCalls(fresh, missed);
        if (wallet) listener.onBalance(wallet);
      }
    } catch (err) {
      log.warn({ err, tenant_id: tenantId }, "what is new cannot be read; who watches is told later");
      for (const listener of watched.listeners.keys()) listener.onCalls([], expected);
    }
  }

  function note(watched: Watched, row: UsageRow): void {
    watched.known.add(nameOf(row));
    watched.recordedAfterMs = Math.max(watched.recordedAfterMs, row.createdAt.getTime());
    if (watched.known.size <= maxKnownCalls) return;
    for (const oldest of watched.known) {
      watched.known.delete(oldest);
      break;
    }
  }

  function handle({ type, timeMs, data }: ReceivedEvent): void {
    const { tenantId } = data as { tenantId?: string };
    const watched = tenantId === undefined ? undefined : tenants.get(tenantId);
    if (!watched || tenantId === undefined) return;
    if (type === usageRecorded.type) {
      noteUsage(watched, tenantId, data as UsageRecorded);
      return;
    }
    const schema = alertEvents.find((event) => event.type === type)?.schema;
    if (!schema) return;
    const alert = { type, time: new Date(timeMs).toISOString(), data: toJson(schema, data) };
    for (const listener of watched.listeners.keys()) listener.onAlert(alert);
    // Money has moved without a call.
    noteUsage(watched, tenantId, { sums: [] as UsageRecorded["sums"] } as UsageRecorded);
  }

  function end(tenantId: string, watched: Watched, listener: LiveListener): void {
    if (!watched.listeners.delete(listener)) return;
    count--;
    if (watched.listeners.size === 0 && tenants.get(tenantId) === watched) tenants.delete(tenantId);
  }

  return {
    subscription: {
      ...{ mode: "broadcast", name: "live", events: [usageRecorded, ...alertEvents], handle },
      // Nobody is told what was missed while the log could not be heard: lists have it.
      onGap() {},
    },
    open(tenantId, person, listener) {
      if (isClosed || count >= limits.maxListeners) throw new Failure(kitFailures.unavailable, { service: "billing" });
      const watched = tenants.get(tenantId) ?? createWatched(clock.nowMs());
      tenants.set(tenantId, watched);
      const ofPerson = [...watched.listeners].filter(([, who]) => who === person).map(([one]) => one);
      watched.listeners.set(listener, person);
      count++;
      const [oldest] = ofPerson;
      if (oldest && ofPerson.length >= limits.maxPerPerson) {
        end(tenantId, watched, oldest);
        oldest.onEnd();
      }
      return () => end(tenantId, watched, listener);
    },
    listSince(tenantId, recordedAfterMs) {
      const nowMs = clock.nowMs();
      const range = { fromMs: nowMs - maxResumeMs, toMs: nowMs + minuteMs, limit: limits.maxCallsAtOnce };
      return liveStore.listRecorded({ ...range, tenantId, recordedAfterMs });
    },
    close() {
      isClosed = true;
      for (const [tenantId, watched] of tenants) {
        for (const listener of [...watched.listeners.keys()]) {
          end(tenantId, watched, listener);
          listener.onEnd();
        }
      }
    },
  };
}

const nothingNew = {
  ...{ calls: 0, firstMinute: Number.POSITIVE_INFINITY, lastMinute: Number.NEGATIVE_INFINITY, isWaiting: false },
};

function createWatched(nowMs: number): Watched {
  return { listeners: new Map(), known: new Set(), recordedAfterMs: nowMs, ...nothingNew };
}
