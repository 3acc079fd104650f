import assert from "node:assert/strict";
import { test } from "node:test";
import { changeMoney, moneyGrant, moneyReturn } from "@lyss/services/billing/lease-test-changes.ts";
import type { LedgerOptions } from "@lyss/services/billing/ledger.ts";
import type { RaiseRequest } from "@lyss/services/billing/raise-hold.ts";
import { budgetOf, callOf, endOf } from "./memory-batch.ts";
import { quiet, startLedger } from "./memory-ledger.ts";

const insufficient = "billing.insufficient_balance";
const lease = { leaseId: "lse_1", nodeId: "node_1", tenantId: "ten_1" };
const grantOf = (changeNumber: number, wantNanos = 10n, names = lease) =>
  moneyGrant(names, { changeNumber, wantNanos });
const returnOf = (changeNumber: number, amountNanos: bigint) => moneyReturn(lease, { changeNumber, amountNanos });
const raiseOf = (callId: string): RaiseRequest => ({
  ...{ callId, tenantId: "ten_1", inputTokens: 10n, maxOutputTokens: 55n, minOutputTokens: 46n, choices: 1n },
});
/** A call that uses nothing. */
const freeOf = (callId: string) => endOf(callId, { inputTokens: 0n, outputTokens: 0n });

test("calls of one turn share a transaction, and what comes while it is under way shares the next one", async () => {
  const { ledger, ask, holdUp, takeBatches, takeEnded, takeTransactions } = await startLedger(10_000n);
  const goOn = holdUp();
  ask(callOf("c1"), callOf("c2"));
  await quiet();
  ask(callOf("c3"));
  await quiet();
  ask(callOf("c4"));
  assert.deepEqual(takeEnded(), []);
  goOn();
  await quiet();
  assert.deepEqual([takeBatches(), takeTransactions()], [["c1 c2", "c3 c4"], 2]);
  assert.deepEqual(takeEnded(), ["c1 ok", "c2 ok", "c3 ok", "c4 ok"]);
  assert.equal((await ledger.reserve(callOf("c5"))).amountNanos, 100n);
  assert.deepEqual(takeBatches(), ["c5"], "and it goes on");
});

test("each kind of request is done by itself, too, and is told what came of it", async () => {
  const { ledger, moneyOf } = await startLedger(1_000n);
  const held = await ledger.reserve(callOf("c1"));
  assert.deepEqual([held.callId, held.amountNanos, held.outputTokens], ["c1", 100n, 45n]);
  await quiet();
  const raised = await ledger.raise(raiseOf("c1"));
  assert.deepEqual([raised.amountNanos, raised.outputTokens], [120n, 55n]);
  await quiet();
  assert.equal(await changeMoney(ledger, grantOf(1)), 10n);
  await quiet();
  assert.deepEqual(moneyOf(), [1_000n, 130n]);
  assert.equal(await changeMoney(ledger, returnOf(2, 4n)), -4n);
  await quiet();
  assert.equal((await ledger.settle(endOf("c1"))).costNanos, 40n);
  assert.deepEqual(moneyOf(), [960n, 6n]);
});

test("what cannot be done is refused by its name, and its neighbours are not", async () => {
  const { ledger, ask, note, takeEnded, takeTransactions } = await startLedger(1_000n);
  ask(callOf("c1"), callOf("c2", { model: "x" }), callOf("c3"));
  note("settle", ledger.settle(endOf("c9")));
  note("raise", ledger.raise(raiseOf("c9")));
  note("lease", ledger.changeLease(returnOf(7, 1n)));
  await quiet();
  assert.deepEqual(takeEnded().toSorted(), [
    ...["c1 ok", "c2 billing.price_missing", "c3 ok"],
    ...["lease billing.lease_not_found", "raise billing.hold_not_found", "settle billing.hold_not_found"],
  ]);
  assert.equal(takeTransactions(), 1);
});

