import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { SignJWT } from "jose";
import { createSessionCache } from "./session-cache.ts";
import { createTokenVerifier } from "./token-verifier.ts";

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A verifier before an auth service that answers when the test says so, in whatever order. */
function start() {
  const clock = createFakeClock();
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const asked: ((provenMs: number) => void)[] = [];
  const session = { isActive: true, tenantId: "ten_1", userId: "usr_1", permissions: ["ai:call"] };
  const expiresAt = timestampFromMs(clock.nowMs() + 86_400_000);
  const transport = createRouterTransport(({ service }) =>
    service(AuthService, {
      checkSession() {
        const { promise, resolve } = Promise.withResolvers<number>();
        asked.push(resolve);
        return promise.then((provenMs) => ({ ...session, expiresAt, provenAt: timestampFromMs(provenMs) }));
      },
      getJwks() {
        const { x = "" } = publicKey.export({ format: "jwk" });
        const key = { kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", kid: "sig_1", x };
        return { keys: [key], issuer: "https://lyss.test", audience: "lyss" };
      },
    }),
  );
  const auth = createClient(AuthService, transport);
  const resource = { path: "/v1/mcp", uri: () => "https://lyss.test/v1/mcp" };
  const verifier = createTokenVerifier(auth, createSessionCache(auth, clock), clock, resource);
  const tokenOf = (provenMs: number) =>
    new SignJWT({ tenant_id: "ten_1", permissions: [], sid: "ses_1", proven_at: provenMs / 1_000 })
      .setProtectedHeader({ alg: "EdDSA", kid: "sig_1", typ: "at+jwt" })
      .setIssuer("https://lyss.test")
      .setAudience("lyss")
      .setSubject("usr_1")
      .setIssuedAt(clock.nowMs() / 1_000)
      .setExpirationTime(clock.nowMs() / 1_000 + 900)
      .sign(privateKey);
  const provenMsOf = async (token: string) => (await verifier.callerOf(token))?.provenMs;
  /** Lets auth answer the question of that number, as soon as it has been asked. */
  async function answer(number: number, provenMs: number): Promise<void> {
    while (!asked[number - 1]) await nextTurn();
    asked[number - 1]?.(provenMs);
  }
  return { clock, asked, tokenOf, provenMsOf, answer };
}

test("all calls that come with a token of a new proof are judged by that proof", async () => {
  const { clock, asked, tokenOf, provenMsOf, answer } = start();
  const before = clock.nowMs();
  const first = provenMsOf(await tokenOf(before));
  await answer(1, before);
  assert.equal(await first, before);

  clock.advance(1_000);
  const now = clock.nowMs();
  const token = await tokenOf(now);
  const call = provenMsOf(token);
  while (!asked[1]) await nextTurn();
  const besideIt = provenMsOf(token);
  await answer(2, now);
  assert.deepEqual(await Promise.all([call, besideIt]), [now, now]);
  assert.equal(asked.length, 2);
});

test("what auth was asked before a proof replaces nothing that it said afterwards", async () => {
  const { clock, asked, tokenOf, provenMsOf, answer } = start();
  const before = clock.nowMs();
  const old = await tokenOf(before);
  const first = provenMsOf(old);
  await answer(1, before);
  await first;
  clock.advance(3_000);
  await provenMsOf(old);
  while (!asked[1]) await nextTurn();

  clock.advance(1_000);
  const now = clock.nowMs();
  const token = await tokenOf(now);
  const call = provenMsOf(token);
  await answer(3, now);
  assert.equal(await call, now);
  await answer(2, before);
  await nextTurn();
  await nextTurn();
  assert.equal(await provenMsOf(token), now);
  assert.equal(asked.length, 3);
});

test("a proof that was taken back since is asked for once, not with each call", async () => {
  const { clock, asked, tokenOf, provenMsOf, answer } = start();
  const token = await tokenOf(clock.nowMs());
  const first = provenMsOf(token);
  await answer(1, 0);
  assert.equal(await first, 0);
  assert.equal(await provenMsOf(token), 0);
  assert.equal(asked.length, 1);
});
