import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { findFreePorts } from "@lyss/kit/testing/free-ports.ts";
import { startMailServer } from "@lyss/kit/testing/mail-server.ts";
import { createOwnServer } from "@lyss/kit/testing/own-server.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { waitFor, waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { generateSync } from "otplib";
import { requestJson, runPlatform } from "../run-platform.ts";

// Two nodes of each service in four processes on one database. Those with the public port ask both of the others over gRPC, in turn.
const limits = { timeout: 240_000 };
const password = "correct horse battery";
const scope = closeInReverse({ after });
const mails = await startMailServer(scope);
const dataDir = mkdtempSync(join(tmpdir(), "lyss-nodes-"));
scope.after(async () => rmSync(dataDir, { recursive: true, force: true }));
const { url: databaseUrl } = await createOwnServer(scope).start();
const asked = ["auth", "group", "tenant"];
const askedPorts = await findFreePorts(2);
const askedUrls = askedPorts.map((port) => `http://127.0.0.1:${port}`);
const options = {
  dataDir,
  config: { database: { url: databaseUrl, maxConnections: 24 }, mail: { url: mails.url } },
  env: { LYSS_USER_REGISTRATION: "open", LYSS_HTTP_PUBLIC_URL: "http://lyss.test" },
};
const startAsked = (port: number) => {
  const args = ["--run", asked.join(), "--rpc-port", String(port)];
  return runPlatform(scope, { ...options, args, readyWhen: /program is running/ });
};
const startPublic = () => {
  const run = ["--run", "api-gateway,ai-gateway,audit,billing,credential,event,sso,user,workflow"];
  return runPlatform(scope, {
    ...options,
    args: [...run, ...asked.flatMap((name) => ["--peer", `${name}=${askedUrls}`])],
  });
};
// One after the other, for the first of each prepares the database.
const [first] = await Promise.all([startPublic(), startAsked(askedPorts[0] ?? 0)]);
const nodes = [first, ...(await Promise.all([startPublic(), startAsked(askedPorts[1] ?? 0)])).slice(0, 1)];

let turn = 0;
/** Each request goes to the node that did not get the one before. */
function send(token: string, path: string, body?: object, method?: string) {
  const { url } = nodes[turn++ % nodes.length] ?? first;
  return requestJson(url + path, token, { ...(body && { body }), ...(method && { method }) });
}

async function expectSent(status: number, ...request: Parameters<typeof send>): Promise<Record<string, unknown>> {
  const answer = await send(...request);
  assert.equal(answer.status, status, `${request[1]}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** Asks each node until it answers so, and fails after a second. */
async function untilBoth(what: string, isSo: (url: string) => Promise<boolean>): Promise<void> {
  await Promise.all(nodes.map(({ url }) => waitUntil(() => isSo(url), { withinMs: 1_000, what })));
}
const untilRefused = (token: string) =>
  untilBoth("refused", async (url) => (await requestJson(`${url}/api/v1/auth/validate`, token)).status === 401);

const linkTo = (email: string, action: string): Promise<string> =>
  waitFor(() => {
    const texts = mails.received.filter(({ to }) => to.includes(email)).map(({ text }) => text);
    const found = texts.map((text) => new RegExp(`account#${action}=([\\w-]{43})`).exec(text)?.[1]);
    return found.findLast((one) => one !== undefined);
  });

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}
const login = async (email: string) =>
  (await expectSent(200, "", "/api/v1/users/login", { email, password })) as unknown as Tokens;
const refresh = (refresh_token: string) => send("", "/api/v1/auth/refresh", { refresh_token });

/** Ann, who registered, and Bob, whom she invited: each step at the other node. */
async function register() {
  const [ann, bob] = ["ann@example.com", "bob@example.com"];
  await expectSent(202, "", "/api/v1/users/register", { email: ann, password, name: "Ann", organization: "Acme" });
  await expectSent(201, "", "/api/v1/users/register/confirm", { token: await linkTo(ann, "register") });
  const owner = await login(ann);
  await expectSent(201, owner.access_token, "/api/v1/invitations", { email: bob });
  const accepted = { token: await linkTo(bob, "accept"), name: "Bob", password };
  await expectSent(201, "", "/api/v1/invitations/accept", accepted);
  const member = await login(bob);
  const idOf = async ({ access_token }: Tokens) => (await expectSent(200, access_token, "/api/v1/users/me"))["id"];
  return { ann, bob, owner, member, bobId: String(await idOf(member)) };
}
const world = await register();

