import assert from "node:assert/strict";
import { after, test } from "node:test";
import { callDefaultsChanged } from "@lyss/contracts/events/ai-gateway.ts";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { createOutbox } from "@lyss/kit/events/outbox.ts";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import type { ServiceDeps } from "@lyss/kit/service/define-service.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { aiGateway } from "../service.ts";
import { callDefaultsSchema } from "./call-defaults.ts";
import { createCallDefaultsStore } from "./call-defaults-store.ts";
import { createDefaultsBook, maxCallDefaults } from "./defaults-book.ts";

// A gateway whose providers nobody asks needs none of the other services.
const clients = {} as ServiceDeps<(typeof aiGateway)["needs"], (typeof aiGateway)["config"]>["clients"];
const service = await startTestService({ after }, aiGateway, { clients, config: { aiGateway: { simulator: false } } });
const { db, ops, random } = service;
const outbox = createOutbox({ source: "ai-gateway", publishes: [callDefaultsChanged], clock, random: random });
const book = createDefaultsBook({ db, outbox, clock, store: createCallDefaultsStore(db.sql) });

const spec = (said: object) => callDefaultsSchema.parse(said);
const all = { tenantId: "ten_1", keyId: "" };
const key = { tenantId: "ten_1", keyId: "key_1" };
const other = { tenantId: "ten_1", keyId: "key_2" };

test("what is said for a key goes before what is said for all, name by name; another tenant hears nothing of it", async () => {
  assert.deepEqual([book.modelOf(key, "fast"), book.parametersOf(key)], ["fast", undefined]);
  await book.put(
    all,
    spec({ aliases: { fast: "m", deep: "n" }, parameters: { temperature: 1, top_p: 0.5 } }),
    undefined,
  );
  await book.put(key, spec({ aliases: { fast: "k" }, parameters: { temperature: 0 } }), undefined);
  assert.deepEqual(
    ["fast", "deep", "m", "toString"].map((name) => book.modelOf(key, name)),
    ["k", "n", "m", "toString"],
  );
  assert.deepEqual(book.parametersOf(key), { temperature: 0, top_p: 0.5 });
  assert.deepEqual([book.modelOf(other, "fast"), book.parametersOf(other)], ["m", { temperature: 1, top_p: 0.5 }]);
  const theirs = { tenantId: "ten_2", keyId: "key_1" };
  assert.deepEqual([book.modelOf(theirs, "fast"), book.parametersOf(theirs)], ["fast", undefined]);
  await book.remove(all);
  assert.deepEqual([book.modelOf(key, "deep"), book.modelOf(other, "fast")], ["deep", "fast"]);
  await book.remove(key);
  await assert.rejects(book.remove(key), (err) => isFailure(err, aiGatewayFailures.call_defaults_not_found));
});

test("a change of another version than the one that was seen is refused, and pages go by key", async () => {
  await book.put(key, spec({}), 0);
  await assert.rejects(
    book.put(key, spec({}), 7),
    (err) => isFailure(err, aiGatewayFailures.call_defaults_version_mismatch) && err.details["current"] === 1,
  );
  assert.equal((await book.put(key, spec({}), 1)).version, 2);
  await book.put(all, spec({}), undefined);
  await book.put(other, spec({}), undefined);
  const first = book.list("ten_1", { limit: 2, cursor: undefined });
  const second = book.list("ten_1", { limit: 2, cursor: first.nextCursor });
  const keys = [first, second].map(({ rows }) => rows.map(({ keyId }) => keyId));
  assert.deepEqual([keys, second.nextCursor], [[["", "key_1"], ["key_2"]], undefined]);
});

test("a tenant says it for so many keys, and no more", async () => {
  await db.sql`
    insert into call_defaults (tenant_id, key_id, aliases, parameters, version, updated_at)
    select 'ten_3', 'key_' || n, '{}', '{}', 1, now() from generate_series(1, ${maxCallDefaults}::int) n`;
  const put = (keyId: string) => book.put({ tenantId: "ten_3", keyId }, spec({}), undefined);
  await assert.rejects(put("key_0"), (err) => isFailure(err, aiGatewayFailures.too_many_call_defaults));
  assert.equal((await put("key_1")).version, 2);
});

test("what is said on one node counts on another within two seconds", async () => {
  const node = await service.startNode();
  await service.hear();
  const startMs = performance.now();
  await node.ops.putCallDefaults({ tenantId: "ten_4", keyId: "" }, spec({ aliases: { a: "b" } }), undefined);
  const get = () => ops.getCallDefaults({ tenantId: "ten_4", keyId: "" });
  await waitUntil(async () => {
    try {
      return get().aliases["a"] === "b";
    } catch {
      return false;
    }
  });
  assert.ok(performance.now() - startMs < 2_000);
});

test("an alias of itself, and more than there may be, is refused", () => {
  assert.throws(() => spec({ aliases: { a: "a" } }), /must not give a name itself/);
  const many = Object.fromEntries(Array.from({ length: 201 }, (_, n) => [`a${n}`, "m"]));
  assert.throws(() => spec({ aliases: many }), /at most 200/);
  assert.throws(() => spec({ parameters: { temperature: 3 } }));
});
