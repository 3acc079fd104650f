import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { HeldLimitSchema, KeyLimitsSchema } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { type Route, routesFor } from "@lyss/kit/http/route.ts";
import { createSharedCounts, tellEveryMs } from "@lyss/kit/resilience/shared-counts.ts";
import { type Caller, noSession } from "@lyss/kit/rpc/call-context.ts";
import { createCountHub } from "@lyss/kit/testing/count-hub.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { z } from "zod";
import { type EdgeOptions, type HoldOps, startEdge } from "./edge-test-server.ts";
import { type KeyRules, toKeyRules } from "./key-rules.ts";
import type { OnReached } from "./reached-limits.ts";

type Held = MessageInitShape<typeof HeldLimitSchema>;

const { json, raw } = routesFor<HoldOps>();
const routes = [
  json({
    ...{ method: "GET", path: "/page", operation: "page", summary: "Answers.", permission: "things:read" },
    response: z.strictObject({ ok: z.literal(true) }),
    handle: () => ({ ok: true as const }),
  }),
  raw({
    ...{ method: "POST", path: "/call", operation: "call", summary: "Answers.", bodyLimitBytes: 1_024 },
    permission: "things:read",
    handle: async (_ops, { res }) => void res.end("done"),
  }),
  raw({
    ...{ method: "POST", path: "/stream", operation: "stream", summary: "Answers late.", bodyLimitBytes: 1_024 },
    permission: "things:read",
    async handle(ops, { res }) {
      res.writeHead(200);
      res.flushHeaders();
      await ops.hold();
      res.end("done");
    },
  }),
];

const group = (name: string, limits: Held): Held => ({ subject: "group", subjectId: `grp_${name}`, name, ...limits });
const user = (name: string, limits: Held): Held => ({ subject: "user", subjectId: `usr_${name}`, ...limits });

/** An edge where the bearer token is `<person>/<key>`, and people are held to what is said of them. */
async function open(t: TestScope, people: Readonly<Record<string, readonly Held[]>>, options: EdgeOptions = {}) {
  const rules = new WeakMap<Caller, KeyRules | undefined>();
  const edge = await startEdge(t, routes as readonly Route<never>[], {
    ...options,
    guard({ headers: { authorization = "" } }) {
      const [person = "", keyId = ""] = authorization.replace("Bearer ", "").split("/");
      const caller = {
        tenantId: "ten_1",
        userId: `usr_${person}`,
        keyId,
        ...noSession,
        permissions: ["*"],
        models: [],
      };
      const held = (people[person] ?? []).map((each) => create(HeldLimitSchema, each));
      rules.set(caller, toKeyRules(undefined, held));
      return caller;
    },
    rulesOf: (caller) => rules.get(caller),
  });
  async function ask(token: string, path = "/call") {
    const answer = await fetch(edge.server.url + path, {
      ...{ method: path === "/page" ? "GET" : "POST", headers: { authorization: `Bearer ${token}` } },
    });
    const told = (name: string) => answer.headers.get(`x-ratelimit-${name}`);
    return { status: answer.status, answer, told };
  }
  async function statuses(tokens: readonly string[], path?: string) {
    const all: number[] = [];
    for (const token of tokens) all.push((await ask(token, path)).status);
    return all;
  }
  return { ...edge, ask, statuses };
}

test("all members of a group share its requests a minute, whichever keys they use; others do not", async (t) => {
  const research = group("research", { requestsPerMinute: 3 });
  const { statuses, ask, limits, clock } = await open(t, { ann: [research], bob: [research] });
  assert.deepEqual(await statuses(["ann/key_1", "ann/key_2", "bob/key_3"]), [200, 200, 200]);
  const { status, answer } = await ask("bob/key_3");
  assert.deepEqual([status, answer.headers.get("retry-after")], [429, "20"]);
  const { error } = (await answer.json()) as { error: { code: string; message: string; details: object } };
  assert.equal(error.code, "RES_007");
  assert.match(error.message, /^Too many requests by this group 'research'/);
  assert.partialDeepStrictEqual(error.details, { limit_source: "group" });
  assert.deepEqual(await statuses(["eve/key_4", "eve/key_4", "eve/key_4", "eve/key_4"]), [200, 200, 200, 200]);
  assert.deepEqual([limits.countRefused("group"), limits.countRefused("key")], [1, 0]);
  clock.advance(20_000);
  assert.deepEqual(await statuses(["ann/key_1", "ann/key_1"]), [200, 429]);
});

test("who is in several groups is held by each, and what one refuses is taken from none", async (t) => {
  const [wide, narrow] = [group("wide", { requestsPerMinute: 4 }), group("narrow", { requestsPerMinute: 2 })];
  const { statuses, ask } = await open(t, { ann: [wide, narrow], bob: [wide] });
  const first = await ask("ann/key_1");
  assert.equal(first.answer.headers.get("ratelimit-policy"), '"grp_wide";q=4;w=60, "grp_narrow";q=2;w=60');
  assert.deepEqual(await statuses(["ann/key_1", "ann/key_1", "ann/key_1"]), [200, 429, 429]);
  assert.deepEqual(await statuses(["bob/key_2", "bob/key_2", "bob/key_2"]), [200, 200, 429]);
});