test("a batch is no larger than it may be; what ends, is raised or leased goes before new calls, of which one always gets in", async () => {
  const { ledger, ask, takeBatches } = await startLedger(10_000n, { maxBatchSize: 4 });
  ask(...["a1", "a2", "a3", "a4", "a5"].map((callId) => callOf(callId)));
  await quiet();
  assert.deepEqual(takeBatches(), ["a1 a2 a3 a4", "a5"]);
  ask(...["b1", "b2", "b3"].map((callId) => callOf(callId)));
  const done = [ledger.settle(endOf("a1")), ledger.raise(raiseOf("a2")), ledger.changeLease(grantOf(1))];
  await Promise.all(done);
  await quiet();
  assert.deepEqual(takeBatches(), ["a1 a2 b1", "b2 b3"]);
  ask(callOf("d1"), callOf("d2"));
  const ends = ["a2", "a3", "a4", "a5", "b1"].map((callId) => ledger.settle(endOf(callId)));
  const raises = ["b2", "b3", "c8", "c9", "c10"].map((callId) => ledger.raise(raiseOf(callId)));
  await Promise.allSettled([...ends, ...raises, ledger.changeLease(grantOf(2))]);
  await quiet();
  assert.deepEqual(takeBatches(), ["a2 a3 a4 a5 b2 b3 c8 c9 d1", "b1 c10 d2"]);
});

test("a call whose money is held waits, and has it as soon as another one ends", async () => {
  const { ledger, ask, clock, takeEnded, takeTransactions } = await startLedger(150n);
  ask(callOf("c1"), callOf("c2"));
  await quiet();
  assert.deepEqual([takeEnded(), takeTransactions(), clock.countTimers()], [["c1 ok"], 1, 1]);
  await ledger.settle(freeOf("c1"));
  await quiet();
  assert.deepEqual([takeEnded(), takeTransactions()], [["c2 ok"], 2]);
});

test("a call that waits looks again every fifth of a second, and is refused when its time is over, not before", async () => {
  const { ask, clock, takeBatches, takeEnded } = await startLedger(150n);
  ask(callOf("c1"), callOf("c2"));
  await quiet();
  clock.advance(1);
  ask(callOf("c3"));
  await quiet();
  assert.deepEqual([takeBatches(), clock.countTimers()], [["c1 c2", "c3"], 1]);
  for (const atMs of [199, 398]) {
    clock.advance(atMs === 199 ? 198 : 199);
    await quiet();
    assert.deepEqual(takeBatches(), [], `not before ${atMs + 1} ms`);
    clock.advance(1);
    await quiet();
    assert.deepEqual(takeBatches(), ["c2 c3"]);
  }
  takeEnded();
  clock.advance(200);
  await quiet();
  assert.deepEqual(takeEnded(), [`c2 ${insufficient}`], "its 600 ms are over; the other's are in a millisecond");
  clock.advance(200);
  await quiet();
  assert.deepEqual([takeEnded(), clock.countTimers()], [[`c3 ${insufficient}`], 0]);
});

test("those who waited have what came back before those who have just come", async () => {
  const { ledger, ask, takeEnded } = await startLedger(150n);
  ask(callOf("c1"), callOf("c2"));
  await quiet();
  takeEnded();
  const settling = ledger.settle(freeOf("c1"));
  await settling;
  ask(callOf("c3"));
  await quiet();
  assert.deepEqual(takeEnded(), ["c2 ok"]);
});

test("that money is short is said when the first call of a tenant begins to wait, and again after it was woken", async () => {
  const short: string[] = [];
  const { ledger, ask } = await startLedger(150n, { onShort: (tenantId) => void short.push(tenantId) });
  ask(callOf("c1"), callOf("c2"), callOf("c3"));
  await quiet();
  assert.deepEqual(short, ["ten_1"]);
  ask(callOf("c4"));
  await quiet();
  assert.deepEqual(short, ["ten_1"]);
  ledger.wake("ten_2");
  await quiet();
  assert.deepEqual(short, ["ten_1"]);
  ledger.wake("ten_1");
  await quiet();
  assert.deepEqual(short, ["ten_1", "ten_1"]);
});

