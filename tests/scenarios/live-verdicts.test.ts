import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock as clock, delay } from "@lyss/kit/service/clock.ts";
import { closeInReverse, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { waitForNoHold } from "../read-money.ts";
import { requestJson } from "../run-platform.ts";
import { type GatewayFleet, runGatewayFleet } from "./gateway-fleet.ts";
import { openStream } from "./open-streams.ts";

const limits = { timeout: 300_000 };
const nodes = 2;

interface SignedIn {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly session_id: string;
}

/** The admin of the first run, signed in through one of the gateways. */
async function signIn({ gateways }: GatewayFleet, number: number): Promise<SignedIn> {
  const first = readFirstRun(gateways[0]?.dataDir ?? "");
  const body = { grant_type: "password", username: first.adminEmail, password: first.adminPassword };
  const answer = await requestJson(`${gateways[number]?.url}/api/v1/auth/token`, "", { body });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body as unknown as SignedIn;
}

function readFirstRun(dataDir: string): { readonly adminEmail: string; readonly adminPassword: string } {
  return JSON.parse(readFileSync(join(dataDir, "first-run.json"), "utf8"));
}

const validate = (fleet: GatewayFleet, number: number, token: string) =>
  requestJson(`${fleet.gateways[number]?.url}/api/v1/auth/validate`, token);

/** Asks every gateway over and over until each refuses; how long the last one took since `sinceMs`. */
async function msUntilRefused(fleet: GatewayFleet, token: string, sinceMs: number): Promise<number> {
  await Promise.all(
    fleet.gateways.map(async (_gateway, number) => {
      for (;;) {
        const { status } = await validate(fleet, number, token);
        if (status === 401) return;
        assert.equal(status, 200);
        await delay(clock, 5);
      }
    }),
  );
  return clock.monotonicMs() - sinceMs;
}

/** How long a service client that is disabled is let in still. */
async function msUntilClientIsOut(fleet: GatewayFleet, admin: SignedIn): Promise<number> {
  const { gateways } = fleet;
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
    const { status, body } = await validate(fleet, number, ofClient);
    assert.deepEqual([status, body["client_id"], body["key_id"]], [200, client_id, null]);
  }
  const startedMs = clock.monotonicMs();
  const disabling = { method: "PATCH", body: { disabled: true } };
  await requestJson(`${gateways[0]?.url}/api/v1/auth/clients/${client_id}`, admin.access_token, disabling);
  return msUntilRefused(fleet, ofClient, startedMs);
}

/** How long an operator acts in somebody's name after signing out. */
async function msUntilOperatorIsOut(fleet: GatewayFleet, admin: SignedIn): Promise<number> {
  const { gateways } = fleet;
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
  for (let number = 0; number < nodes; number++) assert.equal((await validate(fleet, number, inHerName)).status, 200);
  const startedMs = clock.monotonicMs();
  await requestJson(`${gateways[0]?.url}/api/v1/auth/sessions/current`, admin.access_token, { method: "DELETE" });
  return msUntilRefused(fleet, inHerName, startedMs);
}

const startFleet = (t: TestScope) => runGatewayFleet(closeInReverse(t), nodes, {});

test(
  "I2, I3, I5: what is ended on one node is refused by all within a second, also after a restart",
  limits,
  async (t) => {
    const fleet = await startFleet(t);
    const { gateways } = fleet;
    const post = (path: string, token: string, body: object) =>
      requestJson(`${gateways[0]?.url}${path}`, token, { body });

    const reused = await signIn(fleet, 0);
    for (let number = 0; number < nodes; number++) {
      assert.equal((await validate(fleet, number, reused.access_token)).status, 200);
    }
    const next = await post("/v1/auth/refresh", "", { refresh_token: reused.refresh_token });
    assert.equal(next.status, 200);
    await delay(clock, 5_100);
    let startedMs = clock.monotonicMs();
    assert.equal((await post("/v1/auth/refresh", "", { refresh_token: reused.refresh_token })).status, 401);
    const afterReuseMs = await msUntilRefused(fleet, reused.access_token, startedMs);
    assert.equal((await validate(fleet, 1, String(next.body["access_token"]))).status, 401);

    const admin = await signIn(fleet, 1);
    const key = await post("/v1/keys", admin.access_token, { name: "under load" });
    const secret = String(key.body["secret"]);
    for (let number = 0; number < nodes; number++) assert.equal((await validate(fleet, number, secret)).status, 200);
    startedMs = clock.monotonicMs();
    await requestJson(`${gateways[0]?.url}/v1/keys/${key.body["id"]}`, admin.access_token, { method: "DELETE" });
    const afterRevocationMs = await msUntilRefused(fleet, secret, startedMs);

    const afterDisablingMs = await msUntilClientIsOut(fleet, admin);
    const afterOperatorMs = await msUntilOperatorIsOut(fleet, admin);

    await fleet.replace(0);
    for (const token of [reused.refresh_token, String(next.body["refresh_token"])]) {
      const answer = await requestJson(`${gateways[0]?.url}/v1/auth/refresh`, "", { body: { refresh_token: token } });
      assert.equal(answer.status, 401);
    }
    t.diagnostic(
      `refused by ${nodes} nodes ${Math.round(afterReuseMs)} ms after a reuse, ${Math.round(afterRevocationMs)} ms after a revocation, ${Math.round(afterDisablingMs)} ms after a service client was disabled, ${Math.round(afterOperatorMs)} ms after an operator in somebody's name had signed out`,
    );
    assert.ok(Math.max(afterReuseMs, afterRevocationMs, afterDisablingMs, afterOperatorMs) <= 1_000);
  },
);

test(
  "I12: an open stream of a session that is ended, and of a key that is revoked, is cut within 5 s and settled",
  limits,
  async (t) => {
    const fleet = await startFleet(t);
    const [gateway] = fleet.gateways;
    assert.ok(gateway);
    const directives = "simulate.tokens=1000 simulate.token_delay_ms=50";
    const [mine, other] = [await signIn(fleet, 0), await signIn(fleet, 1)];
    const key = await requestJson(`${gateway.url}/v1/keys`, other.access_token, { body: { name: "of a stream" } });
    const streamOf = (apiKey: string, number: number) =>
      openStream({ ...gateway, url: fleet.gateways[number]?.url ?? "", apiKey }, { directives });
    const ofSession = [streamOf(mine.access_token, 0), streamOf(mine.access_token, 1)];
    const ofKey = streamOf(String(key.body["secret"]), 1);
    const untouched = streamOf(other.access_token, 1);
    await Promise.all([...ofSession, ofKey, untouched].map(({ begun }) => begun));
    await delay(clock, 1_100);

    const startedMs = clock.monotonicMs();
    await requestJson(`${gateway.url}/v1/auth/revoke`, "", { body: { token: mine.refresh_token } });
    await requestJson(`${gateway.url}/v1/keys/${key.body["id"]}`, other.access_token, { method: "DELETE" });
    const cut = await Promise.all([...ofSession, ofKey].map(({ ended }) => ended));
    const cutMs = clock.monotonicMs() - startedMs;
    assert.ok(cut.every(({ status, isBroken }) => status === 200 && isBroken));
    assert.ok(cutMs <= 5_000, `${cutMs} ms`);
    t.diagnostic(`three streams on two nodes were cut after ${Math.round(cutMs)} ms`);
    assert.equal((await validate(fleet, 1, other.access_token)).status, 200);
    await requestJson(`${gateway.url}/v1/auth/logout`, other.access_token, { method: "POST" });
    assert.equal((await untouched.ended).isBroken, true);
    await waitForNoHold(gateway);
  },
);