test("x-ratelimit-* tell of the limit of which the least is left", async (t) => {
  const research = group("research", { requestsPerMinute: 4, maxConcurrentRequests: 9 });
  const people = { ann: [user("ann", { requestsPerMinute: 3, maxConcurrentRequests: 2 }), research], bob: [research] };
  const { ask } = await open(t, people, { rateLimits: { perTenant: { limit: 100 } } });
  const seen: unknown[] = [];
  for (const token of ["ann/key_1", "bob/key_2", "bob/key_2"]) {
    const { told } = await ask(token);
    seen.push([told("limit"), told("remaining"), told("limit-concurrent"), told("remaining-concurrent")]);
  }
  assert.deepEqual(seen, [
    ["3", "2", "2", "1"],
    ["4", "2", "9", "8"],
    ["4", "1", "9", "8"],
  ]);
  const { told } = await ask("ann/key_1");
  assert.deepEqual([told("limit"), told("remaining")], ["4", "0"], "the others have used up the group's");
});

test("a person's keys share the person's limit, and a refusal says so", async (t) => {
  const { statuses, ask } = await open(t, { ann: [user("ann", { requestsPerMinute: 2 })] });
  assert.deepEqual(await statuses(["ann/key_1", "ann/key_2"]), [200, 200]);
  const { status, answer } = await ask("ann/key_3");
  assert.match(`${status} ${await answer.text()}`, /^429 .*Too many requests by this user\./);
});

test("as many of a group's requests are under way as it may have, and a refused one holds nobody's place", async (t) => {
  const research = group("research", { maxConcurrentRequests: 2 });
  const alone = user("bob", { maxConcurrentRequests: 5 });
  const { ask, release, concurrency } = await open(t, { ann: [research], bob: [alone, research] });
  const streams = [await ask("ann/key_1", "/stream"), await ask("bob/key_2", "/stream")];
  assert.deepEqual(
    streams.map(({ status }) => status),
    [200, 200],
  );
  const refused = await ask("bob/key_3");
  const { error } = (await refused.answer.json()) as { error: { code: string; message: string } };
  assert.deepEqual([refused.status, error.code], [429, "RES_008"]);
  assert.match(error.message, /^This group 'research' has 2 requests under way/);
  assert.deepEqual([concurrency.countUnderWay("usr_bob"), concurrency.countUnderWay("grp_research")], [1, 2]);
  release();
  for (const { answer } of streams) await answer.text();
  while (concurrency.countUnderWay("grp_research") > 0) await new Promise(setImmediate);
  assert.deepEqual([(await ask("bob/key_3")).status, concurrency.countUnderWay("usr_bob")], [200, 0]);
});

test("of people signed in only calls of models count: a group that is used up shuts nobody out of the console", async (t) => {
  const research = group("research", { requestsPerMinute: 1, maxConcurrentRequests: 1 });
  const { statuses, ask, release } = await open(t, { ann: [research] });
  assert.deepEqual(await statuses(["ann", "ann", "ann"], "/page"), [200, 200, 200]);
  const stream = await ask("ann", "/stream");
  assert.equal(stream.status, 200);
  assert.deepEqual(await statuses(["ann"], "/page"), [200]);
  assert.deepEqual(await statuses(["ann", "ann/key_1"]), [429, 429]);
  assert.deepEqual(await statuses(["ann/key_1"], "/page"), [429], "with a key every request counts");
  release();
  await stream.answer.text();
});

test("processes that share a port hold a group to its limits together", async (t) => {
  const clock = createFakeClock();
  const hub = createCountHub();
  const research = group("research", { requestsPerMinute: 3, maxConcurrentRequests: 1 });
  const openOne = (name: string) =>
    open(
      t,
      { ann: [research], bob: [research] },
      { sharedCounts: createSharedCounts({ link: hub.join(name), clock }) },
    );
  const [here, there] = [await openOne("a"), await openOne("b")];
  const stream = await here.ask("ann/key_1", "/stream");
  clock.advance(tellEveryMs);
  const full = await there.ask("bob/key_2");
  assert.deepEqual([full.status, /RES_008/.test(await full.answer.text())], [429, true]);
  here.release();
  await stream.answer.text();
  clock.advance(tellEveryMs);
  assert.deepEqual(await there.statuses(["bob/key_2", "bob/key_2"]), [200, 200]);
  clock.advance(tellEveryMs);
  assert.deepEqual(await here.statuses(["ann/key_1"]), [429]);
});

test("who is in no group with limits, and has none, has no rules at all", () => {
  assert.equal(toKeyRules(create(KeyLimitsSchema, { tokensPerMinute: 5n })), undefined);
  assert.equal(toKeyRules(undefined, []), undefined);
});

test("a request that a shared limit refuses is told with who sent it; one that a key's own refuses is not", async (t) => {
  const met: unknown[] = [];
  const onReached: OnReached = ({ subject, subjectId }, of, { userId, keyId }) =>
    met.push([subject, subjectId, of, userId, keyId]);
  const research = group("research", { requestsPerMinute: 2 });
  const alone = user("bob", { maxConcurrentRequests: 1 });
  const options = { rateLimits: { perKey: { limit: 3 } }, onReached };
  const { statuses, ask, release } = await open(t, { ann: [research], bob: [alone] }, options);
  assert.deepEqual(await statuses(["ann/key_1", "ann/key_1", "ann/key_1"]), [200, 200, 429]);
  const stream = await ask("bob/key_2", "/stream");
  assert.deepEqual(await statuses(["bob/key_3"]), [429]);
  assert.deepEqual(await statuses(["eve/key_4", "eve/key_4", "eve/key_4", "eve/key_4"]), [200, 200, 200, 429]);
  assert.deepEqual(met, [
    ["group", "grp_research", "requests", "usr_ann", "key_1"],
    ["user", "usr_bob", "concurrent", "usr_bob", "key_3"],
  ]);
  release();
  await stream.answer.text();
});