test("of one tenant no more than a thousand calls wait; who comes then is refused at once", async () => {
  const { ledger, ask, takeEnded } = await startLedger(100n, { maxBatchSize: 2_000 });
  await ledger.reserve(callOf("c0"));
  ask(...Array.from({ length: 1_000 }, (_, i) => callOf(`c${i + 1}`)));
  await quiet();
  assert.deepEqual(takeEnded(), []);
  ask(callOf("late"));
  await quiet();
  assert.deepEqual(takeEnded(), [`late ${insufficient}`]);
});

test("while calls wait for a tenant's money none of it goes into a lease, and what a lease gives back they have", async () => {
  const { ledger, ask, tables, takeBatches, takeEnded } = await startLedger(1_000n);
  assert.equal(await changeMoney(ledger, grantOf(1, 120n)), 120n);
  await ledger.reserve(callOf("c1", { inputTokens: 700n }));
  ask(callOf("c2"));
  await quiet();
  takeBatches();
  assert.deepEqual(takeEnded(), []);
  assert.equal(await changeMoney(ledger, grantOf(2, 5n)), 0n);
  assert.equal(tables.rows.leases()[0]?.changeNumber, 2, "so a repeat will be told, too");
  assert.equal(await changeMoney(ledger, grantOf(1, 5n, { ...lease, leaseId: "lse_2", tenantId: "ten_2" })), 5n);
  await quiet();
  assert.deepEqual(takeBatches(), ["", ""], "a grant frees nothing: nobody looks again");
  await ledger.changeLease(returnOf(3, 120n));
  await quiet();
  assert.deepEqual([takeBatches(), takeEnded()], [["", "c2"], ["c2 ok"]]);
});

/** A budget that calls in flight have taken, `c0` among them. */
function takenBudget() {
  const window = { startsAt: new Date(0), endsAt: null };
  const hold = { holderId: "c0", budgetId: "bud_1", windowStartsAt: window.startsAt, amount: 100n };
  return { budgets: [budgetOf({ limit: 150n, reserved: 100n })], holds: [hold] };
}

test("of a budget no more than two hundred calls wait, apart from the tenant's others, and it is said once that the budget is short, not the money", async () => {
  const short: unknown[] = [];
  const onShort: LedgerOptions["onShort"] = (tenantId, budgetId) => void short.push([tenantId, budgetId]);
  const { ask, entries, takeEnded, clock } = await startLedger(100_000n, { maxBatchSize: 2_000, onShort });
  Object.assign(entries, takenBudget());
  ask(...Array.from({ length: 200 }, (_, i) => callOf(`c${i + 1}`)));
  await quiet();
  ask(
    callOf("late"),
    callOf("poor", { userId: "usr_2", inputTokens: 1_000_000n }),
    callOf("free", { userId: "usr_2" }),
  );
  await quiet();
  assert.deepEqual(takeEnded().toSorted(), ["free ok", "late billing.budget_exceeded", `poor ${insufficient}`]);
  assert.deepEqual([short, clock.countTimers()], [[["ten_1", "bud_1"]], 1]);
});

test("when a call ends that held something of a budget, sixteen of those that wait for it look again, behind who has just come", async () => {
  const { ledger, ask, entries, takeBatches, takeEnded } = await startLedger(100_000n);
  await ledger.reserve(callOf("c0"));
  Object.assign(entries, takenBudget());
  ask(...Array.from({ length: 18 }, (_, i) => callOf(`w${i + 1}`)));
  await quiet();
  takeBatches();
  entries.budgets = [budgetOf({ limit: 100_000n, reserved: 100n })];
  await ledger.settle(freeOf("c0"));
  ask(callOf("new", { userId: "usr_2" }));
  await quiet();
  const woken = Array.from({ length: 16 }, (_, i) => `w${i + 1}`);
  const [, second = ""] = takeBatches();
  assert.deepEqual(new Set(second.split(" ")), new Set([...woken, "new"]));
  assert.equal(takeEnded().length, 17);
  ledger.wake("ten_1");
  await quiet();
  assert.deepEqual(takeBatches(), ["w17 w18"], "the others wait as before");
});

