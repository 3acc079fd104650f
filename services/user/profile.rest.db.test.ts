import assert from "node:assert/strict";
import { after, test } from "node:test";
import { budgetThresholdReached } from "@lyss/contracts/events/billing.ts";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { BudgetPeriod, BudgetScope, BudgetUnit } from "@lyss/contracts/gen/lyss/billing/v1/budget_pb.js";
import { Secret } from "@lyss/kit/config/secret.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startMailServer } from "@lyss/kit/testing/mail-server.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import type { Role } from "./model.ts";
import { user } from "./service.ts";
import { peersThatServe } from "./test-peers.ts";

const budget = {
  ...{ unit: BudgetUnit.MONEY, period: BudgetPeriod.MONTH, scope: BudgetScope.USER },
  ...{ limit: 10_500_000_000n, used: 9_000_000_000n, reserved: 500_000_000n },
};
const clients = peersThatServe(({ rpc }) => {
  rpc(AuthService.method.setPrincipal, () => ({ isApplied: true }));
  rpc(BillingService.method.getUserQuota, ({ userId, tenantId }) => ({
    quota: { userId, tenantId, budgets: [budget] },
  }));
});
const mailServer = await startMailServer({ after });
const service = await startTestService({ after }, user, { clients, config: { mail: { url: mailServer.url } } });
const { ops, random, sql, listEvents, say, hear, untilHeard, jobs } = service;
/** The bearer token is the caller: `<tenant>/<person>/<permissions, by commas>/<key>`. */
const server = await startTestServer({
  mounted: [{ name: "user", routes: user.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId, held, keyId = ""] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId || !held) return undefined;
    return { tenantId, userId, keyId, ...noSession, permissions: held.split(","), models: [] };
  },
});
after(() => server.close());
const { call } = server;

async function createPerson(role: Role, tenantId = random.id("ten")) {
  const email = `${random.id(role)}@example.com`;
  const password = new Secret("correct horse battery");
  const { userId } = await ops.createUser({ tenantId, email, password, name: "Ann", role });
  const held = role === "member" ? "user:read,billing:read" : "user:*,billing:*";
  return { tenantId, userId, email, token: `${tenantId}/${userId}/${held}` };
}

/** The least that each format's head may be, of a size in pixels. */
const images = {
  "image/png": (width: number, height: number) => {
    const bytes = Buffer.alloc(45);
    Buffer.from("89504e470d0a1a0a0000000d49484452", "hex").copy(bytes);
    bytes.writeUInt32BE(width, 16);
    bytes.writeUInt32BE(height, 20);
    return bytes;
  },
  "image/jpeg": (width: number, height: number) => {
    const head = Buffer.from("ffd8ffe000104a46494600010100000100010000ffc20011080000000003", "hex");
    head.writeUInt16BE(height, 25);
    head.writeUInt16BE(width, 27);
    return head;
  },
  "image/webp": (width: number, height: number) => {
    const bytes = Buffer.alloc(32);
    bytes.write("RIFF", 0);
    bytes.write("WEBPVP8X", 8);
    bytes.writeUIntLE(width - 1, 24, 3);
    bytes.writeUIntLE(height - 1, 27, 3);
    return bytes;
  },
} as const;
const base64 = (bytes: Buffer) => bytes.toString("base64");

test("a profile is changed in part, with an ETag, and everybody hears of what others see", async () => {
  const { token, userId } = await createPerson("member");
  const before = await call(token, "GET", "/api/v1/users/me/profile");
  assert.deepEqual(before.json, {
    ...{ object: "user.profile", id: userId, name: "Ann", locale: "en_US", time_zone: "UTC", avatar: null, version: 1 },
  });
  const change = { locale: "zh_CN", time_zone: "Asia/Shanghai" };
  const changed = await call(token, "PATCH", "/v1/users/me/profile", change, { "if-match": '"1"' });
  assert.deepEqual([changed.status, changed.headers.get("etag")], [200, '"2"']);
  assert.deepEqual(changed.json, { ...before.json, ...change, version: 2 });
  assert.deepEqual((await call(token, "PATCH", "/v1/users/me/profile", change)).json, changed.json);
  const late = await call(token, "PATCH", "/v1/users/me/profile", { name: "Bob" }, { "if-match": '"1"' });
  assert.deepEqual([late.status, late.json.error.code], [412, "USER_010"]);
  const told = (await listEvents()).filter(({ key, type }) => key === userId && type === "user.updated");
  assert.deepEqual(
    told.map(({ data }) => data["changes"]),
    [
      [
        { field: "locale", oldValue: "en_US", newValue: "zh_CN" },
        { field: "time_zone", oldValue: "UTC", newValue: "Asia/Shanghai" },
      ],
    ],
  );
});

