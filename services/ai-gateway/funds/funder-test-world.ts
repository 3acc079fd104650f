import assert from "node:assert/strict";
import type { Client } from "@connectrpc/connect";
import type { Amounts } from "@lyss/contracts/budgets/amounts.ts";
import {
  type BillingService,
  CallOutcome,
  ServiceMode,
  type UsageFact,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { pino } from "pino";
import { type LeasePath, toLeasePath } from "./budget-paths.ts";
import type { Attempt, FactJournal } from "./fact-journal.ts";
import { createFunder } from "./funder.ts";
import type { CallToFund, Spent } from "./funds.ts";
import { addGranted, createLease, draw } from "./lease-book.ts";
import type { LeaseKeeper } from "./lease-keeper.ts";
import type { KnownPrice, PriceCache } from "./price-cache.ts";

export const startMs = Date.UTC(2026, 2, 10);
/** One nano per input token, two per output token; flex is twice as dear. */
export const price: KnownPrice = {
  priceId: "prc_1",
  terms: {
    rates: { input: 1_000_000n, output: 2_000_000n },
    modes: { flex: { input: 2_000_000n, output: 4_000_000n } },
  },
};
export const call: CallToFund = {
  ...{ callId: "call_1", requestId: "req_1", tenantId: "ten_1", keyId: "key_1", userId: "usr_1" },
  ...{ provider: "p", model: "m", inputTokens: 10n, maxOutputTokens: 45n, minOutputTokens: 5n, choices: 1 },
};
export const spentOf = (more: Partial<Spent> = {}): Spent => ({
  ...{ outcome: CallOutcome.COMPLETED, tokens: { inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 15n } },
  ...{ isEstimated: false, latencyMs: 12, ...more },
});

interface World {
  readonly leasedNanos?: bigint;
  readonly price?: KnownPrice | undefined;
  /** What billing grants of a hold, and then of each raise. */
  readonly granted?: readonly bigint[];
  /** True when nothing is known at once. */
  readonly isSlow?: boolean;
}

/** A funder whose lease has so much, beside a billing that grants what it is told to. */
export function start(world: World = {}) {
  const { leasedNanos = 0n, granted = [], isSlow = false } = world;
  const known = "price" in world ? world.price : price;
  const clock = createFakeClock(startMs);
  const path = toLeasePath({ tenantId: "ten_1", userId: "", keyId: "key_1" });
  const lease = createLease("lse_1", path);
  lease.validUntilMs = 1_000;
  addGranted(lease, { grantedNanos: leasedNanos });
  const asked: unknown[] = [];
  const logged: unknown[] = [];
  const ended: { readonly fact: UsageFact; readonly onPosted: () => void }[] = [];
  const grants = [...granted];
  const state = { isDiskFull: false, isAway: false, isBehind: false, isCatchingUp: false };
  const billing = {
    async reserveCall(request: object, options: object) {
      asked.push(["reserve", request, options]);
      return { priceId: "prc_2", outputTokens: grants.shift() };
    },
    async raiseHold(request: object) {
      asked.push(["raise", request]);
      return { outputTokens: grants.shift() };
    },
    async settleCall(request: object) {
      asked.push(["settle", request]);
      if (state.isAway) throw new Error("away");
    },
  } as unknown as Client<typeof BillingService>;
  const answer = <T>(value: T): T | Promise<T> => (isSlow ? Promise.resolve(value) : value);
  const journal: Pick<FactJournal, "begin" | "end" | "isFull" | "untilRoom"> = {
    async untilRoom() {
      state.isBehind &&= !state.isCatchingUp;
      return !state.isBehind;
    },
    get isFull() {
      return state.isBehind;
    },
    begin(fact) {
      asked.push(["begin", fact.leaseId, fact.priceId]);
      const written = state.isDiskFull ? Promise.reject(new Error("the disk is full")) : Promise.resolve();
      return { fact, entry: {} as Attempt["entry"], written };
    },
    async end({ fact }, onPosted) {
      ended.push({ fact, onPosted });
    },
  };
  const {
    fund,
    draw: drawForCall,
    heldCallIds,
  } = createFunder({
    ...{ billing, clock, journal: journal as FactJournal },
    prices: {
      priceOf: ({ provider, tenantId, model }: CallToFund, atMs: number) => {
        asked.push(["price", { provider, tenantId, model }, atMs]);
        return answer(known);
      },
    } as unknown as PriceCache,
    budgets: { leasePathOf: () => answer(path) } as never,
    leases: {
      draw: (of: LeasePath, need: Amounts) => {
        assert.equal(of, path);
        asked.push(["draw", need.money, need.tokens, need.calls]);
        return answer(draw(lease, need, clock.monotonicMs()));
      },
    } as unknown as LeaseKeeper,
    log: pino(
      {},
      {
        write(line: string) {
          const { msg, call_id, err } = JSON.parse(line);
          logged.push([msg, call_id, err.message]);
        },
      },
    ),
  });
  return { fund, drawForCall, heldCallIds, lease, ended, logged, state, takeAsked: () => asked.splice(0) };
}

export const wanted = { provider: "p", tenantId: "ten_1", model: "m" };
export const reserved = { ...call, serviceMode: ServiceMode.UNSPECIFIED };
export const names = (asked: readonly unknown[]) => asked.map((one) => (one as unknown[])[0]);