test("what a call gives back of a budget for which nobody waits keeps nobody of another one waiting", async () => {
  const { ledger, ask, entries, takeEnded } = await startLedger(100_000n);
  await ledger.reserve(callOf("c0"));
  const taken = takenBudget();
  const wide = budgetOf({ budgetId: "bud_0", limit: 100_000n, reserved: 100n });
  const [hold] = taken.holds;
  assert.ok(hold);
  Object.assign(entries, { budgets: [wide, ...taken.budgets], holds: [{ ...hold, budgetId: "bud_0" }, hold] });
  ask(callOf("w1"));
  await quiet();
  assert.deepEqual(takeEnded(), []);
  entries.budgets = [wide, budgetOf({ limit: 100_000n, reserved: 100n })];
  await ledger.settle(freeOf("c0"));
  await quiet();
  assert.deepEqual(takeEnded(), ["w1 ok"]);
});

test("a wake looks at all that wait of the tenant, for money or a budget, and at nobody else's", async () => {
  const { ledger, ask, entries, takeBatches } = await startLedger(170n);
  entries.budgets = ["ten_1", "ten_2"].map((tenantId) =>
    budgetOf({ tenantId, budgetId: `bud ${tenantId}`, limit: 150n, reserved: 100n }),
  );
  const others = Array.from({ length: 20 }, (_, i) => callOf(`b${i}`));
  ask(callOf("m1", { userId: "usr_2" }), callOf("m2", { userId: "usr_2" }), ...others);
  ask(callOf("x1", { tenantId: "ten_2" }));
  await quiet();
  takeBatches();
  ledger.wake("ten_1");
  await quiet();
  assert.deepEqual(takeBatches(), [`m2 ${others.map(({ callId }) => callId).join(" ")}`]);
  ledger.wake("ten_3");
  await quiet();
  assert.deepEqual(takeBatches(), []);
});

test("every fifth of a second all that wait for a budget look again", async () => {
  const { ask, entries, clock, takeBatches } = await startLedger(100_000n);
  Object.assign(entries, takenBudget());
  const calls = Array.from({ length: 20 }, (_, i) => callOf(`w${i}`));
  ask(...calls);
  await quiet();
  clock.advance(200);
  await quiet();
  assert.deepEqual(takeBatches().slice(1), [calls.map(({ callId }) => callId).join(" ")]);
});

test("a row that the database refuses fails alone: its neighbours are tried one by one", async () => {
  for (const code of ["22003", "23514"]) {
    const world = await startLedger(10_000n);
    const { ledger, ask, faults, note, takeBatches, takeEnded, takeTransactions } = world;
    await ledger.reserve(callOf("c0"));
    await ledger.reserve(callOf("r0"));
    await ledger.reserve(callOf("r1"));
    takeTransactions();
    takeBatches();
    const bad = Object.assign(new Error("bad row"), { code });
    faults.push(bad, undefined, bad);
    note("end", ledger.settle(endOf("c0")));
    note("raise", ledger.raise(raiseOf("r0")));
    note("other raise", ledger.raise(raiseOf("r1")));
    note("lease", ledger.changeLease(grantOf(1)));
    ask(callOf("c1"), callOf("c2"));
    await quiet();
    assert.deepEqual(takeEnded(), ["end ok", "raise Error: bad row", "other raise ok", "lease ok", "c1 ok", "c2 ok"]);
    assert.equal(takeTransactions(), 7);
    assert.deepEqual(takeBatches(), ["c0", "r1", "", "c1", "c2"]);
  }
});

