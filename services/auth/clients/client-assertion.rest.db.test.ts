import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { permissionsByRole } from "@lyss/contracts/access/roles.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { type CryptoKey, exportJWK, generateKeyPair, type JWTHeaderParameters, type JWTPayload, SignJWT } from "jose";
import { auth } from "../service.ts";

const clock = createFakeClock();
const service = await startTestService({ after }, auth, {
  ...{ clients: {}, clock },
  config: { auth: { allowPrivateClients: true } },
});
const { ops, random, sql, listEvents } = service;
const nodes = [service, await service.startNode()];
/** The bearer token is the caller: `<tenant>/<person>/<role>`. */
const server = await startTestServer({
  mounted: [{ name: "auth", routes: auth.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId, role] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId || !role) return undefined;
    return { tenantId, userId, keyId: "", ...noSession, permissions: permissionsByRole[role] ?? [], models: [] };
  },
});
after(() => server.close());
const { call } = server;
const path = "/api/v1/auth/clients";
const { tokenEndpoint, issuer } = ops.getServerMetadata();

/** Documents of keys by their path; what is not there is a 404. */
const documents = new Map<string, unknown>();
let fetches = 0;
const keyServer = createServer((req, res) => {
  fetches++;
  const found = documents.get(req.url ?? "");
  res.writeHead(found ? 200 : 404, { "content-type": "application/json" }).end(JSON.stringify(found ?? {}));
});
await new Promise<void>((resolve) => keyServer.listen(0, "127.0.0.1", resolve));
after(() => keyServer.close());
const keyServerUrl = `http://127.0.0.1:${(keyServer.address() as AddressInfo).port}`;

async function generate(alg: string, kid?: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), ...(kid && { kid }) };
  return { alg, privateKey, jwk, privateJwk: await exportJWK(privateKey), ...(kid && { kid }) };
}
type Key = Awaited<ReturnType<typeof generate>>;
const ours = await generate("EdDSA", "one");

async function begin(keys: object) {
  const [tenantId, userId] = [random.id("ten"), random.id("usr")];
  await ops.setPrincipal({ tenantId, userId, role: "admin", isBarred: false, version: 1n });
  const bearer = `${tenantId}/${userId}/admin`;
  const body = { name: "nightly", permissions: ["model:call", "billing:read"], ...keys };
  return { bearer, ...(await call(bearer, "POST", path, body)) };
}
type Claims = { readonly [Name in keyof JWTPayload]?: JWTPayload[Name] | undefined };
const nowSeconds = () => Math.floor(clock.nowMs() / 1_000);

function signBy(key: Pick<Key, "alg"> & { readonly privateKey: CryptoKey }, clientId: string) {
  return (claims: Claims = {}, header: Partial<JWTHeaderParameters> = {}) => {
    const all = {
      iss: clientId,
      sub: clientId,
      aud: tokenEndpoint,
      exp: nowSeconds() + 60,
      jti: randomUUID(),
      ...claims,
    };
    const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    return new SignJWT(given).setProtectedHeader({ alg: key.alg, ...header }).sign(key.privateKey);
  };
}
const show = (
  clientId: string,
  assertion: string,
  node: Pick<typeof service, "ops"> = service,
  clientAddress = "192.0.2.1",
) =>
  node.ops.createClientToken({
    ...{ clientId, proof: { kind: "assertion", assertion: new Secret(assertion) }, scope: "model:call", clientAddress },
  });
const isRefused = (err: unknown) => isFailure(err, authFailures.client_refused);

test("a client that signs by any of the algorithms gets tokens, for the token endpoint or the issuer (RFC 7523)", async () => {
  for (const alg of ["EdDSA", "ES256", "RS256", "PS256"]) {
    const key = await generate(alg);
    const { json: client, status } = await begin({ jwks: { keys: [{ ...key.jwk, use: "sig", alg }] } });
    assert.equal(status, 201, JSON.stringify(client));
    assert.deepEqual([client.client_secret, client.prefix, client.jwks_uri], [null, "", null]);
    assert.equal(client.jwks.keys.length, 1);
    const sign = signBy(key, client.id);
    for (const claims of [
      {},
      { aud: issuer },
      { aud: [tokenEndpoint] },
      { iat: nowSeconds(), exp: nowSeconds() + 300 },
    ]) {
      const token = await show(client.id, await sign(claims));
      assert.equal(token.scope, "model:call");
      assert.deepEqual((await ops.readToken({ token: new Secret(token.accessToken) }))?.permissions, ["model:call"]);
    }
    assert.ok(await show(client.id, await sign({}, { typ: "client-authentication+jwt" })));
  }
});

