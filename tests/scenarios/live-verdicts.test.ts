import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { accessChanged } from "@lyss/contracts/events/auth.ts";
import { tenantUpdated } from "@lyss/contracts/events/tenant.ts";
import { userUpdated } from "@lyss/contracts/events/user.ts";
import { systemClock as clock, delay } from "@lyss/kit/service/clock.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { tenant } from "@lyss/services/tenant/service.ts";
import { exportingServices } from "@lyss/services/user/exports/export-model.ts";
import { user } from "@lyss/services/user/service.ts";
import { waitForNoHold } from "../read-money.ts";
import { type RunningPlatform, requestJson } from "../run-platform.ts";
import { runGatewayFleet } from "./gateway-fleet.ts";
import { type OpenStream, openStream } from "./open-streams.ts";

const limits = { timeout: 300_000 };
const nodes = 2;
const password = "correct horse battery";

interface SignedIn {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly session_id: string;
}

// The world of all that follows: two gateways before the services, with the operator of the first run.
const fleet = await runGatewayFleet({ after }, nodes, {});
const { gateways } = fleet;
const [gateway] = gateways;
assert.ok(gateway);
const first = JSON.parse(readFileSync(join(gateway.dataDir, "first-run.json"), "utf8"));

/** A request to the gateway of that number. */
function send(number: number, token: string, path: string, init?: Parameters<typeof requestJson>[2]) {
  return requestJson(`${gateways[number]?.url}${path}`, token, init);
}

async function signIn(number: number, username = first.adminEmail, secret = first.adminPassword): Promise<SignedIn> {
  const body = { grant_type: "password", username, password: secret };
  const answer = await send(number, "", "/api/v1/auth/token", { body });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body as unknown as SignedIn;
}

async function createKey(number: number, token: string): Promise<{ readonly id: string; readonly secret: string }> {
  const { status, body } = await send(number, token, "/v1/keys", { body: { name: "of a test" } });
  assert.equal(status, 201, JSON.stringify(body));
  return { id: String(body["id"]), secret: String(body["secret"]) };
}

const validate = (number: number, token: string) => send(number, token, "/api/v1/auth/validate");

/** Asks every gateway over and over until each answers all of the tokens with that status; how long after `sinceMs` that was. */
async function msUntilAll(status: 200 | 401, tokens: readonly string[], sinceMs: number): Promise<number> {
  await Promise.all(
    gateways.flatMap((_gateway, number) =>
      tokens.map(async (token) => {
        for (;;) {
          const answer = await validate(number, token);
          if (answer.status === status) return;
          assert.ok(answer.status === 200 || answer.status === 401, String(answer.status));
          await delay(clock, 20);
        }
      }),
    ),
  );
  return clock.monotonicMs() - sinceMs;
}

/** Longer than any test looks at them. */
const directives = "simulate.tokens=100 simulate.token_delay_ms=600";

/** Streams of these tokens on every gateway, which have gone on for long enough to be worth cutting. */
async function openStreams(tokens: readonly string[]): Promise<readonly OpenStream[]> {
  const opened = tokens.flatMap((apiKey) =>
    gateways.map((each) => openStream({ ...each, apiKey }, { model: "simulated-chat", directives })),
  );
  await Promise.all(opened.map(({ begun }) => begun));
  await delay(clock, 1_100);
  return opened;
}

/** Resolves when each was cut; how long after `sinceMs` the last one was. */
async function msUntilCut(streams: readonly OpenStream[], sinceMs: number): Promise<number> {
  const cut = await Promise.all(streams.map(({ ended }) => ended));
  const seen = cut.map(({ status, isBroken, text }) => `${status} ${isBroken} ${text.slice(-300)}`);
  assert.ok(
    cut.every(({ status, isBroken }) => status === 200 && isBroken),
    seen.join("\n"),
  );
  return clock.monotonicMs() - sinceMs;
}

/** Whether one of them is over. */
async function anyEnded(streams: readonly OpenStream[]): Promise<boolean> {
  const isOver = streams.map(({ ended }) => ended.then(() => true));
  return Promise.race([...isOver, delay(clock, 100).then(() => false)]);
}

/** How long it takes from now until all of these are refused and cut. */
async function measureEnd(tokens: readonly string[], streams: readonly OpenStream[]) {
  const sinceMs = clock.monotonicMs();
  const [refusedMs, cutMs] = await Promise.all([msUntilAll(401, tokens, sinceMs), msUntilCut(streams, sinceMs)]);
  return {
    isInTime: refusedMs <= 1_000 && cutMs <= 5_000,
    text: `is refused by ${nodes} nodes after ${Math.round(refusedMs)} ms, ${streams.length} streams are cut after ${Math.round(cutMs)} ms`,
  };
}

