import assert from "node:assert/strict";
import { after, test } from "node:test";
import { groupMemberAdded } from "@lyss/contracts/events/group.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { billing } from "../service.ts";

const service = await startTestService({ after }, billing, { clients: {} });
const { ops } = service;
await service.hear();
/** The bearer token is the caller: `<tenant>/<user>/<permissions>`. */
const server = await startTestServer({
  mounted: [{ name: "billing", routes: billing.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId, permissions] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId || !permissions) return undefined;
    return { tenantId, userId, keyId: "key_1", ...noSession, permissions: permissions.split(","), models: [] };
  },
});
after(() => server.close());
for (const tenantId of ["ten_a", "ten_b"]) await ops.createWallet({ tenantId });

const admin = "ten_a/usr_admin/billing:*";
const member = "ten_a/usr_a/billing:read";
const call = (method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown, token = admin) =>
  server.call(token, method, path, body);

test("a quota is set, read by its person with what is left and when it starts anew, and reset", async () => {
  const limits = [
    { unit: "money", limit: "25.5", period: "month", time_zone: "Asia/Shanghai", reset_day: 5 },
    { unit: "tokens", limit: "1000", period: "minute", alert_percents: [90, 10, 90] },
    { unit: "calls", limit: "7", period: "total" },
  ];
  const put = await call("PUT", "/api/v1/billing/quotas/usr_a", { limits });
  assert.equal(put.status, 200);
  const own = await call("GET", "/api/v1/billing/quotas/me", undefined, member);
  // A minute may end between the two.
  const withoutReset = ({ json }: typeof own) =>
    json.limits.map(({ reset_at, ...limit }: { readonly reset_at: string | null }) => limit);
  assert.deepEqual(withoutReset(own), withoutReset(put));
  const byUnit = Object.fromEntries(own.json.limits.map((limit: { unit: string }) => [limit.unit, limit]));
  const { reset_at, ...money } = byUnit.money;
  assert.deepEqual(money, {
    ...{ unit: "money", period: "month", limit: "25.5", used: "0", reserved: "0", remaining: "25.5" },
    ...{ time_zone: "Asia/Shanghai", reset_day: 5, alert_percents: [50, 80, 100] },
  });
  assert.match(reset_at, /-04T16:00:00\.000Z$/);
  assert.deepEqual([byUnit.tokens.alert_percents, byUnit.calls.reset_at], [[10, 90], null]);
  const repeat = await call("PUT", "/api/v1/billing/quotas/usr_a", { limits: limits.slice(2) });
  assert.equal(repeat.json.limits.length, 1);
  assert.deepEqual((await call("DELETE", "/api/v1/billing/quotas/usr_a")).json.limits, []);
});

test("budgets are set, listed in pages, changed and deleted; one more of the same unit and period is a change", async () => {
  const scopes = [{ scope: "tenant" }, { scope: "group", scope_id: "grp_1" }, { scope: "key", scope_id: "key_9" }];
  const ids: string[] = [];
  for (const scope of scopes) {
    const { status, json } = await call("POST", "/v1/billing/budgets", {
      ...scope,
      unit: "calls",
      limit: "5",
      period: "day",
    });
    assert.equal(status, 200);
    ids.push(json.id);
  }
  const again = await call("POST", "/v1/billing/budgets", { ...scopes[0], unit: "calls", limit: "6", period: "day" });
  assert.deepEqual([again.json.id, again.json.limit, again.json.scope_id], [ids[0], "6", "ten_a"]);
  const first = await call("GET", "/v1/billing/budgets?limit=2");
  const second = await call("GET", `/v1/billing/budgets?limit=2&cursor=${first.json.next_cursor}`);
  const listed = [...first.json.data, ...second.json.data].map((it: { id: string }) => it.id);
  assert.deepEqual([listed, second.json.next_cursor], [ids.toReversed(), null]);
  const filtered = await call("GET", "/v1/billing/budgets?scope=group&scope_id=grp_1");
  assert.deepEqual(
    filtered.json.data.map((it: { id: string }) => it.id),
    [ids[1]],
  );
  const narrowed = async (query: string) => {
    const { json } = await call("GET", `/v1/billing/budgets?${query}`);
    return json.data.map((it: { id: string }) => it.id);
  };
  assert.deepEqual(await narrowed("scope_id=grp_1,key_9,grp_none"), [ids[2], ids[1]]);
  assert.deepEqual(await narrowed("unit=calls&period=day&scope_id=key_9"), [ids[2]]);
  assert.deepEqual(await narrowed("unit=tokens&scope_id=key_9"), []);
  assert.deepEqual(await narrowed("period=hour&scope_id=key_9"), []);
  const many = Array.from({ length: 101 }, (_, at) => `grp_${at}`).join(",");
  assert.equal((await call("GET", `/v1/billing/budgets?scope_id=${many}`)).status, 400);
  const changed = await call("PUT", `/v1/billing/budgets/${ids[1]}`, { limit: "9", alert_percents: [75] });
  assert.deepEqual([changed.json.limit, changed.json.alert_percents], ["9", [75]]);
  assert.deepEqual((await call("GET", `/v1/billing/budgets/${ids[1]}`)).json, changed.json);

  // Others see what applies to them: not the key of somebody else, nor a group that they are not in.
  const seen = async (token: string) =>
    (await call("GET", "/v1/billing/budgets", undefined, token)).json.data.map((it: { id: string }) => it.id);
  assert.deepEqual(await seen(member), [ids[0]]);
  await service.say(groupMemberAdded, { tenantId: "ten_a", groupId: "grp_1", userId: "usr_a", role: "member" });
  await service.untilHeard();
  assert.deepEqual(await seen(member), [ids[1], ids[0]]);
  assert.deepEqual(await seen("ten_b/usr_b/billing:*"), []);

  for (const id of ids) assert.equal((await call("DELETE", `/v1/billing/budgets/${id}`)).json.deleted, true);
  const gone = await call("DELETE", `/v1/billing/budgets/${ids[0]}`);
  assert.deepEqual([gone.status, gone.json.error.code], [404, "BILLING_052"]);
});

