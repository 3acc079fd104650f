import assert from "node:assert/strict";
import { createVerify, generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { GuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { readRequest } from "../../call/read-request.ts";
import type { Model } from "../../model.ts";
import { wireOf } from "../wires.ts";
import { createAccessTokens } from "./access-tokens.ts";

const body = '{"model":"m","stream":true,"max_tokens":5,"messages":[{"role":"user","content":"hi"}]}';
const draft = (upstreamName: string) => {
  const model = { name: "m", upstreamName, maxOutputTokens: 9 } as Model;
  const wire = wireOf({ dialect: "vertex" }, model);
  const { endpoint, toBody } = wire.draft(readRequest("chat", Buffer.from(body)), model);
  return { endpoint, sent: JSON.parse(toBody(3).toString()), wire };
};

test("W44, W45: Google's models stand below their publisher; of Anthropic's the path names the model and the body the version", () => {
  const gemini = draft("gemini-3-flash");
  assert.equal(gemini.endpoint, "/publishers/google/models/gemini-3-flash:streamGenerateContent?alt=sse");
  assert.equal(gemini.sent.generationConfig.maxOutputTokens, 3);
  const claude = draft("claude-sonnet-4-6@20260217");
  assert.equal(claude.endpoint, "/publishers/anthropic/models/claude-sonnet-4-6%4020260217:streamRawPredict");
  assert.deepEqual(claude.sent, {
    anthropic_version: "vertex-2023-10-16",
    messages: [{ role: "user", content: [{ type: "text", text: "hi" }] }],
    stream: true,
    max_tokens: 3,
  });
  assert.deepEqual(claude.wire.toHeaders("ya29.x"), { authorization: "Bearer ya29.x" });
});

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const account = JSON.stringify({
  ...{ type: "service_account", client_email: "a@p.iam.gserviceaccount.com", private_key_id: "k1" },
  ...{ token_uri: "http://127.0.0.1/steal", private_key: privateKey.export({ type: "pkcs8", format: "pem" }) },
});
const tokenUrl = "https://oauth2.googleapis.com/token";

/** Google's token endpoint, as far as a test needs it. */
function lend(answer: (n: number) => Response) {
  const clock = createFakeClock();
  const asked: { readonly url: string; readonly form: URLSearchParams }[] = [];
  const fetch: GuardedFetch = async (url, { body: sent }) => {
    asked.push({ url: url.href, form: new URLSearchParams(sent?.toString()) });
    return answer(asked.length);
  };
  return { clock, asked, tokens: createAccessTokens({ clock, fetch, tokenUrl }) };
}

const lent = (n: number) => Response.json({ access_token: `ya29.${n}`, expires_in: 3_600, token_type: "Bearer" });

test("W45: a token is lent once for many calls, by an assertion that the account signed, and anew before it ends", async () => {
  const { clock, asked, tokens } = lend(lent);
  const together = await Promise.all(Array.from({ length: 20 }, () => tokens.tokenOf(account, "v")));
  assert.deepEqual(new Set(together), new Set(["ya29.1"]));
  assert.equal(tokens.tokenOf(account, "v"), "ya29.1");
  assert.equal(asked.length, 1);
  assert.equal(asked[0]?.url, tokenUrl, "never what the file says");
  assert.equal(asked[0]?.form.get("grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer");
  const [header = "", claims = "", signature = ""] = (asked[0]?.form.get("assertion") ?? "").split(".");
  assert.ok(createVerify("sha256").update(`${header}.${claims}`).verify(publicKey, signature, "base64url"));
  const read = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString());
  assert.deepEqual(read(header), { alg: "RS256", typ: "JWT", kid: "k1" });
  const iat = Math.floor(clock.nowMs() / 1_000);
  assert.deepEqual(read(claims), {
    ...{ iss: "a@p.iam.gserviceaccount.com", scope: "https://www.googleapis.com/auth/cloud-platform" },
    ...{ aud: tokenUrl, iat, exp: iat + 3_600 },
  });
  // Within five minutes of its end the old one still serves while another is fetched.
  clock.advance(3_400_000);
  assert.equal(tokens.tokenOf(account, "v"), "ya29.1");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([tokens.tokenOf(account, "v"), asked.length], ["ya29.2", 2]);
});

test("an account that Google refuses, or that is none, is refused, and what went wrong once is tried again", async () => {
  const { tokens } = lend((n) => (n === 1 ? Response.json({ error: "invalid_grant" }, { status: 400 }) : lent(n)));
  const isRefused = (err: unknown) => isFailure(err, aiGatewayFailures.upstream_unauthorized);
  await assert.rejects(async () => tokens.tokenOf(account, "v"), isRefused);
  assert.equal(await tokens.tokenOf(account, "v"), "ya29.2");
  await assert.rejects(
    async () => tokens.tokenOf('{"type":"service_account","private_key":"sk-secret"}', "v"),
    isRefused,
  );
  assert.equal(tokens.tokenOf("ya29.mine", "v"), "ya29.mine");
  const broken = lend(() => new Response("<html>", { status: 200 }));
  await assert.rejects(
    async () => broken.tokens.tokenOf(account, "v"),
    (err) => isFailure(err, aiGatewayFailures.upstream_failed),
  );
});
