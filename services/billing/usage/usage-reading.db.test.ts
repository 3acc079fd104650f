import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { after, test } from "node:test";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { z } from "zod";
import type { Fact } from "../fact.ts";
import type { Outcome, UsageRow } from "../model.ts";
import { billing } from "../service.ts";
import { toUsageBody } from "./usage-body.ts";
import { csvColumns, toCsvLine } from "./usage-csv.ts";
import { sendExport } from "./usage-download.ts";

const service = await startTestService({ after }, billing, { clients: {} });
const { ops, random, sql } = service;
await service.hear();
/** The bearer token is the caller: `<tenant>/<user>/<key>/<permissions>`. */
const server = await startTestServer({
  mounted: [{ name: "billing", routes: billing.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId = "", keyId = "", permissions] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !permissions) return undefined;
    return { tenantId, userId, keyId, ...noSession, permissions: permissions.split(","), models: [] };
  },
});
after(() => server.close());

const terms = { rates: { input: 1_500_000_001n, cacheRead: 3n, output: 2_000_000_000n }, markupPpm: 125_000 };
const [price] = await ops.putPrices({
  tenantId: "",
  prices: [
    { provider: "p", model: "m", terms },
    { provider: "q", model: "=n", terms },
  ],
});
const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 9, 1);

async function createTenant(): Promise<string> {
  const tenantId = random.id("ten");
  await ops.createWallet({ tenantId });
  await ops.topUpWallet({ tenantId, amountNanos: 10_000_000_000n, reference: "start", source: "grant" });
  return tenantId;
}

function factOf(tenantId: string, more: Partial<Fact> = {}): Fact {
  return {
    ...{ callId: random.id("call"), attempt: 1, leaseId: "lse_gone", requestId: "req_1", tenantId, keyId: "key_1" },
    ...{ userId: "usr_1", provider: "p", model: "m", priceId: price?.priceId ?? "", outcome: "completed" },
    ...{ inputTokens: 7n, cachedInputTokens: 3n, outputTokens: 5n, isEstimated: false, latencyMs: 5n },
    startedAtMs: BigInt(startMs),
    ...more,
  };
}

const get = (token: string, path: string, headers: Record<string, string> = {}) =>
  server.call(token, "GET", path, undefined, headers);
const admin = (tenantId: string) => `${tenantId}/usr_admin//billing:read,billing:audit`;

/** Every page of a list. */
async function listAll(token: string, path: string): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const { status, json } = await get(token, `${path}&cursor=${cursor}`);
    assert.equal(status, 200, JSON.stringify(json));
    rows.push(...json.data);
    cursor = json.next_cursor;
  }
  return rows;
}

const outcomes: readonly Outcome[] = ["completed", "failed", "canceled", "truncated", "lost"];
const seed = random.bytes(4).readUInt32LE();
const { between } = createSeeded(seed);
const tenantId = await createTenant();
const facts = Array.from({ length: 400 }, (_, n) =>
  factOf(tenantId, {
    ...{ keyId: `key_${n % 3}`, userId: n % 4 === 0 ? "" : `usr_${n % 4}`, attempt: 1 + (n % 2) },
    ...(n % 5 === 0 && { provider: "q", model: "=n" }),
    ...{
      outcome: outcomes[n % 5] ?? "completed",
      startedAtMs: BigInt(startMs + between(0, 9) * dayMs + between(0, 3) * 1_000),
    },
  }),
);
await ops.postFacts({ facts });