test("others' profiles and pictures are changed with user:update, within the tenant alone", async () => {
  const member = await createPerson("member");
  const admin = await createPerson("admin", member.tenantId);
  const stranger = await createPerson("owner");
  const of = (part: string) => `/api/v1/users/${member.userId}/${part}`;
  const image = base64(images["image/png"](64, 64));
  assert.equal((await call(admin.token, "PATCH", of("profile"), { name: "Mary" })).json.name, "Mary");
  assert.equal((await call(admin.token, "PUT", of("avatar"), { image })).status, 200);
  assert.equal((await call(member.token, "PATCH", `/v1/users/${admin.userId}/profile`, { name: "X" })).status, 403);
  assert.equal((await call(member.token, "PUT", `/v1/users/${admin.userId}/avatar`, { image })).status, 403);
  for (const [method, part, body] of [
    ["GET", "profile", undefined],
    ["PATCH", "profile", { name: "X" }],
    ["GET", "avatar", undefined],
    ["PUT", "avatar", { image }],
    ["DELETE", "avatar", undefined],
    ["GET", "quota", undefined],
  ] as const) {
    assert.equal((await call(stranger.token, method, of(part), body)).status, 404, `${method} ${part}`);
  }
  for (const method of ["GET", "PATCH"]) {
    const body = method === "GET" ? undefined : { theme: "dark" };
    assert.equal((await call(admin.token, method, of("settings"), body)).status, 404, "settings are one's own");
  }
  const key = `${member.token}/key_1`;
  assert.equal((await call(key, "PATCH", "/v1/users/me/profile", { name: "Thief" })).status, 403);
  assert.equal((await call(key, "PATCH", "/v1/users/me/settings", { theme: "dark" })).status, 403);
});

test("a picture is what its bytes say, keeps its address for ever, and is gone when it is removed", async () => {
  const { token, userId } = await createPerson("member");
  for (const [type, draw] of Object.entries(images)) {
    const bytes = draw(640, 480);
    const set = await call(token, "PUT", "/api/v1/users/me/avatar", { image: base64(bytes) });
    assert.equal(set.status, 200, set.text);
    const { url, ...facts } = set.json.avatar;
    assert.deepEqual(facts, { content_type: type, width: 640, height: 480 });
    const again = await call(token, "PUT", "/api/v1/users/me/avatar", { image: base64(bytes) });
    assert.equal(again.json.version, set.json.version, "a repeat changes nothing");
    const headers = { authorization: `Bearer ${token}` };
    const got = await fetch(server.url + url, { headers });
    assert.deepEqual(Buffer.from(await got.arrayBuffer()), bytes);
    assert.deepEqual(
      ["content-type", "cache-control", "x-content-type-options"].map((name) => got.headers.get(name)),
      [type, "private, max-age=31536000, immutable", "nosniff"],
    );
    const path = `${server.url}/v1/users/${userId}/avatar`;
    const known = await fetch(path, { headers: { ...headers, "if-none-match": `"x", ${got.headers.get("etag")}` } });
    assert.deepEqual([known.status, await known.text()], [304, ""]);
    assert.equal(known.headers.get("cache-control"), "private, no-cache");
  }
  assert.equal((await call(token, "DELETE", "/v1/users/me/avatar")).json.avatar, null);
  assert.equal((await call(token, "DELETE", "/v1/users/me/avatar")).status, 200);
  const gone = await call(token, "GET", "/v1/users/me/avatar");
  assert.deepEqual([gone.status, gone.json.error.code], [404, "USER_019"]);
});

test("a picture goes with its person", async () => {
  const { tenantId, userId, token } = await createPerson("member");
  await call(token, "PUT", "/v1/users/me/avatar", { image: base64(images["image/png"](1, 1)) });
  await ops.deleteUser({ userId, tenantId, actor: undefined, clientAddress: "" });
  assert.equal((await sql`select from avatar where user_id = ${userId}`).length, 0);
});

