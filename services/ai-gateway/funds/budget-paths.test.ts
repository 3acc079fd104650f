import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client } from "@connectrpc/connect";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { Registry } from "prom-client";
import { createBudgetPaths } from "./budget-paths.ts";

const call = { tenantId: "ten_1", userId: "usr_1", keyId: "key_1" };

/** Paths before a billing in which `usr_1` has a budget, and `key_2`. */
function start() {
  const clock = createFakeClock();
  const metrics = new Registry();
  const state = { isAway: false };
  const asked: string[] = [];
  const billing: Pick<Client<typeof BillingService>, "checkBudgets"> = {
    async checkBudgets({ tenantId, userId, keyId }) {
      asked.push(`${tenantId} ${userId} ${keyId}`);
      if (state.isAway) throw new Error("away");
      return { isByUser: userId === "usr_1", isByKey: keyId === "key_2" } as never;
    },
  };
  const paths = createBudgetPaths(billing as Client<typeof BillingService>, {
    ...{ clock, random: createRandom(clock), metrics },
  });
  return { paths, clock, metrics, state, takeAsked: () => asked.splice(0) };
}
const pathOf = (userId: string, keyId: string, tenantId = "ten_1") => ({
  ...{ tenantId, userId, keyId, name: `${tenantId} ${userId} ${keyId}` },
});

test("calls draw from the lease of those that fit into the same budgets: asked once for each of them, and known from then on", async () => {
  const { paths, takeAsked, metrics } = start();
  const asking = paths.leasePathOf(call);
  assert.ok(asking instanceof Promise);
  assert.deepEqual(await asking, pathOf("usr_1", ""));
  assert.deepEqual(await paths.leasePathOf({ ...call, userId: "usr_2" }), pathOf("", ""));
  assert.deepEqual(await paths.leasePathOf({ ...call, keyId: "key_2" }), pathOf("usr_1", "key_2"));
  assert.deepEqual(await paths.leasePathOf({ ...call, tenantId: "ten_2" }), pathOf("usr_1", "", "ten_2"));
  assert.deepEqual(takeAsked(), [
    ...["ten_1 usr_1 key_1", "ten_1 usr_2 key_1", "ten_1 usr_1 key_2", "ten_2 usr_1 key_1"],
  ]);
  assert.deepEqual(
    [paths.leasePathOf(call), paths.leasePathOf({ ...call, userId: "usr_2" })],
    [pathOf("usr_1", ""), pathOf("", "")],
  );
  assert.deepEqual(takeAsked(), []);
  assert.match(await metrics.metrics(), /cache="ai-gateway\.budget-path"/);
});

test("where nothing is known and billing is away a call is not paid for as if it had no budget", async () => {
  const { paths, state } = start();
  state.isAway = true;
  await assert.rejects(async () => paths.leasePathOf(call), /away/);
});

test("a tenant's budgets are looked up anew when they have changed, and everybody's when that is not known", async () => {
  const { paths, takeAsked } = start();
  const look = async () => {
    for (const tenantId of ["ten_1", "ten_2"]) await paths.leasePathOf({ ...call, tenantId });
    return takeAsked().map((name) => name.slice(0, 5));
  };
  await look();
  paths.forget("ten_1");
  assert.deepEqual(await look(), ["ten_1"]);
  paths.forgetAll();
  assert.deepEqual(await look(), ["ten_1", "ten_2"]);
});

test("after a minute it is asked again; while billing is away what was known holds for another one", async () => {
  const { paths, clock, state, takeAsked } = start();
  await paths.leasePathOf(call);
  takeAsked();
  clock.advance(53_999);
  assert.deepEqual(paths.leasePathOf(call), pathOf("usr_1", ""));
  assert.deepEqual(takeAsked(), []);
  clock.advance(6_001);
  await paths.leasePathOf(call);
  assert.equal(takeAsked().length, 1);
  state.isAway = true;
  clock.advance(100_000);
  assert.deepEqual(await paths.leasePathOf(call), pathOf("usr_1", ""));
  clock.advance(20_001);
  await assert.rejects(async () => paths.leasePathOf(call), /away/);
});