test("usage is filtered by time, key, person, model, provider and status, and pages through every row once in one order", async () => {
  const all = await listAll(admin(tenantId), "/v1/billing/usage?limit=37");
  assert.equal(all.length, facts.length, `seed ${seed}`);
  const places = all.map(({ started_at, id, attempt }) => [started_at, id, String(attempt)].join());
  assert.deepEqual(places, places.toSorted().toReversed());
  const day = (n: number) => new Date(startMs + n * dayMs).toISOString();
  const cases: [query: string, matches: (fact: Fact) => boolean][] = [
    ["key_id=key_1", ({ keyId }) => keyId === "key_1"],
    ["user_id=usr_2", ({ userId }) => userId === "usr_2"],
    ["model=%3Dn", ({ model }) => model === "=n"],
    ["provider=q&status=completed", ({ provider, outcome }) => provider === "q" && outcome === "completed"],
    ["status=truncated", ({ outcome }) => outcome === "truncated"],
    [`from=${day(2)}&to=${day(4)}`, ({ startedAtMs: at }) => at >= startMs + 2 * dayMs && at < startMs + 4 * dayMs],
    ["user_id=usr_9", () => false],
  ];
  for (const [query, matches] of cases) {
    const found = await listAll(admin(tenantId), `/v1/billing/usage?limit=50&${query}`);
    const wanted = facts.filter(matches).map(({ callId }) => callId);
    assert.deepEqual(found.map(({ id }) => id).sort(), wanted.sort(), query);
  }
  for (const query of [
    "status=odd",
    "from=yesterday",
    "limit=0",
    "cursor=WyIxIiwiYSIsImIiXQ",
    "cursor=x",
    "color=red",
  ]) {
    assert.equal((await get(admin(tenantId), `/v1/billing/usage?${query}`)).status, 400, query);
  }
});

test("people see their own usage, a key without a person its own, and only billing:audit that of others in the tenant", async () => {
  const own = `${tenantId}/usr_1/key_0/billing:read`;
  const mine = await listAll(own, "/v1/billing/usage?limit=200");
  assert.deepEqual(new Set(mine.map(({ user_id }) => user_id)), new Set(["usr_1"]));
  assert.equal((await listAll(own, "/api/v1/billing/usage/me?limit=200")).length, mine.length);
  assert.equal((await listAll(admin(tenantId), "/api/v1/billing/usage/usr_1?limit=200")).length, mine.length);
  const ofKey = await listAll(`${tenantId}//key_0/billing:read`, "/v1/billing/usage?limit=200");
  assert.deepEqual(new Set(ofKey.map(({ key_id }) => key_id)), new Set(["key_0"]));
  for (const path of ["/v1/billing/usage?user_id=usr_2", "/v1/billing/usage/summary?user_id=usr_2"]) {
    assert.equal((await get(own, path)).status, 403, path);
  }
  for (const path of ["usage/usr_2", "costs/usr_2", "usage/usr_unknown", "costs/usr_unknown"]) {
    assert.equal((await get(own, `/api/v1/billing/${path}`)).status, 403, path);
    assert.equal((await get(`${tenantId}//key_0/billing:read`, `/api/v1/billing/${path}`)).status, 403, path);
  }
  assert.equal((await get(`${tenantId}/usr_1//model:call`, "/v1/billing/usage")).status, 403);

  const others = facts.find(({ userId }) => userId === "usr_2")?.callId;
  const known = facts.find(({ userId }) => userId === "usr_1")?.callId;
  assert.equal((await get(own, `/v1/billing/usage/${known}`)).status, 200);
  const strangers = admin(await createTenant());
  for (const [token, path] of [
    [own, `/v1/billing/usage/${others}`],
    [own, "/v1/billing/usage/call_unknown"],
    [strangers, `/v1/billing/usage/${known}`],
  ] as const) {
    const { status, json } = await get(token, path);
    assert.deepEqual([status, json.error.code], [404, "BILLING_070"]);
  }
  for (const path of ["usage/usr_1", "usage/usr_unknown", "costs/usr_1", "costs/usr_unknown"]) {
    assert.deepEqual((await get(strangers, `/api/v1/billing/${path}`)).json.data, [], path);
  }
});

