import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import type { Client } from "@connectrpc/connect";
import { ofMoney } from "@lyss/contracts/budgets/amounts.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import type { Spool, SpoolEntry } from "@lyss/kit/spool/spool.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { pino } from "pino";
import { toLeasePath } from "./budget-paths.ts";
import { type Draw, notePosted, settleDraw } from "./lease-book.ts";
import { createLeaseKeeper } from "./lease-keeper.ts";
import { parseRecord } from "./spool-record.ts";

export const ttlMs = 30_000;
export const validMs = ttlMs - 2_000;

/** What billing was asked, without the names that are the same in every request. */
type Asked = Readonly<Record<string, unknown>>;

/** A keeper beside a billing that answers as it is told, a grant with what is wanted unless told otherwise. */
export function start() {
  const clock = createFakeClock();
  const asked: Asked[] = [];
  const answers: (bigint | Error | Promise<bigint>)[] = [];
  const gone = new Set<string>();
  /** What comes with the money of each grant. */
  const shares: { budgetIds: string[]; grantedTokens?: bigint; grantedCalls?: bigint; endsInMs?: bigint } = {
    budgetIds: [],
  };
  async function answer(usual: bigint): Promise<bigint> {
    const next = answers.shift();
    await setImmediate();
    if (next instanceof Error) throw next;
    return next === undefined ? usual : await next;
  }
  const billing: Pick<Client<typeof BillingService>, "grantLease" | "returnLease" | "extendLeases"> = {
    async grantLease({ leaseId, nodeId, ...grant }) {
      assert.equal(nodeId, "node_1");
      asked.push({ ...withoutNone(grant), lease: places.get(leaseId) });
      return { ...shares, grantedNanos: await answer(grant.wantNanos ?? 0n), ttlMs: BigInt(ttlMs) } as never;
    },
    async returnLease({ leaseId, nodeId, ...back }) {
      assert.equal(nodeId, "node_1");
      asked.push({ ...withoutNone(back), lease: places.get(leaseId) });
      await answer(0n);
      return {} as never;
    },
    async extendLeases({ nodeId, leaseIds = [] }) {
      assert.equal(nodeId, "node_1");
      asked.push({ extended: leaseIds.length });
      clock.advance(10);
      return { openLeaseIds: leaseIds.filter((id) => !gone.has(id)), ttlMs: BigInt(ttlMs) } as never;
    },
  };
  /** Every lease there ever was, in order, and where each stands among them. */
  const leaseIds: string[] = [];
  const places = new Map<string | undefined, number>();
  const kept = new Set<SpoolEntry>();
  /** What the next looks at the disk come to. */
  const writes: Promise<void>[] = [];
  const spool: Pick<Spool, "append" | "drop" | "written"> = {
    written: () => writes.shift() ?? Promise.resolve(),
    append(record) {
      const parsed = parseRecord(record);
      assert.ok(parsed.kind === "lease");
      assert.deepEqual([parsed.closing.nodeId, parsed.closing.leaseIds.length], ["node_1", 1]);
      places.set(parsed.closing.leaseIds[0], leaseIds.push(...parsed.closing.leaseIds) - 1);
      const entry = { record };
      kept.add(entry);
      return entry;
    },
    drop: (entry) => assert.ok(kept.delete(entry), "nothing is dropped twice"),
  };
  const warned: string[] = [];
  const write = (line: string) => {
    const { level, tenant_id: tenantId, err, msg } = JSON.parse(line);
    warned.push(`${level} ${tenantId} ${msg}: ${err.message}`);
  };
  const log = pino({ formatters: { level: (level) => ({ level }) } }, { write });
  const deps = { billing: billing as Client<typeof BillingService>, spool: spool as Spool, nodeId: "node_1" };
  const keeper = createLeaseKeeper({ ...deps, clock, random: createRandom(clock), log });
  return {
    ...{ keeper, clock, asked, answers, writes, kept, leaseIds, shares },
    /** Of which the next extensions find that they are no more. */
    gone,
    takeAsked: () => asked.splice(0),
    takeWarned: () => warned.splice(0),
    async draw(amountNanos: bigint, tenantId = "t"): Promise<Draw> {
      const drawn = await keeper.draw(pathOf(tenantId), ofMoney(amountNanos));
      assert.ok(drawn);
      return drawn;
    },
  };
}

export const pathOf = (tenantId: string, keyId = "") => toLeasePath({ tenantId, userId: "", keyId });
export const [t, u, other] = [pathOf("t"), pathOf("u"), pathOf("other")];
/** Without the fields that say nothing. */
const withoutNone = (request: object): Asked =>
  Object.fromEntries(Object.entries(request).filter(([, value]) => value !== 0n && value !== ""));
export const freed = () => new Failure(billingFailures.lease_not_found);
export const away = () => new Error("billing is away");
export const grantOf = (wantNanos: bigint, leastNanos: bigint | undefined, more: Asked = {}): Asked => ({
  ...{ tenantId: "t", changeNumber: 1, lease: 0, wantNanos, ...(leastNanos !== undefined && { leastNanos }), ...more },
});
export const returnOf = (amountNanos: bigint, more: Asked = {}): Asked => ({
  ...{ tenantId: "t", changeNumber: 2, lease: 0, amountNanos, ...more },
});
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await setImmediate();
}
/** Ends a call at a cost that billing has charged. */
export function finish(drawn: Draw, costNanos: bigint): void {
  settleDraw(drawn, ofMoney(costNanos));
  notePosted(drawn);
}
