import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { startMailServer } from "@lyss/kit/testing/mail-server.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import {
  Client,
  type OAuthClientProvider,
  type OAuthTokens,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from "@modelcontextprotocol/client";
import { decodeJwt, exportJWK, generateKeyPair } from "jose";
import * as openid from "openid-client";
import { generateSync } from "otplib";
import { runLyss } from "../run-lyss.ts";
import { runPlatform } from "../run-platform.ts";
import { begin, callback, discover, isBack, sendTo } from "../scenarios/sign-on/relying-party.ts";
import { createTestBrowser } from "../scenarios/sign-on/test-browser.ts";
import { publicUrl } from "../scenarios/sign-on/world.ts";

const mailServer = await startMailServer({ after });
const env = {
  LYSS_USER_REGISTRATION: "open",
  LYSS_MAIL_URL: mailServer.url,
  LYSS_HTTP_PUBLIC_URL: publicUrl,
  LYSS_SSO_CLIENT_REGISTRATION: "open",
  // What says on this machine what a client is stands for an address on the internet.
  LYSS_SSO_ALLOW_PRIVATE_PROVIDERS: "true",
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

/** A client of MCP as its library has it, whose person answers the pages in a browser. */
function createToolClient(person: { readonly email: string }, known?: { readonly client_id: string }) {
  const redirectUrl = "http://127.0.0.1:33418/callback";
  const browser = createTestBrowser(publicUrl, world.nextUrl);
  const state = {
    discovery: undefined as unknown,
    client: known as object | undefined,
    tokens: undefined as OAuthTokens | undefined,
    verifier: "",
  };
  const pages: string[] = [];
  let back = new URLSearchParams();
  const isCallback = (url: URL) => url.href.startsWith(redirectUrl);
  const authProvider: OAuthClientProvider = {
    redirectUrl,
    clientMetadata: {
      client_name: "Agent <b>",
      redirect_uris: [redirectUrl],
      grant_types: ["authorization_code", "refresh_token"],
    },
    clientInformation: () => state.client as never,
    saveClientInformation(client) {
      state.client = client;
    },
    tokens: () => state.tokens,
    discoveryState: () => state.discovery as never,
    saveDiscoveryState(discovery) {
      state.discovery = discovery;
    },
    saveTokens(tokens) {
      state.tokens = tokens;
    },
    saveCodeVerifier(verifier) {
      state.verifier = verifier;
    },
    codeVerifier: () => state.verifier,
    async redirectToAuthorization(start) {
      let at = await browser.follow(start.href, isCallback);
      for (const fields of [{ action: "sign_in", email: person.email, password }, { action: "allow" }]) {
        if (!at.answer) break;
        pages.push(await at.answer.text());
        const sent = await browser.send(at.url.href, { method: "POST", body: new URLSearchParams(fields) });
        at = await browser.follow(new URL(sent.headers.get("location") ?? "", at.url).href, isCallback);
      }
      back = at.url.searchParams;
    },
  };
  const open = () =>
    new StreamableHTTPClientTransport(new URL(`${publicUrl}/v1/mcp`), {
      authProvider,
      fetch: (url, init) => sendTo(world)(String(url), init),
    });
  async function connect() {
    const first = open();
    const client = new Client({ name: "agent", version: "1" });
    await assert.rejects(client.connect(first), UnauthorizedError);
    await first.finishAuth(back);
    const signedIn = new Client({ name: "agent", version: "1" });
    await signedIn.connect(open());
    after(() => signedIn.close());
    return signedIn;
  }
  return { connect, state, pages };
}

test("I14 OP the official client of MCP registers, signs a person in and asks for tools in their name; its token is good there alone", async () => {
  const email = "bea@example.com";
  const own = await register(email);
  const { connect, state, pages } = createToolClient({ email });
  const client = await connect();
  const { resources } = await client.listResources();
  assert.deepEqual(
    resources.map(({ uri }) => uri),
    ["lyss://simulated/simulated://readme"],
  );
  const unpaid = client.callTool({ name: "simulated__echo", arguments: { text: "hello" } });
  await assert.rejects(
    unpaid,
    /Insufficient balance/,
    "the wallet of the person's organisation is asked, which is empty",
  );
  assert.match(pages[1] ?? "", /Agent &lt;b&gt;[\s\S]*127\.0\.0\.1:33418[\s\S]*call tools on your behalf/);

  const token = state.tokens?.access_token ?? "";
  const claims = decodeJwt(token);
  assert.deepEqual([claims.aud, claims["scope"]], [`${publicUrl}/v1/mcp`, "tool:call"]);
  assert.equal((await call("GET", "/v1/models", undefined, token)).status, 401, "it is good at its resource alone");
  assert.equal((await call("POST", "/api/v1/ai/mcp", { jsonrpc: "2.0", id: 1, method: "ping" }, token)).status, 401);
  const refreshed = await sendTo(world)(`${publicUrl}/oidc/token`, {
    method: "POST",
    body: new URLSearchParams({
      ...{ grant_type: "refresh_token", refresh_token: state.tokens?.refresh_token ?? "" },
      client_id: (state.client as { client_id: string }).client_id,
    }),
  });
  const next = (await refreshed.json()) as { access_token: string };
  const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
  assert.equal((await call("POST", "/v1/mcp", ping, next.access_token)).status, 200);

  const revoked = await call("POST", "/api/v1/auth/revoke", { token: own });
  assert.equal(revoked.status, 200);
  assert.equal((await call("POST", "/v1/mcp", ping, token)).status, 200, "another session of the person's");
  const { sid } = claims as { sid: string };
  const signedIn = await call("POST", "/api/v1/users/login", { email, password });
  const ended = await call("DELETE", `/api/v1/auth/sessions/${sid}`, undefined, signedIn.json.access_token);
  assert.equal(ended.status, 200, JSON.stringify(ended.json));
  await waitUntil(async () => (await call("POST", "/v1/mcp", ping, token)).status === 401);
});

test("I14 OP a client of MCP that says at an address of its own what it is needs no registration", async () => {
  const said: Record<string, object> = {};
  let reads = 0;
  const server = createServer((req, res) => {
    reads++;
    const document = said[req.url ?? ""];
    res.writeHead(document ? 200 : 404, { "content-type": "application/json" }).end(JSON.stringify(document ?? {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const redirect_uris = ["http://127.0.0.1/callback"];
  const document = (path: string, more: object = {}) => {
    said[path] = { client_id: origin + path, client_name: "Agent <b>", redirect_uris, ...more };
    return { client_id: origin + path };
  };
  const metadata = await call("GET", "/.well-known/oauth-authorization-server/oidc");
  assert.equal(metadata.json.client_id_metadata_document_supported, true);

  const email = "dan@example.com";
  await register(email);
  const { connect, pages } = createToolClient({ email }, document("/agent.json"));
  const { tools } = await (await connect()).listTools();
  assert.ok(tools.some(({ name }) => name === "simulated__echo"));
  assert.match(
    pages[1] ?? "",
    new RegExp(`Agent &lt;b&gt; \\(${origin.slice("http://".length)}\\)[\\s\\S]*127\\.0\\.0\\.1:33418`),
  );
  assert.equal(reads, 1, "it is read once, and then not for an hour");

  const code_challenge = createHash("sha256").update("v".repeat(43)).digest("base64url");
  const refusals = {
    ...{ "/other.json": { client_id: `${origin}/agent.json` }, "/secret.json": { client_secret: "x" } },
    ...{
      "/method.json": { token_endpoint_auth_method: "private_key_jwt" },
      "/return.json": { redirect_uris: ["javascript:/x"] },
    },
  };
  for (const [path, more] of Object.entries(refusals)) document(path, more);
  for (const client_id of [...Object.keys(refusals), "/none.json", "/agent.json#x", "/", "/a/../agent.json"]) {
    const asked = { client_id: origin + client_id, response_type: "code", redirect_uri: redirect_uris[0] ?? "" };
    const query = new URLSearchParams({ ...asked, scope: "openid", code_challenge, code_challenge_method: "S256" });
    const answer = await sendTo(world)(`${publicUrl}/oidc/authorize?${query}`);
    assert.deepEqual([answer.status, answer.headers.get("location")], [400, null], client_id);
  }
  const before = reads;
  await sendTo(world)(`${publicUrl}/oidc/authorize?client_id=${encodeURIComponent(`${origin}/none.json`)}`);
  assert.equal(reads, before, "one that could not be read is left alone for a while");
});

test("a program that may not call tools, or names another resource, gets no token for them", async () => {
  const token = await register("cleo@example.com");
  const redirect_uris = ["http://127.0.0.1:33418/callback"];
  const made = await call("POST", "/api/v1/sso/clients", { name: "Plain", type: "public", redirect_uris }, token);
  const verifier = "v".repeat(43);
  const ask = async (client_id: string, more: Record<string, string>) => {
    const code_challenge = createHash("sha256").update(verifier).digest("base64url");
    const query = new URLSearchParams({
      ...{ client_id, response_type: "code", redirect_uri: redirect_uris[0] ?? "", code_challenge },
      ...{ code_challenge_method: "S256", ...more },
    });
    const answer = await sendTo(world)(`${publicUrl}/oidc/authorize?${query}`);
    return new URL(answer.headers.get("location") ?? "", publicUrl).searchParams.get("error");
  };
  const resource = `${publicUrl}/v1/mcp`;
  assert.equal(await ask(made.json.id, { scope: "openid tool:call", resource }), "invalid_target");
  const registered = await call("POST", "/oidc/register", { redirect_uris, software_id: "ignored" });
  assert.equal(registered.status, 201, JSON.stringify(registered.json));
  const { client_id } = registered.json;
  assert.equal(await ask(client_id, { scope: "tool:call", resource: `${publicUrl}/v1/models` }), "invalid_target");
  assert.equal(await ask(client_id, { scope: "tool:call", resource }), null);
  const elsewhere = await call("POST", "/oidc/register", { redirect_uris: ["http://evil.example/callback"] });
  assert.deepEqual([elsewhere.status, elsewhere.json.error], [400, "invalid_request"]);
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