test("I17 an assertion counts once: shown 20 times at once over two nodes, again later, and by another client", async () => {
  const { json: client } = await begin({ jwks: { keys: [ours.jwk] } });
  const { json: twin } = await begin({ jwks: { keys: [ours.jwk] } });
  const assertion = await signBy(ours, client.id)({ jti: "once" });
  const shown = await Promise.allSettled(
    Array.from({ length: 20 }, (_, i) => show(client.id, assertion, nodes[i % 2])),
  );
  assert.equal(shown.filter(({ status }) => status === "fulfilled").length, 1);
  for (const one of shown) if (one.status === "rejected") assert.ok(isRefused(one.reason));
  await assert.rejects(show(client.id, assertion), isRefused);
  await assert.rejects(show(twin.id, assertion), isRefused);
  assert.ok(await show(twin.id, await signBy(ours, twin.id)({ jti: "once" })), "a name is one client's");
  // To the last moment at which it would be taken, it is known.
  clock.advance(89_000);
  await ops.sweepSessions();
  await assert.rejects(show(client.id, assertion), isRefused);
  clock.advance(2_000);
  await assert.rejects(show(client.id, assertion), isRefused);
  await ops.sweepSessions();
  const [kept] = await sql<{ count: number }[]>`select count(*)::int as count from client_assertion where jti = 'once'`;
  assert.equal(kept?.count, 0);
});

test("I17 whatever else is shown as an assertion is refused alike, and uses nothing up", async () => {
  const { json: client, bearer } = await begin({ jwks: { keys: [ours.jwk] } });
  const { json: other } = await begin({});
  const theirs = await generate("EdDSA", "one");
  const sign = signBy(ours, client.id);
  const elsewhere = "https://elsewhere.test/token";
  const claims: Claims[] = [
    ...[{ iss: other.id }, { sub: other.id }, { iss: undefined }, { sub: undefined }, { aud: undefined }],
    ...[{ aud: elsewhere }, { aud: [tokenEndpoint, elsewhere] }, { aud: [] }, { aud: `${tokenEndpoint}/` }],
    ...[{ jti: undefined }, { jti: "" }, { jti: "j".repeat(256) }, { jti: 1 as never }],
    ...[{ exp: undefined }, { exp: nowSeconds() - 31 }, { exp: nowSeconds() + 331 }, { exp: "9999999999" as never }],
    { nbf: nowSeconds() + 60 },
  ];
  const signed = await Promise.all(claims.map((one) => sign(one)));
  const good = await sign();
  const [head = "", body = ""] = good.split(".");
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const hmac = `${encode({ alg: "HS256" })}.${body}`;
  const secret = Buffer.from(ours.jwk.x ?? "", "base64url");
  const hostile = [
    ...signed,
    await signBy(theirs, client.id)(),
    await signBy(theirs, client.id)({}, { jwk: theirs.jwk }),
    await sign({}, { typ: "at+jwt" }),
    await sign({}, { kid: "two" }),
    `${encode({ alg: "none" })}.${body}.`,
    `${hmac}.${createHmac("sha256", secret).update(hmac).digest("base64url")}`,
    `${head}.${body}.`,
    `${good}x`,
    ...["", "a.b.c", "a".repeat(8_000), JSON.stringify({ payload: body })],
  ];
  for (const [i, assertion] of hostile.entries()) {
    await assert.rejects(show(client.id, assertion), isRefused, `${i}: ${JSON.stringify(claims[i])}`);
  }
  await assert.rejects(show("svc_unknown", await signBy(ours, "svc_unknown")()), isRefused);
  await assert.rejects(show(other.id, await signBy(ours, other.id)()), isRefused, "one that has a secret");
  const bySecret = { kind: "secret", secret: new Secret("lys_x") } as const;
  const asked = { clientId: client.id, proof: bySecret, scope: "", clientAddress: "" };
  await assert.rejects(ops.createClientToken(asked), isRefused, "no secret opens one that signs");
  assert.ok(await show(client.id, good));
  await call(bearer, "PATCH", `${path}/${client.id}`, { disabled: true });
  await assert.rejects(show(client.id, await sign()), isRefused);
});

test("keys change as a whole; whoever has a secret may come to sign, and its secrets end; there is nothing to rotate then", async () => {
  const { json: client, bearer } = await begin({});
  const next = await generate("ES256", "two");
  const set = (body: object) => call(bearer, "PATCH", `${path}/${client.id}`, body);
  const bySecret = { kind: "secret", secret: new Secret(client.client_secret) } as const;
  const ask = () => ops.createClientToken({ clientId: client.id, proof: bySecret, scope: "", clientAddress: "" });
  assert.ok(await ask());
  const { json: changed } = await set({ jwks: { keys: [ours.jwk] } });
  assert.deepEqual([changed.prefix, changed.jwks.keys[0].kid], ["", "one"]);
  await assert.rejects(ask(), isRefused);
  assert.ok(await show(client.id, await signBy(ours, client.id)()));
  await set({ jwks: { keys: [next.jwk] } });
  await assert.rejects(show(client.id, await signBy(ours, client.id)()), isRefused);
  assert.ok(await show(client.id, await signBy(next, client.id)()));
  const { status, json } = await call(bearer, "POST", `${path}/${client.id}/rotate`);
  assert.deepEqual([status, json.error.code], [409, "AUTH_076"]);
  const said = (await listEvents()).filter(({ type, key }) => type === "service_client.updated" && key === client.id);
  assert.deepEqual(
    said.map(({ data }) => data["changedFields"]),
    [["jwks"], ["jwks"]],
  );
});

