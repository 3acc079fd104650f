import assert from "node:assert/strict";
import { after, test } from "node:test";
import { providerAccountChanged } from "@lyss/contracts/events/ai-gateway.ts";
import { createOutbox } from "@lyss/kit/events/outbox.ts";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import type { ServiceDeps } from "@lyss/kit/service/define-service.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import type { Provider } from "../model.ts";
import { aiGateway } from "../service.ts";
import { createAccountChanges } from "./account-changes.ts";
import { createAccountStore } from "./account-store.ts";

// Accounts that nobody calls need none of the other services.
const clients = {} as ServiceDeps<(typeof aiGateway)["needs"], (typeof aiGateway)["config"]>["clients"];
const service = await startTestService({ after }, aiGateway, { clients, config: { aiGateway: { simulator: false } } });
const { db, random, sql } = service;
const store = createAccountStore(db.sql);
const outbox = createOutbox({ source: "ai-gateway", publishes: [providerAccountChanged], clock, random });
const startNode = (node: string) => createAccountChanges({ db, outbox, node, store });

const account = (name: string): Provider =>
  ({ providerId: `prv_${name}`, tenantId: "ten_1", name, models: [] }) as unknown as Provider;
const eventsOf = async (name: string) =>
  (await service.listEvents())
    .filter(({ data }) => data["name"] === name)
    .map(({ data }) => [data["state"], data["status"] ?? 0, data["tenantId"]]);

test("a change of an account is said once, however many nodes find it, and the last of each counts", async () => {
  const [one, other] = [startNode("one"), startNode("other")];
  one.note(account("a"), "parked", 401);
  other.note(account("a"), "parked", 401);
  await Promise.all([one.publish(), other.publish()]);
  assert.deepEqual(await eventsOf("a"), [["parked", 401, "ten_1"]]);
  assert.deepEqual([...(await store.listOut())], [{ providerId: "prv_a", state: "parked", status: 401 }]);

  other.note(account("a"), "ejected", 0);
  other.note(account("a"), "well", 0);
  await other.publish();
  await other.publish();
  assert.deepEqual((await eventsOf("a")).at(-1), ["well", 0, "ten_1"]);
  assert.equal((await eventsOf("a")).length, 2);
  assert.equal((await store.listOut()).length, 0);
});

test("what cannot be said stays noted, and is said once", async () => {
  const node = startNode("one");
  node.note(account("b"), "parked", 402);
  await sql`alter table provider_account rename to gone`;
  await assert.rejects(node.publish());
  await sql`alter table gone rename to provider_account`;
  await node.publish();
  await node.publish();
  assert.deepEqual(await eventsOf("b"), [["parked", 402, "ten_1"]]);
});

test("that an account is well which was never out is said to nobody", async () => {
  const node = startNode("one");
  node.note(account("c"), "well", 0);
  await node.publish();
  assert.deepEqual(await eventsOf("c"), []);
});

test("of several nodes one probes an account, each time that it is due", async () => {
  const claims = ["d", "e", "f"].map((name) => ({ ...account(name), dueInMs: 60_000 }));
  const rounds = await Promise.all([1, 2, 3, 4].map(() => store.claimProbes(claims)));
  const claimed = rounds.flatMap((ids) => [...ids]).toSorted();
  assert.deepEqual(claimed, ["prv_d", "prv_e", "prv_f"]);
  assert.equal((await store.claimProbes(claims)).size, 0);
  await sql`update provider_account set probe_due_at = now() where provider_id = 'prv_e'`;
  assert.deepEqual([...(await store.claimProbes(claims))], ["prv_e"]);
  await db.transaction((tx) => store.forget(tx, "prv_e"));
  assert.deepEqual([...(await store.claimProbes(claims))], ["prv_e"]);
});