test("a person's costs by day and model add up to the total, which is that of the rows", async () => {
  const recent = await createTenant();
  const nowMs = Date.now();
  const used = Array.from({ length: 30 }, (_, n) =>
    factOf(recent, {
      startedAtMs: BigInt(nowMs),
      userId: `usr_${n % 2}`,
      ...(n % 3 === 0 && { provider: "q", model: "=n" }),
    }),
  );
  await ops.postFacts({ facts: used });
  await service.untilHeard();
  const { json } = await get(admin(recent), "/api/v1/billing/costs/usr_1?limit=1");
  const [row] =
    await sql`select sum(cost_nanos)::text as sum from usage where tenant_id = ${recent} and user_id = 'usr_1'`;
  assert.deepEqual(
    [json.object, json.user_id, json.currency, json.total_nanos],
    ["costs", "usr_1", "USD", row?.["sum"]],
  );
  const all = await listAll(admin(recent), "/api/v1/billing/costs/usr_1?limit=1");
  assert.deepEqual(
    all.map(({ group }) => group),
    [{ model: "=n" }, { model: "m" }],
  );
  assert.equal(all.reduce((sum, { cost_nanos }) => sum + BigInt(String(cost_nanos)), 0n).toString(), row?.["sum"]);
});

test("usage is found and told apart by tags, in the list, in sums, in the export and in the receipt", async () => {
  const tagged = await createTenant();
  const recentMs = Date.now() - 60_000;
  const teams = ["env=prod,team=search", "env=test,team=search", "team=ads", undefined];
  const used = Array.from({ length: 24 }, (_, n) =>
    factOf(tagged, {
      ...{ startedAtMs: BigInt(recentMs), tags: teams[n % 4], userId: `usr_${n % 3}` },
      ...(n % 2 === 0 && { otherBuckets: { reasoning: 2n, cacheWrite5m: 1n } }),
    }),
  );
  await ops.postFacts({ facts: used });
  await service.untilHeard();
  const list = "/v1/billing/usage?limit=50&tag=";
  for (const [tag, count] of [
    ["team=search", 12],
    ["team=search, env=prod", 6],
    ["team=nobody", 0],
  ] as const) {
    assert.equal((await listAll(admin(tagged), list + encodeURIComponent(tag))).length, count, tag);
  }
  const [row] = await listAll(admin(tagged), `${list}env=test`);
  assert.deepEqual(row?.["tags"], { env: "test", team: "search" });
  const { json: receipt } = await get(admin(tagged), `/v1/billing/usage/${row?.["id"]}`);
  assert.deepEqual(receipt.attempts[0].usage.tags, { env: "test", team: "search" });
  const csv = await fetch(`${server.url}/v1/billing/usage/export?tag=env=test`, {
    headers: { authorization: `Bearer ${admin(tagged)}` },
  });
  assert.equal(
    parseCsv(await csv.text())
      .at(-1)
      ?.at(-4),
    '{"env":"test","team":"search"}',
  );

  const sums = "/v1/billing/usage/summary?unit=day&limit=3";
  const byTeam = await listAll(admin(tagged), `${sums}&group_by=tag:team,user`);
  assert.deepEqual(
    byTeam.map(({ group, calls }) => [group, calls]),
    ["", "ads", "search"].flatMap((team) =>
      ["usr_0", "usr_1", "usr_2"].map((user) => [{ "tag:team": team, user }, team === "search" ? 4 : 2]),
    ),
  );
  const names = ["calls", "input_tokens", "cached_input_tokens", "output_tokens", "cost_nanos"];
  const totalOf = (rows: readonly Record<string, unknown>[]) =>
    names.map((name) => rows.reduce((sum, one) => sum + Number(one[name]), 0));
  const all = await listAll(admin(tagged), `${sums}&group_by=model`);
  assert.deepEqual(totalOf(byTeam), totalOf(all), "rows and kept sums come to the same");
  const prod = await listAll(admin(tagged), `${sums}&tag=env=prod`);
  assert.deepEqual([prod.length, prod[0]?.["calls"], prod[0]?.["group"]], [1, 6, {}]);
  const month = "from=2026-10-01T00:00:00Z&to=2026-10-20T00:00:00Z";
  assert.deepEqual(
    await listAll(admin(tagged), `/v1/billing/usage/summary?tag=a=b&unit=day&${month}`),
    [],
    "one tag, as long as any",
  );
  for (const query of ["group_by=tag:", "group_by=tag:A", "tag=team", "tag=", `tag=a=b,c=d&unit=day&${month}`]) {
    assert.equal((await get(admin(tagged), `/v1/billing/usage/summary?${query}`)).status, 400, query);
  }
});