test("who may not manage budgets sets none and sees no other person's; another tenant's do not exist", async () => {
  const body = { scope: "tenant", unit: "calls", limit: "5", period: "day" };
  for (const [method, path, sent] of [
    ["POST", "/v1/billing/budgets", body],
    ["PUT", "/api/v1/billing/quotas/usr_a", { limits: [] }],
    ["DELETE", "/api/v1/billing/quotas/usr_a", undefined],
  ] as const) {
    assert.equal((await call(method, path, sent, member)).status, 403, path);
  }
  const hidden = await call("GET", "/api/v1/billing/quotas/usr_admin", undefined, member);
  assert.deepEqual([hidden.status, hidden.json.error.code], [403, "BILLING_054"]);
  const { json } = await call("POST", "/v1/billing/budgets", body);
  for (const method of ["GET", "DELETE"] as const) {
    const other = await call(method, `/v1/billing/budgets/${json.id}`, undefined, "ten_b/usr_b/billing:*");
    assert.deepEqual([other.status, other.json.error.code], [404, "BILLING_052"]);
  }
  assert.equal(
    (await call("POST", "/v1/billing/budgets", body, "ten_none/usr_b/billing:*")).json.error.code,
    "BILLING_003",
  );
});

test("a limit that is no limit is refused by name, in both languages", async () => {
  const good = { scope: "user", scope_id: "usr_a", unit: "tokens", limit: "5", period: "day" };
  const bad: readonly (readonly [object, field: string])[] = [
    [{ scope: "team" }, "scope"],
    [{ scope_id: undefined }, "scope_id"],
    [{ unit: "euro" }, "unit"],
    [{ period: "week" }, "period"],
    [{ limit: "1.5" }, "limit"],
    [{ limit: "-1" }, "limit"],
    [{ limit: "9999999999999999999" }, "limit"],
    [{ unit: "money", limit: "0.0000000001" }, "limit"],
    [{ time_zone: "Mars/Olympus" }, "time_zone"],
    [{ reset_day: 29 }, "reset_day"],
    [{ alert_percents: [101] }, "alert_percents.0"],
    [{ alert_percents: [] }, "alert_percents"],
  ];
  for (const [more, field] of bad) {
    const { status, json } = await call("POST", "/v1/billing/budgets", { ...good, ...more });
    assert.deepEqual([status, json.error.code], [400, "KIT_002"], field);
    assert.ok(json.error.message_i18n.en_US.startsWith(`${field}: `), json.error.message_i18n.en_US);
    assert.match(json.error.message_i18n.zh_CN, /\p{Script=Han}/u);
  }
  const { scope, scope_id, ...limit } = good;
  const twice = await call("PUT", "/api/v1/billing/quotas/usr_a", { limits: [limit, limit] });
  assert.deepEqual([twice.status, twice.json.error.details.field], [400, "limits"]);
});