test("what is no picture, or too large, is refused with the bound, in both languages", async () => {
  const { token } = await createPerson("member");
  const png = images["image/png"];
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');
  for (const [bytes, reason] of [
    [svg, /PNG, JPEG or WebP/],
    [Buffer.from("GIF89a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), /PNG, JPEG or WebP/],
    [png(0, 10), /PNG, JPEG or WebP/],
    [png(10, 10).subarray(0, 20), /PNG, JPEG or WebP/],
    [images["image/jpeg"](9, 9).subarray(0, 24), /PNG, JPEG or WebP/],
    [png(2_049, 1), /2048 by 2048 pixels/],
    [Buffer.concat([png(9, 9), Buffer.alloc(262_144)]), /characters|256 KiB/],
    [Buffer.concat([png(9, 9), Buffer.alloc(262_144 - 44)]), /256 KiB/],
  ] as const) {
    const refused = await call(token, "PUT", "/v1/users/me/avatar", { image: base64(bytes) });
    assert.deepEqual([refused.status, refused.json.error.details.field], [400, "image"], refused.text);
    assert.match(refused.json.error.message_i18n.en_US, reason);
    assert.match(refused.json.error.message_i18n.zh_CN, /\p{Script=Han}/u);
  }
  assert.equal((await call(token, "PUT", "/v1/users/me/avatar", { image: "§" })).status, 400);
});

test("fields have bounds, and unknown ones are refused", async () => {
  const { token } = await createPerson("member");
  for (const [part, body, field] of [
    ["profile", { name: "" }, "name"],
    ["profile", { name: "x".repeat(101) }, "name"],
    ["profile", { locale: "fr_FR" }, "locale"],
    ["profile", { time_zone: "+08:00" }, "time_zone"],
    ["profile", { time_zone: "Mars/Olympus" }, "time_zone"],
    ["profile", { theme: "dark" }, "theme"],
    ["profile", { role: "owner" }, "role"],
    ["settings", { theme: "pink" }, "theme"],
    ["settings", { notifications: { budget_alerts: 1 } }, "notifications.budget_alerts"],
    ["settings", { notifications: { all: true } }, "notifications.all"],
    ["settings", { name: "X" }, "name"],
  ] as const) {
    const refused = await call(token, "PATCH", `/v1/users/me/${part}`, body);
    assert.deepEqual([refused.status, refused.json.error.details.field], [400, field], JSON.stringify(body));
    assert.notEqual(refused.json.error.message_i18n.zh_CN, refused.json.error.message_i18n.en_US);
  }
});

test("what may be used and what is left is told as billing holds it: one's own, with billing:budget everybody's", async () => {
  const member = await createPerson("member");
  const admin = await createPerson("admin", member.tenantId);
  const own = await call(member.token, "GET", "/api/v1/users/me/quota");
  const limits = [
    { unit: "money", period: "month", limit: "10.5", used: "9", remaining: "1", reserved: "0.5", reset_at: null },
  ];
  assert.deepEqual(own.json, { object: "user.quota", id: member.userId, limits });
  assert.deepEqual((await call(admin.token, "GET", `/v1/users/${member.userId}/quota`)).json, own.json);
  assert.equal((await call(member.token, "GET", `/v1/users/${admin.userId}/quota`)).status, 403);
});

test("a budget of one's own that reaches a mark is told by mail, in one's language and zone, unless one does not want it", async () => {
  await hear();
  const { tenantId, userId, email, token } = await createPerson("member");
  await call(token, "PATCH", "/v1/users/me/profile", { locale: "zh_CN", time_zone: "Asia/Shanghai" });
  const resetAt = { seconds: BigInt(Date.UTC(2026, 7, 31, 16) / 1_000), nanos: 0 };
  const reach = async (percent: number, period: BudgetPeriod) => {
    const reached = { ...budget, budgetId: random.id("bud"), tenantId, scopeId: userId, period, resetAt };
    await say(budgetThresholdReached, { tenantId, percent, budget: reached });
    await untilHeard();
    await jobs?.find(({ name }) => name === "send-mails")?.run(new AbortController().signal);
    return mailServer.received.filter(({ to }) => to.includes(email));
  };
  assert.equal((await reach(50, BudgetPeriod.MINUTE)).length, 0, "over before anybody reads it");
  const [mail] = await reach(80, BudgetPeriod.MONTH);
  assert.equal(mail?.subject, "您的额度已使用 80%");
  assert.match(mail?.text ?? "", /2026年9月1日/);
  const off = await call(token, "PATCH", "/api/v1/users/me/settings", {
    ...{ theme: "dark", notifications: { budget_alerts: false } },
  });
  assert.deepEqual([off.json.theme, off.json.notifications], ["dark", { budget_alerts: false }]);
  assert.deepEqual((await call(token, "GET", "/v1/users/me/settings")).json, off.json);
  assert.equal((await reach(100, BudgetPeriod.MONTH)).length, 1);
});