/** A tenant with money and people of these roles, each signed in on every gateway, with a key. */
async function createTenant(slug: string, roles: readonly string[]) {
  const [tenants, users] = [fleet.client(tenant), fleet.client(user)];
  const { tenant: made } = await tenants.createTenant({ name: slug, slug, plan: "free" });
  const tenantId = made?.tenantId ?? "";
  const people = [];
  for (const role of roles) {
    const email = `${role}@${slug}.test`;
    const { userId } = await users.createUser({ tenantId, email, password, name: role, role });
    people.push({ userId, email });
  }
  await tenants.activateTenant({ tenantId });
  const cause = { reference: slug, reason: "to call with" };
  const grant = { amount: "10", expires_at: new Date(clock.nowMs() + 3_600_000).toISOString(), ...cause };
  const grants = `/admin/billing/wallets/${tenantId}/grants`;
  // Billing opens the wallet when it hears of the tenant.
  while ((await send(0, first.apiKey, grants, { body: grant })).status !== 201) await delay(clock, 20);
  const signedIn = people.map(async (person) => {
    const sessions = [await signIn(0, person.email, password), await signIn(1, person.email, password)];
    const key = await createKey(0, sessions[0]?.access_token ?? "");
    const tokens = [...sessions.map(({ access_token }) => access_token), key.secret];
    await msUntilAll(200, tokens, 0);
    return { ...person, sessions, tokens };
  });
  return { tenantId, people: await Promise.all(signedIn) };
}

/** Waits until so many calls of a tenant are recorded and nothing is set aside; gives how they ended. */
async function settledCalls(tenantId: string, token: string, count: number): Promise<readonly string[]> {
  const readStatuses = () =>
    fleet.sql<{ status: string }[]>`select outcome as status from billing.usage where tenant_id = ${tenantId}`;
  while ((await readStatuses()).length < count) await delay(clock, 20);
  await waitForNoHold({ ...(gateways[1] as RunningPlatform), apiKey: token });
  return (await readStatuses()).map(({ status }) => status);
}

