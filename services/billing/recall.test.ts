import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { pino } from "pino";
import type { LeaseStore } from "./lease-store.ts";
import { createRecall } from "./recall.ts";

/** A recall where `holders` have money in leases; the leases are looked up when `goOn` is called. */
function start(...holders: readonly string[]) {
  const said: unknown[] = [];
  const logged: unknown[] = [];
  const asked: string[] = [];
  let going: Promise<void> | undefined;
  const recall = createRecall({
    db: { transaction: (work: (tx: unknown) => unknown) => work("tx") } as unknown as Database,
    leases: {
      async hasLeasedMoney(tenantId: string) {
        asked.push(tenantId);
        await going;
        if (tenantId === "ten_broken") throw new Error("away");
        return holders.includes(tenantId);
      },
      async hasLeasedShare(budgetId: string) {
        asked.push(budgetId);
        return holders.includes(budgetId);
      },
    } as unknown as LeaseStore,
    outbox: {
      append: async (tx: unknown, { type }: { type: string }, data: unknown) => void said.push([tx, type, data]),
    } as unknown as Outbox,
    log: pino(
      {},
      {
        write(line: string) {
          const { level, msg, tenant_id, err } = JSON.parse(line);
          logged.push([level, msg, tenant_id, err.message]);
        },
      },
    ),
  });
  return {
    ...{ recall, said, logged, asked },
    holdUp(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      going = promise;
      return resolve;
    },
  };
}

test("nodes are asked to give back a tenant's money where they hold some, and nobody is told where they do not", async () => {
  const { recall, said } = start("ten_1");
  recall("ten_1");
  recall("ten_2");
  await setImmediate();
  assert.deepEqual(said, [["tx", "billing.money.recalled", { tenantId: "ten_1", budgetId: "" }]]);
});

test("of a budget, too, and apart from the tenant's money", async () => {
  const { recall, said, asked, holdUp } = start("bud_1");
  holdUp();
  recall("ten_1");
  recall("ten_1", "bud_1");
  recall("ten_1", "bud_2");
  await setImmediate();
  assert.deepEqual(asked, ["ten_1", "bud_1", "bud_2"]);
  assert.deepEqual(said, [["tx", "billing.money.recalled", { tenantId: "ten_1", budgetId: "bud_1" }]]);
});

test("one recall of a tenant is under way at a time, and the next one may follow", async () => {
  const { recall, asked, holdUp } = start("ten_1");
  const goOn = holdUp();
  for (const tenantId of ["ten_1", "ten_1", "ten_2", "ten_1"]) recall(tenantId);
  await setImmediate();
  assert.deepEqual(asked, ["ten_1", "ten_2"]);
  goOn();
  await setImmediate();
  recall("ten_1");
  assert.deepEqual(asked, ["ten_1", "ten_2", "ten_1"]);
});

test("a recall that fails is told, and the next one is made all the same", async () => {
  const { recall, asked, logged } = start();
  for (let time = 0; time < 2; time++) {
    recall("ten_broken");
    await setImmediate();
  }
  assert.equal(asked.length, 2);
  assert.deepEqual(logged[0], [40, "leased money could not be recalled", "ten_broken", "away"]);
});
