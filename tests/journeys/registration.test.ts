import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startMailServer } from "@lyss/kit/testing/mail-server.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { runPlatform } from "../run-platform.ts";

const mailServer = await startMailServer({ after });
const env = {
  LYSS_USER_REGISTRATION: "open",
  LYSS_MAIL_URL: mailServer.url,
};
const platform = await runPlatform({ after }, { env });

async function call(method: string, path: string, body?: object, token?: string) {
  const headers = {
    ...(body && { "content-type": "application/json" }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  const answer = await fetch(platform.url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  return { status: answer.status, json: JSON.parse(await answer.text()) };
}

/** The token of the last link of that kind that came for the address. */
async function linkTo(email: string, action: string): Promise<string> {
  const found = () =>
    mailServer.received
      .filter(({ to }) => to.includes(email))
      // The page of the platform that wrote the mail, wherever it listens.
      .map(({ text }) => new RegExp(`${platform.url}/account#${action}=([\\w-]{43})`).exec(text)?.[1])
      .findLast((token) => token !== undefined);
  await waitUntil(async () => found() !== undefined);
  return found() ?? "";
}

const password = "correct horse battery";

test("S0.9, P1, P2, P4: a stranger registers, has a tenant with a wallet, invites a colleague, and both forget their passwords", {
  timeout: 120_000,
}, async () => {
  const ann = "ann@example.com";
  const asked = await call("POST", "/api/v1/users/register", {
    email: ann,
    password,
    name: "Ann",
    organization: "Acme",
  });
  assert.equal(asked.status, 202);
  const done = await call("POST", "/api/v1/users/register/confirm", { token: await linkTo(ann, "register") });
  assert.equal(done.status, 201, JSON.stringify(done.json));
  const token = done.json.access_token;
  const me = await call("GET", "/api/v1/users/me", undefined, token);
  assert.deepEqual([me.json.email, me.json.role, me.json.status], [ann, "owner", "active"]);
  const balance = await call("GET", "/v1/billing/balance", undefined, token);
  assert.equal(balance.status, 200, JSON.stringify(balance.json));

  const bob = "bob@example.com";
  assert.equal((await call("POST", "/api/v1/invitations", { email: bob }, token)).status, 201);
  const joined = await call("POST", "/api/v1/invitations/accept", {
    ...{ token: await linkTo(bob, "accept"), name: "Bob", password },
  });
  assert.equal(joined.status, 201, JSON.stringify(joined.json));
  const people = await call("GET", "/api/v1/users?sort=name", undefined, token);
  assert.deepEqual(
    people.json.data.map(({ name, role }: { name: string; role: string }) => `${name} ${role}`),
    ["Ann owner", "Bob member"],
  );

  await call("POST", "/api/v1/users/password-reset", { email: bob });
  const reset = { token: await linkTo(bob, "reset"), password: "another horse battery" };
  assert.equal((await call("POST", "/api/v1/users/password-reset/confirm", reset)).status, 200);
  const refresh = { grant_type: "refresh_token", refresh_token: joined.json.refresh_token };
  assert.equal((await call("POST", "/api/v1/auth/token", refresh)).status, 401, "every session has ended");
  const again = await call("POST", "/api/v1/users/login", { email: bob, password: reset.password });
  assert.equal(again.status, 200);
  assert.equal(platform.output().includes(reset.token), false);
});
