import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import {
  type BillingService,
  CloseLeasesRequestSchema,
  UsageFactSchema,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { toBytes } from "@lyss/kit/spool/record-format.ts";
import type { Spool, SpoolEntry } from "@lyss/kit/spool/spool.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { pino } from "pino";
import type { FactJournal } from "./fact-journal.ts";
import { createRecovery } from "./recovery.ts";
import { begunFormat, endedFormat, toRecord } from "./spool-record.ts";

const leaseOf = (nodeId: string): SpoolEntry => ({
  record: toRecord(create(CloseLeasesRequestSchema, { nodeId, leaseIds: [`lse_${nodeId}`] })),
});
const factOf = (kind: "begun" | "ended", callId: string): SpoolEntry => {
  const fact = create(UsageFactSchema, { callId });
  const begun = toBytes(begunFormat, fact);
  return { record: kind === "begun" ? begun : toBytes(endedFormat, { begun, fact }) };
};

/** A recovery whose attempts are charged when `charge` is called, beside a billing that is away for as often as it is told. */
function start() {
  const recovered: string[][] = [];
  const { promise: isCharged, resolve: charge } = Promise.withResolvers<void>();
  const journal: Pick<FactJournal, "recover"> = {
    recover(records) {
      recovered.push(records.map(({ kind, fact, entry }) => `${fact.callId} ${kind} ${entry.record.length > 0}`));
      return isCharged;
    },
  };
  const closed: string[] = [];
  let timesAway = 0;
  const billing: Pick<Client<typeof BillingService>, "closeLeases"> = {
    async closeLeases({ nodeId = "", leaseIds = [] }) {
      if (timesAway-- > 0) throw new Error("billing is away");
      closed.push(`${nodeId}: ${leaseIds.join()}`);
      return { freedNanos: nodeId === "poor" ? 0n : 5n } as never;
    },
  };
  const dropped: SpoolEntry[] = [];
  const spool: Pick<Spool, "drop"> = { drop: (entry) => void dropped.push(entry) };
  const logged: unknown[] = [];
  const write = (line: string) => {
    const { level, time, pid, hostname, err, ...rest } = JSON.parse(line);
    logged.push({ ...rest, ...(err && { why: err.message }) });
  };
  const parts = { spool: spool as Spool, billing: billing as Client<typeof BillingService> };
  const clock = createFakeClock();
  const recovery = createRecovery({ ...parts, journal: journal as FactJournal, clock, log: pino({}, { write }) });
  return {
    ...{ recovery, clock, recovered, closed, dropped, logged, charge },
    goAway: (times: number) => {
      timesAway = times;
    },
  };
}

test("what dead processes left is charged first; only then are their leases closed, and each is told when it held money", async () => {
  const { recovery, clock, recovered, closed, dropped, logged, charge } = start();
  clock.advance(1_000);
  const leases = [leaseOf("rich"), leaseOf("poor")];
  recovery.takeUp([factOf("begun", "c1"), ...leases, factOf("ended", "c1")]);
  await setImmediate();
  assert.deepEqual([recovered, closed], [[["c1 begun true", "c1 ended true"]], []]);
  await recovery.closeLeases();
  assert.deepEqual(closed, [], "not while attempts may draw from them");
  charge();
  await setImmediate();
  assert.deepEqual(closed, ["rich: lse_rich", "poor: lse_poor"]);
  assert.deepEqual(logged, [{ node: "rich", leases: ["lse_rich"], nanos: "5", msg: "leases are closed" }]);
  assert.deepEqual(dropped, [], "what was asked for before the end may be granted after it");
  clock.advance(9_999);
  await recovery.closeLeases();
  assert.deepEqual([closed.length, dropped.length], [4, 0]);
  clock.advance(1);
  await recovery.closeLeases();
  assert.deepEqual([closed.length, dropped], [6, leases]);
  await recovery.closeLeases();
  assert.equal(closed.length, 6, "no more after that");
});

test("leases that cannot be closed while billing is away are closed later, and stay on disk until then", async () => {
  const { recovery, clock, closed, dropped, logged, charge, goAway } = start();
  goAway(2);
  charge();
  recovery.takeUp([leaseOf("a")]);
  await setImmediate();
  assert.deepEqual(
    [closed, dropped, logged],
    [[], [], [{ msg: "leases of a dead process cannot be closed yet", why: "billing is away" }]],
  );
  await assert.rejects(recovery.closeLeases(), /away/);
  await recovery.closeLeases();
  assert.deepEqual([closed, dropped.length], [["a: lse_a"], 0]);
  clock.advance(10_000);
  await recovery.closeLeases();
  assert.deepEqual([closed.length, dropped.length], [2, 1]);
});

test("a record that this version does not know stays on disk, is told, and holds up no other", async () => {
  const { recovery, recovered, closed, dropped, logged, charge } = start();
  charge();
  recovery.takeUp([{ record: Uint8Array.of(1, 2, 3) }, factOf("ended", "c1"), leaseOf("poor")]);
  await setImmediate();
  assert.deepEqual([recovered, closed, dropped.length], [[["c1 ended true"]], ["poor: lse_poor"], 0]);
  assert.deepEqual(logged, [
    { msg: "a spool record cannot be read; it stays on disk", why: "a spool record of kind 1 is not known" },
  ]);
});