test(
  "a session is signed in to, refreshed, used and ended at whatever node, and is one and the same",
  limits,
  async () => {
    const signedIn = await login(world.bob);
    const next = await refresh(signedIn.refresh_token);
    const repeated = await refresh(signedIn.refresh_token);
    assert.deepEqual([next.status, repeated.status], [200, 200]);
    assert.equal(repeated.body["refresh_token"], next.body["refresh_token"]);
    const token = String(next.body["access_token"]);
    for (const _node of nodes) await expectSent(200, token, "/api/v1/users/me");
    const sessions = (await expectSent(200, token, "/api/v1/auth/sessions"))["data"] as {
      id: string;
      current: boolean;
    }[];
    assert.ok(sessions.length >= 2);
    await expectSent(204, token, "/api/v1/auth/logout", {});
    await untilRefused(token);
    for (const _node of nodes) assert.equal((await refresh(String(next.body["refresh_token"]))).status, 401);
  },
);

test(
  "a second factor that is enrolled at one node is asked for at the other, and a code counts once",
  limits,
  async () => {
    const { access_token } = await login(world.bob);
    const enrolled = await expectSent(201, access_token, "/api/v1/auth/factors/totp", { account_name: world.bob });
    const codeIn = (steps: number) =>
      generateSync({ secret: String(enrolled["secret"]), epoch: Math.floor(clock.nowMs() / 1_000) + 30 * steps });
    const confirm = `/api/v1/auth/factors/totp/${enrolled["id"]}/confirm`;
    const { recovery_codes } = await expectSent(200, access_token, confirm, {
      code: codeIn(0),
      end_other_sessions: false,
    });
    const challenge = async () => {
      const body = await expectSent(403, "", "/api/v1/users/login", { email: world.bob, password });
      return (body["error"] as { details: { challengeToken: string } }).details.challengeToken;
    };
    const [one, other] = [await challenge(), await challenge()];
    const code = codeIn(1);
    const verify = (challenge_token: string, proof: object) =>
      send("", "/api/v1/auth/mfa/challenge/verify", { challenge_token, ...proof });
    assert.equal((await verify(one, { method: "totp", code })).status, 200);
    assert.equal((await verify(other, { method: "totp", code })).status, 400);
    const [recovery_code] = recovery_codes as string[];
    const recovered = await verify(other, { method: "recovery_code", code: recovery_code });
    assert.equal(recovered.status, 200, JSON.stringify(recovered.body));
    const token = String(recovered.body["access_token"]);
    await expectSent(200, token, `/api/v1/auth/factors/${enrolled["id"]}`, undefined, "DELETE");
    await login(world.bob);
  },
);

test("roles in groups and in the tenant that change at one node decide at both within a second", limits, async () => {
  const { owner, bobId } = world;
  const member = await login(world.bob);
  const mayDo = (permission: string, scope?: object) => async (url: string) => {
    const body = { permission, ...(scope && { scope }) };
    const answer = await requestJson(`${url}/api/v1/users/me/check-permission`, member.access_token, { body });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body["allowed"] === true;
  };
  const mayNotDo =
    (...asked: Parameters<typeof mayDo>) =>
    async (url: string) =>
      !(await mayDo(...asked)(url));

  const group = await expectSent(201, owner.access_token, "/api/v1/groups", { name: "Readers" });
  const members = `/api/v1/groups/${group["id"]}/members`;
  const inGroup = ["group:update", { type: "group", id: group["id"] }] as const;
  await expectSent(201, owner.access_token, members, { user_id: bobId, role: "viewer" });
  await untilBoth("a viewer changes nothing", mayNotDo(...inGroup));
  await expectSent(200, owner.access_token, `${members}/${bobId}`, { role: "admin" }, "PATCH");
  await untilBoth("an admin of the group changes it", mayDo(...inGroup));
  await expectSent(
    200,
    owner.access_token,
    `/api/v1/groups/${group["id"]}/permissions`,
    { permissions: ["audit:read"] },
    "PUT",
  );
  await untilBoth("a group gives", mayDo("audit:read"));
  for (const _node of nodes) await expectSent(200, member.access_token, "/api/v1/audit?limit=1");
  await expectSent(200, owner.access_token, `${members}/${bobId}`, undefined, "DELETE");
  await untilBoth("out of the group", mayNotDo("audit:read"));

  await untilBoth("a member invites nobody", mayNotDo("user:invite"));
  await expectSent(200, owner.access_token, `/api/v1/users/${bobId}`, { role: "admin" }, "PATCH");
  await untilBoth("an admin changes people", mayDo("user:update"));
  await expectSent(200, owner.access_token, `/api/v1/users/${bobId}`, { role: "viewer" }, "PATCH");
  await untilBoth("a viewer changes nobody", mayNotDo("user:update"));
});