test("a receipt names the price and the rule, and its lines, mark-up and rounding add up to what was paid and what was not", async () => {
  const poor = random.id("ten");
  await ops.createWallet({ tenantId: poor });
  await ops.topUpWallet({ tenantId: poor, amountNanos: 20_000n, reference: "start", source: "grant" });
  const callId = random.id("call");
  const first = factOf(poor, { callId, outcome: "failed", inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n });
  const second = factOf(poor, {
    callId,
    attempt: 2,
    inputTokens: 11n,
    otherBuckets: { reasoning: 3n },
    isEstimated: true,
  });
  await ops.postFacts({ facts: [first, second] });
  const path = `/v1/billing/usage/${callId}`;
  const { json } = await get(admin(poor), path, { "accept-language": "en" });
  assert.deepEqual([json.object, json.id, json.currency, json.attempts.length], ["receipt", callId, "USD", 2]);
  const [failed, paid] = json.attempts;
  assert.deepEqual([failed.rule.id, failed.lines, failed.usage.cost_nanos], ["failed", [], "0"]);
  assert.deepEqual(
    paid.lines.map(({ bucket, quantity, nanos_per_million }: Record<string, string>) => [
      bucket,
      quantity,
      nanos_per_million,
    ]),
    [
      ["input", "11", "1500000001"],
      ["cache_read", "3", "3"],
      ["output", "5", "2000000000"],
      ["reasoning", "3", "2000000000"],
    ],
  );
  assert.deepEqual([paid.price.id, paid.price.version, paid.usage.estimated], [price?.priceId, 1, true]);
  assert.match(paid.usage.posting_id, /^pst_/);
  const parse = (decimal: string) => {
    const [, sign, whole = "", fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(decimal) ?? [];
    const value = BigInt(whole) * 10n ** 12n + BigInt(fraction.padEnd(12, "0"));
    return sign ? -value : value;
  };
  const lines = paid.lines.map(({ cost_nanos }: Record<string, string>) => parse(cost_nanos ?? ""));
  const sum = [...lines, parse(paid.markup_nanos), parse(paid.rounding_nanos)].reduce(
    (a: bigint, b: bigint) => a + b,
    0n,
  );
  const { cost_nanos, uncollected_nanos } = paid.usage;
  assert.equal(sum, (BigInt(cost_nanos) + BigInt(uncollected_nanos)) * 10n ** 12n);
  assert.deepEqual([json.cost_nanos, cost_nanos, uncollected_nanos], ["20000", "20000", "16563"]);
  await ops.corrections.refundCall({ callId, amountNanos: 7_000n, reference: "t", reason: "cut off", userId: "usr_o" });
  const [refund] = (await get(admin(poor), path)).json.refunds;
  assert.deepEqual([refund.amount_nanos, refund.reason, json.refunds], ["7000", "cut off", []]);
  const chinese = await get(admin(poor), path, { "accept-language": "zh-CN" });
  assert.match(chinese.json.attempts[0].rule.text, /\p{Script=Han}/u);
});

test("every outcome of a call has its rule in the guide's words", async () => {
  for (const fact of facts.slice(0, 10)) {
    const { json } = await get(admin(tenantId), `/v1/billing/usage/${fact.callId}`);
    const [attempt] = json.attempts;
    assert.ok(attempt.rule.id.startsWith(fact.outcome), attempt.rule.id);
    assert.ok(attempt.rule.text.length > 20);
  }
});

/** Fields of CSV lines as RFC 4180 reads them. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const pattern = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/gy;
  for (const [, field = "", end] of text.matchAll(pattern)) {
    rows.at(-1)?.push(field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field);
    if (end === "\r\n") rows.push([]);
  }
  rows.pop();
  return rows;
}

test("an export has every row once, oldest first, in CSV and in JSON lines, with and without gzip", async () => {
  const fetchText = async (query: string, encoding: string) => {
    const answer = await fetch(`${server.url}/v1/billing/usage/export?${query}`, {
      headers: { authorization: `Bearer ${admin(tenantId)}`, "accept-encoding": encoding },
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("content-encoding"), encoding === "gzip" ? "gzip" : null);
    return answer.text();
  };
  const csv = await fetchText("format=csv", "identity");
  const [header, ...rows] = parseCsv(csv);
  assert.deepEqual(header, csvColumns);
  assert.equal(rows.length, facts.length);
  assert.ok(rows.every((row) => row.length === csvColumns.length));
  assert.equal(await fetchText("format=csv", "gzip"), csv, "the same bytes each time");
  const models = new Set(rows.map((row) => row[csvColumns.indexOf("model")]));
  assert.deepEqual(models, new Set(["m", "'=n"]), "nothing begins like a formula");
  const records = (await fetchText("format=jsonl", "gzip"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const listed = await listAll(admin(tenantId), "/v1/billing/usage?limit=200");
  assert.deepEqual(records, listed.toReversed());
  const own = await fetch(`${server.url}/v1/billing/usage/export?format=jsonl`, {
    headers: { authorization: `Bearer ${tenantId}/usr_1//billing:read` },
  });
  const owners = (await own.text())
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).user_id);
  assert.deepEqual(new Set(owners), new Set(["usr_1"]));
  for (const query of ["format=xml", "from=x", "color=red"]) {
    assert.equal((await get(admin(tenantId), `/v1/billing/usage/export?${query}`)).status, 400, query);
  }
  assert.equal((await get(`${tenantId}/usr_1//billing:read`, "/v1/billing/usage/export?user_id=usr_2")).status, 403);
});

test("fields of an export are quoted where they must be, and none is a formula", () => {
  const [row] = [
    {
      ...toUsageBody({
        ...facts[0],
        walletId: "",
        costNanos: 1n,
        uncollectedNanos: 0n,
        postingId: "",
        createdAt: new Date(0),
      } as never),
    },
  ];
  const fieldOf = (model: string) => parseCsv(toCsvLine({ ...row, model }))[0]?.[csvColumns.indexOf("model")];
  for (const model of ["=1+1", "+1", "-1", "@a", "\ta", "\ra"]) assert.equal(fieldOf(model), `'${model}`);
  for (const model of ['a"b', "a,b", "a\r\nb", "a\nb", "plain", ""]) assert.equal(fieldOf(model), model);
});

test("an export reads no further than its client takes, however much there is", async () => {
  const row = { ...facts[0], walletId: "", costNanos: 1n, uncollectedNanos: 0n, postingId: "", createdAt: new Date(0) };
  const page = Array.from({ length: 1_000 }, () => row as unknown as UsageRow);
  let pages = 0;
  const endless = {
    async *exportUsage() {
      for (;;) {
        pages++;
        yield page;
      }
    },
  };
  const writes: (() => void)[] = [];
  const res = Object.assign(new Writable({ write: (_chunk, _encoding, done) => void writes.push(done) }), {
    writeHead: () => res,
  });
  const exchange = { req: { url: "/", headers: {} }, res } as unknown as Exchange;
  const sending = sendExport(endless, exchange, z.strictObject({}), () => ({ format: "jsonl", filter: { tenantId } }));
  for (let taken = 0; taken < 20; taken++) {
    while (writes.length === 0) await new Promise((resolve) => setImmediate(resolve));
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(pages <= taken + 4, `${pages} pages are read when ${taken} are taken`);
    writes.shift()?.();
  }
  res.destroy();
  await sending;
});