test("keys that are none, private or too weak are refused with what is wrong, and kept is their public part alone", async () => {
  const ec = await generate("ES256");
  const p384 = await generate("ES384");
  const refusals: readonly (readonly [object, RegExp])[] = [
    [{ jwks: { keys: [ours.privateJwk] } }, /private/],
    [{ jwks: { keys: [{ kty: "oct", k: "c2VjcmV0" }] } }, /private/],
    [{ jwks: { keys: [p384.jwk] } }, /none of Ed25519/],
    [{ jwks: { keys: [{ kty: "EC", crv: "P-256", x: "AA", y: "AA" }] } }, /none of Ed25519/],
    [{ jwks: { keys: [{ kty: "RSA", n: "AQAB", e: "AQAB" }] } }, /none of Ed25519/],
    [{ jwks: { keys: [{ ...ours.jwk, use: "enc" }] } }, /signatures/],
    [{ jwks: { keys: [{ ...ours.jwk, alg: "ES256" }] } }, /algorithm/],
    [{ jwks: { keys: [ours.jwk, ec.jwk] } }, /kid/],
    [{ jwks: { keys: [ours.jwk, { ...ec.jwk, kid: "one" }] } }, /kid/],
    [{ jwks: { keys: [] } }, /./],
    [{ jwks: { keys: [ours.jwk], more: 1 } }, /./],
    [{ jwks: { keys: [ours.jwk] }, jwks_uri: "https://example.com/jwks" }, /together/],
    [{ jwks_uri: "file:///etc/passwd" }, /./],
  ];
  for (const [keys, reason] of refusals) {
    const { status, json } = await begin(keys);
    assert.equal(status, 400, JSON.stringify(keys));
    assert.match(json.error.message, reason, JSON.stringify(keys));
  }
  const { json: client } = await begin({ jwks: { keys: [{ ...ours.jwk, x5c: ["MIIB"], note: "x" }] } });
  assert.deepEqual(client.jwks.keys, [{ kty: "OKP", crv: "Ed25519", x: ours.jwk.x, kid: "one" }]);
});

test("keys at an address are read when they are needed: new ones after 30 s at the soonest, withdrawn ones for five minutes", async () => {
  const [first, second] = [await generate("EdDSA", "first"), await generate("EdDSA", "second")];
  documents.set("/keys", { keys: [{ kty: "oct", k: "AA" }, first.jwk] });
  const { json: client } = await begin({ jwks_uri: `${keyServerUrl}/keys` });
  assert.deepEqual([client.jwks, client.jwks_uri], [null, `${keyServerUrl}/keys`]);
  const [signFirst, signSecond] = [signBy(first, client.id), signBy(second, client.id)];
  const before = fetches;
  assert.ok(await show(client.id, await signFirst({}, { kid: "first" })));
  documents.set("/keys", { keys: [second.jwk] });
  for (let i = 0; i < 50; i++) {
    await assert.rejects(show(client.id, await signSecond({}, { kid: "second" })), isRefused);
  }
  assert.equal(fetches - before, 1);
  clock.advance(30_000);
  assert.ok(await show(client.id, await signSecond({}, { kid: "second" })));
  await assert.rejects(show(client.id, await signFirst({}, { kid: "first" })), isRefused);
  documents.delete("/keys");
  clock.advance(299_000);
  assert.ok(await show(client.id, await signSecond()));
  clock.advance(1_000);
  const isUnavailable = (err: unknown) => isFailure(err, authFailures.client_keys_unavailable);
  await assert.rejects(async () => show(client.id, await signSecond()), isUnavailable);
  documents.set("/keys", { keys: [second.jwk] });
  clock.advance(5_000);
  assert.ok(await show(client.id, await signSecond()));
});

test("the metadata document names the way to sign, and its algorithms", async () => {
  const { json } = await call("", "GET", "/.well-known/oauth-authorization-server");
  assert.ok(json.token_endpoint_auth_methods_supported.includes("private_key_jwt"));
  assert.deepEqual(json.token_endpoint_auth_signing_alg_values_supported, ["EdDSA", "ES256", "PS256", "RS256"]);
});