test(
  "a role that the tenant has made lets in at both nodes, and what is taken from it is refused within a second",
  limits,
  async () => {
    const { owner, bobId } = world;
    const roles = "/api/v1/tenants/me/roles";
    const permissions = ["audit:read", "key:create", "model:list"];
    await expectSent(201, owner.access_token, roles, { name: "auditor", title: "Auditor", permissions });
    await expectSent(200, owner.access_token, `/api/v1/users/${bobId}`, { role: "auditor" }, "PATCH");
    const { access_token: session } = await login(world.bob);
    const given = { name: "reader", permissions: ["audit:read", "model:list"] };
    const secret = String((await expectSent(201, session, "/v1/keys", given))["secret"]);
    const audit = "/api/v1/audit?limit=1";
    const answers = (token: string, status: number) => async (url: string) =>
      (await requestJson(`${url}${audit}`, token)).status === status;
    for (const token of [session, secret]) {
      for (const _node of nodes) await expectSent(200, token, audit);
    }
    await expectSent(200, owner.access_token, `${roles}/auditor`, { permissions: ["model:list"] }, "PATCH");
    await Promise.all([session, secret].map((token) => untilBoth("less than before", answers(token, 403))));
    for (const _node of nodes) await expectSent(200, secret, "/v1/models");
    await expectSent(200, owner.access_token, `${roles}/auditor`, { permissions }, "PATCH");
    await Promise.all([session, secret].map((token) => untilBoth("as before", answers(token, 200))));
    await expectSent(409, owner.access_token, `${roles}/auditor`, undefined, "DELETE");
    await expectSent(200, owner.access_token, `/api/v1/users/${bobId}`, { role: "viewer" }, "PATCH");
    await expectSent(200, owner.access_token, `${roles}/auditor`, undefined, "DELETE");
  },
);

test(
  "a key that is made at one node works at the other, is rotated there, and is refused at both once it is revoked",
  limits,
  async () => {
    const { access_token } = await login(world.ann);
    const key = await expectSent(201, access_token, "/v1/keys", { name: "laptop" });
    const secret = String(key["secret"]);
    for (const _node of nodes) await expectSent(200, secret, "/v1/models");
    const rotated = await expectSent(200, access_token, `/v1/keys/${key["id"]}/rotate`, {});
    for (const _node of nodes) await expectSent(200, String(rotated["secret"]), "/v1/models");
    await expectSent(200, access_token, `/v1/keys/${key["id"]}`, undefined, "DELETE");
    await untilRefused(String(rotated["secret"]));
    await untilRefused(secret);
  },
);

test("a call of a tool that is taken back at one node ends at the other", limits, async () => {
  const [here, there] = nodes.map(({ url }) => `${url}/v1/mcp`);
  const post = (at: string | undefined, message: object, session = "") =>
    fetch(at ?? "", {
      method: "POST",
      headers: {
        ...{ authorization: `Bearer ${first.apiKey}`, "content-type": "application/json" },
        ...{ accept: "application/json, text/event-stream", ...(session && { "mcp-session-id": session }) },
      },
      body: JSON.stringify({ jsonrpc: "2.0", ...message }),
    });
  const opened = await post(here, { id: 0, method: "initialize", params: {} });
  const session = opened.headers.get("mcp-session-id") ?? "";
  const asked = { name: "simulated__slow", arguments: { steps: 20, step_ms: 500 }, _meta: { progressToken: 1 } };
  // The head comes with the first step: then it is under way.
  const answer = await post(here, { id: 1, method: "tools/call", params: asked }, session);
  const startedMs = clock.monotonicMs();
  const taken = { method: "notifications/cancelled", params: { requestId: 1 } };
  assert.equal((await post(there, taken, session)).status, 202);
  assert.match(await answer.text(), /"error":/);
  assert.ok(clock.monotonicMs() - startedMs < 5_000, "long before its last step");
});

test("the audit log of what was done at both nodes is one chain, intact at each", limits, async () => {
  const { access_token } = await login(world.ann);
  const acts = async () => {
    const { data } = await expectSent(200, access_token, "/api/v1/audit?limit=200");
    return new Set((data as { act: string }[]).map(({ act }) => act));
  };
  const wanted = [
    "user.created",
    "user.signed_in",
    "key.created",
    "key.revoked",
    "group.created",
    "group.member.added",
  ];
  // What is heard is chained a moment later.
  let seen = await acts();
  while (!wanted.every((act) => seen.has(act))) seen = await acts();
  const verdicts = [];
  for (const _node of nodes) verdicts.push(await expectSent(200, access_token, "/api/v1/audit/verify"));
  for (const { intact, complete, entries } of verdicts) {
    assert.deepEqual([intact, complete], [true, true]);
    assert.ok(Number(entries) >= wanted.length);
  }
});
