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

const clock = createFakeClock();
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const [issuer, audience, resource] = ["https://lyss.test", "lyss", "https://lyss.example.com/v1/mcp"];
const session = { tenantId: "ten_1", userId: "usr_1", permissions: ["tool:*", "model:call"] };
const auth = createClient(
  AuthService,
  createRouterTransport(({ rpc }) => {
    rpc(AuthService.method.checkSession, () => ({ isActive: true, ...session, expiresAt: timestampFromMs(8e12) }));
    rpc(AuthService.method.getJwks, () => {
      const x = publicKey.export({ format: "jwk" }).x ?? "";
      return { keys: [{ kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", kid: "one", x }], issuer, audience };
    });
  }),
);
const place = { path: "/v1/mcp", uri: () => resource };
const verifier = createTokenVerifier(auth, createSessionCache(auth, clock), clock, place);

function sign(aud: string | string[]): Promise<string> {
  const seconds = Math.floor(clock.nowMs() / 1_000);
  return new SignJWT({ tenant_id: "ten_1", sid: "ses_1", permissions: ["tool:call", "key:manage"] })
    .setProtectedHeader({ alg: "EdDSA", kid: "one", typ: "at+jwt" })
    .setIssuer(issuer)
    .setAudience(aud)
    .setSubject("usr_1")
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + 600)
    .sign(privateKey);
}

test("a token for one resource is good at its path alone, and permits there what it and the person's session both do", async () => {
  const token = await sign(resource);
  const first = await verifier.callerOf(token, "/v1/mcp");
  assert.deepEqual(first?.permissions, ["tool:call"]);
  assert.equal(await verifier.callerOf(token, "/v1/mcp"), first, "one object, by which it is counted");
  for (const path of [undefined, "/v1/models", "/v1/mcp/", "/v1/mcp/x", "//v1/mcp", "/api/v1/ai/mcp"]) {
    assert.equal(await verifier.callerOf(token, path), undefined, String(path));
  }
});

test("a token for other resources, or for several, is good nowhere, and one of the person's own is not held to a path", async () => {
  for (const aud of [[resource], [audience, resource], `${resource}/`, "https://lyss.example.com"]) {
    assert.equal(await verifier.callerOf(await sign(aud), "/v1/mcp"), undefined, String(aud));
  }
  const own = await sign(audience);
  assert.deepEqual((await verifier.callerOf(own, "/v1/models"))?.permissions, session.permissions);
});