test("a row that is refused by itself, or a database that is away, fails every call of the batch, once", async () => {
  const errors = [
    Object.assign(new Error("away"), { code: "08006" }),
    Object.assign(new Error("away"), { code: "40022" }),
    new Error("away"),
    "away",
    null,
  ];
  for (const err of errors) {
    const { ledger, ask, faults, note, takeEnded, takeTransactions } = await startLedger(10_000n);
    faults.push(err);
    note("end", ledger.settle(endOf("c0")));
    note("raise", ledger.raise(raiseOf("c0")));
    note("lease", ledger.changeLease(grantOf(1)));
    ask(callOf("c1"));
    await quiet();
    assert.deepEqual(
      takeEnded(),
      ["end", "raise", "lease", "c1"].map((name) => `${name} ${err}`),
    );
    assert.equal(takeTransactions(), 1);
    await ledger.reserve(callOf("c2"));
  }
  const { ask, faults, takeEnded, takeTransactions } = await startLedger(10_000n);
  faults.push(Object.assign(new Error("bad row"), { code: "23505" }));
  ask(callOf("c1"));
  await quiet();
  assert.deepEqual([takeEnded(), takeTransactions()], [["c1 Error: bad row"], 1]);
});

test("a call that ends on a day that is not open opens it, and is done", async () => {
  const { ledger, faults, opened, note, takeEnded } = await startLedger(10_000n);
  await ledger.reserve(callOf("c1"));
  await ledger.reserve(callOf("c2"));
  const missing = Object.assign(new Error("no partition"), { code: "23514", table_name: "usage" });
  faults.push(missing);
  note("c1", ledger.settle(endOf("c1", { startedAtMs: BigInt(Date.UTC(2026, 1, 3, 23)) })));
  note("c2", ledger.settle(endOf("c2")));
  await quiet();
  assert.deepEqual(
    [takeEnded(), opened],
    [
      ["c1 ok", "c2 ok"],
      ["usual", "2026-02-03"],
    ],
  );
});

test("calls that wait when it is drained are answered, and nothing is left that would wake them", async () => {
  const { ledger, ask, clock, entries, takeEnded } = await startLedger(170n);
  Object.assign(entries, takenBudget());
  ask(callOf("m1", { userId: "usr_2" }), callOf("m2", { userId: "usr_2" }), callOf("b1"));
  await quiet();
  assert.deepEqual([takeEnded(), clock.countTimers()], [["m1 ok"], 1]);
  await ledger.drain();
  assert.deepEqual(takeEnded().toSorted(), ["b1 billing.budget_exceeded", `m2 ${insufficient}`]);
  assert.equal(clock.countTimers(), 0);
});

test("it is drained when what was under way is done, and what would have waited behind it is answered", async () => {
  const { ledger, ask, clock, entries, takeEnded } = await startLedger(170n);
  await ledger.drain();
  Object.assign(entries, takenBudget());
  const late = await startLedger(170n);
  Object.assign(late.entries, takenBudget());
  const goOn = late.holdUp();
  late.ask(callOf("m1", { userId: "usr_2" }), callOf("m2", { userId: "usr_2" }), callOf("b1"));
  await quiet();
  let isDrained = false;
  const draining = late.ledger.drain().then(() => {
    isDrained = true;
  });
  await quiet();
  assert.equal(isDrained, false);
  goOn();
  await draining;
  const answers = ["b1 billing.budget_exceeded", "m1 ok", `m2 ${insufficient}`];
  assert.deepEqual([late.takeEnded().toSorted(), late.clock.countTimers()], [answers, 0]);
  // A drained one goes on, but makes nobody wait.
  ask(callOf("m1", { userId: "usr_2" }), callOf("m2", { userId: "usr_2" }), callOf("b1"));
  await quiet();
  assert.deepEqual([takeEnded().toSorted(), clock.countTimers()], [answers, 0]);
});
