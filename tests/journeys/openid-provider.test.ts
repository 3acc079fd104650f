import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { startMailServer } from "@lyss/kit/testing/mail-server.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { exportJWK, generateKeyPair } from "jose";
import * as openid from "openid-client";
import { generateSync } from "otplib";
import { runLyss, runPlatform } from "../run-platform.ts";
import { begin, callback, discover, isBack, sendTo } from "../scenarios/sign-on/relying-party.ts";
import { createTestBrowser } from "../scenarios/sign-on/test-browser.ts";
import { publicUrl } from "../scenarios/sign-on/world.ts";

const mailServer = await startMailServer({ after });
const env = {
  LYSS_USER_REGISTRATION: "open",
  LYSS_MAIL_URL: mailServer.url,
  LYSS_HTTP_PUBLIC_URL: publicUrl,
};
const platform = await runPlatform({ after }, { env });
const world = { nextUrl: () => platform.url };

async function call(method: string, path: string, body?: object, token?: string) {
  const headers = {
    ...(body && { "content-type": "application/json" }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  const answer = await fetch(platform.url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  return { status: answer.status, json: JSON.parse(await answer.text()) };
}

const password = "correct horse battery";

/** An owner of a new tenant, who is signed in. */
async function register(email: string): Promise<string> {
  const person = { email, password, name: "Ann", organization: "Acme" };
  assert.equal((await call("POST", "/api/v1/users/register", person)).status, 202);
  const found = () =>
    mailServer.received
      .filter(({ to }) => to.includes(email))
      .map(({ text }) => /account#register=([\w-]{43})/.exec(text)?.[1])
      .findLast((token) => token !== undefined);
  await waitUntil(async () => found() !== undefined);
  const done = await call("POST", "/api/v1/users/register/confirm", { token: found() ?? "" });
  assert.equal(done.status, 201, JSON.stringify(done.json));
  return done.json.access_token;
}

test("I14 OP through the gateway: whoever has a second factor shows it before a program knows them", {
  timeout: 240_000,
}, async () => {
  const email = "ann@example.com";
  const token = await register(email);
  const client = await call("POST", "/api/v1/sso/clients", { name: "Grafana", redirect_uris: [callback] }, token);
  assert.equal(client.status, 201, JSON.stringify(client.json));
  const { json: app } = await call("POST", "/api/v1/auth/factors/totp", {}, token);
  const code = () => generateSync({ strategy: "totp", secret: app.secret });
  const added = await call("POST", `/api/v1/auth/factors/totp/${app.id}/confirm`, { code: code() }, token);
  assert.equal(added.status, 200, JSON.stringify(added.json));
  const [first, second] = added.json.recovery_codes;

  const config = await discover(world, client.json);
  const begun = begin(config);
  const browser = createTestBrowser(publicUrl, world.nextUrl);
  const { url } = await browser.follow(begun.url.href, isBack);
  const send = (fields: Record<string, string>, at = url) =>
    browser.send(at.href, { method: "POST", body: new URLSearchParams(fields) });
  const page = await (await send({ action: "sign_in", email, password })).text();
  const [, challenge = ""] = /name="challenge" value="([^"]+)"/.exec(page) ?? [];
  assert.notEqual(challenge, "", page);
  const wrong = await send({ action: "prove", challenge, code: "aaaaa-aaaaa" });
  assert.match(await wrong.text(), /role="alert"[\s\S]*name="challenge"/);
  const right = await send({ action: "prove", challenge, code: first });
  assert.equal(right.status, 303);
  assert.notEqual((await send({ action: "prove", challenge, code: second })).status, 303, "a challenge counts once");
  const consent = await browser.follow(new URL(right.headers.get("location") ?? "", url).href, isBack);
  const allowed = await send({ action: "allow" }, consent.url);
  const back = await browser.follow(new URL(allowed.headers.get("location") ?? "", url).href, isBack);
  const tokens = await openid.authorizationCodeGrant(config, back.url, {
    ...{ pkceCodeVerifier: begun.verifier, expectedState: begun.state, expectedNonce: begun.nonce },
  });
  const claims = tokens.claims();
  const known = [claims?.["email"], claims?.["email_verified"], claims?.["amr"]];
  assert.deepEqual(known, [email, true, ["pwd", "mfa"]]);
  const posted = await sendTo(world)(`${publicUrl}/oidc/authorize`, { method: "POST", body: begun.url.searchParams });
  assert.equal(posted.status, 303, "a form says the same as the address");
});

test("a program that is made by lyss client create with a public key gets tokens with openid-client's PrivateKeyJwt", async () => {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const file = join(tmpdir(), `jwks-${process.pid}.json`);
  writeFileSync(file, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "one" }] }));
  const login = { LYSS_URL: platform.url, LYSS_API_KEY: platform.apiKey };
  const args = ["client", "create", "--name", "nightly", "--permission", "model:list", "--jwks", file];
  const made = await runLyss([...args, "--json"], login);
  rmSync(file);
  assert.equal(made.code, 0, made.complaint);
  const { id, client_secret: secret } = JSON.parse(made.output);
  assert.equal(secret, null);
  const { output } = await runLyss(["client", "show", id], login);
  assert.match(output, /keys +EC one/);

  const proof = openid.PrivateKeyJwt({ key: privateKey, kid: "one" });
  const config = await openid.discovery(new URL(publicUrl), id, {}, proof, {
    ...{ algorithm: "oauth2", execute: [openid.allowInsecureRequests] },
    [openid.customFetch]: sendTo(world) as openid.CustomFetch,
  });
  for (let time = 0; time < 2; time++) {
    const tokens = await openid.clientCredentialsGrant(config, { scope: "model:list" });
    assert.equal(tokens.scope, "model:list");
    assert.equal((await call("GET", "/v1/models", undefined, tokens.access_token)).status, 200);
  }
});