/** How long a service client that is disabled is let in still. */
async function msUntilClientIsOut(admin: SignedIn): Promise<number> {
  const post = (path: string, token: string, body: object) =>
    requestJson(`${gateways[0]?.url}${path}`, token, { body });
  const made = await post("/api/v1/auth/clients", admin.access_token, {
    name: "nightly",
    permissions: ["model:list"],
  });
  const { id: client_id, client_secret } = made.body as Record<string, string>;
  const given = await fetch(`${gateways[1]?.url}/v1/auth/token`, {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString("base64")}` },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
  const ofClient = ((await given.json()) as SignedIn).access_token;
  assert.equal((await requestJson(`${gateways[0]?.url}/v1/models`, ofClient)).status, 200);
  for (let number = 0; number < nodes; number++) {
    const { status, body } = await validate(number, ofClient);
    assert.deepEqual([status, body["client_id"], body["key_id"]], [200, client_id, null]);
  }
  const startedMs = clock.monotonicMs();
  const disabling = { method: "PATCH", body: { disabled: true } };
  await requestJson(`${gateways[0]?.url}/api/v1/auth/clients/${client_id}`, admin.access_token, disabling);
  return msUntilAll(401, [ofClient], startedMs);
}

/** How long an operator acts in somebody's name after signing out. */
async function msUntilOperatorIsOut(admin: SignedIn): Promise<number> {
  const post = (path: string, token: string, body: object) =>
    requestJson(`${gateways[0]?.url}${path}`, token, { body });
  const ann = "usr_00000000000000000000000ann";
  await fleet.sql`
    insert into "user".person (user_id, tenant_id, email, name, role, status, created_at, updated_at)
    values (${ann}, 'ten_other', 'ann@example.com', 'Ann', 'member', 'active', now(), now())`;
  const acting = await post(`/admin/users/${ann}/impersonate`, admin.access_token, { reason: "ticket 7" });
  assert.equal(acting.status, 200, JSON.stringify(acting.body));
  const inHerName = String(acting.body["access_token"]);
  const profile = { method: "PATCH", body: { name: "Anne" } };
  const changed = await requestJson(`${gateways[1]?.url}/api/v1/users/me/profile`, inHerName, profile);
  assert.deepEqual([changed.status, changed.body["name"]], [200, "Anne"]);
  const call = { model: "simulated-chat", messages: [{ role: "user", content: "hello" }] };
  assert.equal((await post("/v1/chat/completions", inHerName, call)).status, 403, "nobody spends her money");
  assert.equal((await post("/v1/keys", inHerName, { name: "x" })).status, 403);
  const [said] = await fleet.sql`
    select operator from event_log.event where type = 'user.updated' and key = ${ann} order by seq desc limit 1`;
  assert.match(String(said?.["operator"]), /^usr_/);
  for (let number = 0; number < nodes; number++) assert.equal((await validate(number, inHerName)).status, 200);
  const startedMs = clock.monotonicMs();
  await requestJson(`${gateways[0]?.url}/api/v1/auth/sessions/current`, admin.access_token, { method: "DELETE" });
  return msUntilAll(401, [inHerName], startedMs);
}

test("I2, I5: what is ended on one node is refused by all within a second", limits, async (t) => {
  const reused = await signIn(0);
  await msUntilAll(200, [reused.access_token], 0);
  const next = await send(0, "", "/v1/auth/refresh", { body: { refresh_token: reused.refresh_token } });
  assert.equal(next.status, 200);
  await delay(clock, 5_100);
  let startedMs = clock.monotonicMs();
  const again = await send(0, "", "/v1/auth/refresh", { body: { refresh_token: reused.refresh_token } });
  assert.equal(again.status, 401);
  const afterReuseMs = await msUntilAll(401, [reused.access_token], startedMs);
  assert.equal((await validate(1, String(next.body["access_token"]))).status, 401);

  const admin = await signIn(1);
  const key = await createKey(0, admin.access_token);
  await msUntilAll(200, [key.secret], 0);
  startedMs = clock.monotonicMs();
  await send(0, admin.access_token, `/v1/keys/${key.id}`, { method: "DELETE" });
  const afterRevocationMs = await msUntilAll(401, [key.secret], startedMs);
  const afterDisablingMs = await msUntilClientIsOut(admin);
  const afterSigningOutMs = await msUntilOperatorIsOut(admin);
  t.diagnostic(
    `refused by ${nodes} nodes ${Math.round(afterReuseMs)} ms after a reuse, ${Math.round(afterRevocationMs)} ms after a revocation, ${Math.round(afterDisablingMs)} ms after a service client was disabled, ${Math.round(afterSigningOutMs)} ms in the name of another after an operator signed out`,
  );
  assert.ok(Math.max(afterReuseMs, afterRevocationMs, afterDisablingMs, afterSigningOutMs) <= 1_000);
});

test(
  "I12: an open stream of a session that is ended, and of a key that is revoked, is cut within 5 s and settled",
  limits,
  async (t) => {
    const [mine, other] = [await signIn(0), await signIn(1)];
    const key = await createKey(0, other.access_token);
    const cut = await openStreams([mine.access_token, key.secret]);
    const untouched = await openStreams([other.access_token]);

    const startedMs = clock.monotonicMs();
    await send(0, "", "/v1/auth/revoke", { body: { token: mine.refresh_token } });
    await send(0, other.access_token, `/v1/keys/${key.id}`, { method: "DELETE" });
    const cutMs = await msUntilCut(cut, startedMs);
    assert.ok(cutMs <= 5_000, `${cutMs} ms`);
    t.diagnostic(`four streams on two nodes were cut after ${Math.round(cutMs)} ms`);
    assert.equal((await validate(1, other.access_token)).status, 200);
    await send(0, other.access_token, "/v1/auth/logout", { method: "POST" });
    await msUntilCut(untouched, startedMs);
    await waitForNoHold(gateway);
  },
);

test(
  "I12: a disabled person's, then a suspended tenant's sessions and keys are refused on all nodes within a second, their streams cut within 5 s and settled; others go on",
  limits,
  async (t) => {
    const { tenantId, people } = await createTenant("acme", ["owner", "member"]);
    const [owner, member] = people;
    assert.ok(owner && member);
    const other = await signIn(1);
    const ofMember = await openStreams(member.tokens);
    const ofOwner = await openStreams(owner.tokens);
    const ofOther = await openStreams([other.access_token]);

    const disable = { body: { reason: "left the company" } };
    assert.equal((await send(0, first.apiKey, `/admin/users/${member.userId}/disable`, disable)).status, 200);
    const person = await measureEnd(member.tokens, ofMember);
    t.diagnostic(`a person ${person.text}`);
    for (const [number, { refresh_token }] of member.sessions.entries()) {
      assert.equal((await send(number, "", "/v1/auth/refresh", { body: { refresh_token } })).status, 401);
    }
    const comeBack = { body: { email: member.email, password } };
    assert.equal((await send(1, "", "/api/v1/users/login", comeBack)).status, 401);
    await msUntilAll(200, owner.tokens, 0);
    assert.equal(await anyEnded(ofOwner), false);

    const suspend = { body: { reason: "unpaid" } };
    assert.equal((await send(0, first.apiKey, `/api/v1/tenants/${tenantId}/suspend`, suspend)).status, 200);
    const whole = await measureEnd(owner.tokens, ofOwner);
    t.diagnostic(`a tenant ${whole.text}`);
    assert.equal((await send(1, "", "/api/v1/users/login", { body: { email: owner.email, password } })).status, 403);
    await msUntilAll(200, [other.access_token], 0);
    assert.equal(await anyEnded(ofOther), false);

    const startedMs = clock.monotonicMs();
    await send(1, first.apiKey, `/api/v1/tenants/${tenantId}/reactivate`, { method: "POST" });
    const backMs = await msUntilAll(200, owner.tokens, startedMs);
    t.diagnostic(`let in again after ${Math.round(backMs)} ms`);
    assert.ok(person.isInTime && whole.isInTime);
    assert.ok(backMs <= 1_000, `${backMs} ms`);
    assert.equal((await validate(1, member.tokens[2] ?? "")).status, 401);
    const count = ofMember.length + ofOwner.length;
    assert.deepEqual(await settledCalls(tenantId, owner.tokens[2] ?? "", count), Array(count).fill("canceled"));
    await send(0, other.access_token, "/v1/auth/logout", { method: "POST" });
    await msUntilCut(ofOther, startedMs);
    await waitForNoHold(gateway);
  },
);

test(
  "I12: with no event delivered a suspended tenant and a disabled person are refused on all nodes within 5 s all the same",
  limits,
  async (t) => {
    const { tenantId, people } = await createTenant("unheard", ["owner", "member"]);
    const [owner, member] = people;
    assert.ok(owner && member);
    const streams = await openStreams([owner.tokens[2] ?? "", member.tokens[2] ?? ""]);
    const takesMs = async (tokens: readonly string[], path: string, reason: string) => {
      assert.equal((await send(0, first.apiKey, path, { body: { reason } })).status, 200);
      return msUntilAll(401, tokens, clock.monotonicMs());
    };
    // As a transaction does that has said something and does not end: nobody hears of what comes after it.
    const [personMs, tenantMs, cutMs] = await fleet.sql.begin(async (tx) => {
      for (const { type } of [userUpdated, tenantUpdated, accessChanged]) {
        await tx`select pg_advisory_xact_lock_shared(event_log.append_lock_key(${type}, event_log.last_drawn()))`;
      }
      const disabledMs = await takesMs(member.tokens, `/admin/users/${member.userId}/disable`, "left");
      const startedMs = clock.monotonicMs();
      const suspendedMs = await takesMs(owner.tokens, `/api/v1/tenants/${tenantId}/suspend`, "unpaid");
      return [disabledMs, suspendedMs, await msUntilCut(streams, startedMs)];
    });
    t.diagnostic(
      `without events: a person refused after ${Math.round(personMs)} ms, a tenant after ${Math.round(tenantMs)} ms, streams cut after ${Math.round(cutMs)} ms`,
    );
    // A verdict counts for 5 s; whoever is cut is looked at every second.
    assert.ok(personMs <= 5_500 && tenantMs <= 5_500 && cutMs <= 7_000);
  },
);

test(
  "I3: after all nodes were killed and started again no used or ended refresh token is accepted",
  limits,
  async (t) => {
    const [used, ended] = [await signIn(0), await signIn(1)];
    const next = await send(1, "", "/v1/auth/refresh", { body: { refresh_token: used.refresh_token } });
    const { access_token, refresh_token } = next.body as unknown as SignedIn;
    await send(0, ended.access_token, "/v1/auth/logout", { method: "POST" });
    await delay(clock, 5_100);
    const { access_token: exporting } = await signIn(0);
    assert.equal((await send(0, exporting, "/api/v1/users/me/export", { method: "POST" })).status, 202);
    await fleet.replaceAll();

    const accepted = await Promise.all(
      gateways.flatMap((_gateway, number) =>
        [used.refresh_token, ended.refresh_token].map((token) =>
          send(number, "", "/v1/auth/refresh", { body: { refresh_token: token } }),
        ),
      ),
    );
    assert.deepEqual(
      accepted.map(({ status }) => status),
      [401, 401, 401, 401],
    );
    // What was shown twice ended its session: nothing of it is accepted any more.
    await msUntilAll(401, [access_token, ended.access_token], 0);
    for (const number of gateways.keys()) {
      assert.equal((await send(number, "", "/v1/auth/refresh", { body: { refresh_token } })).status, 401);
    }
    t.diagnostic(`0 of ${accepted.length} accepted`);
    // What was asked for just before goes on where it stood.
    await waitUntil(async () => (await send(1, exporting, "/api/v1/users/me/export")).body["state"] === "ready");
    const { status, body } = await send(0, exporting, "/api/v1/users/me/export/download");
    assert.deepEqual([status, Object.keys(body["services"] as object)], [200, exportingServices]);
  },
);
