import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { test } from "node:test";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { SignJWT } from "jose";
import { createTokenVerifier } from "./token-verifier.ts";

type Fields = Readonly<Record<string, unknown>>;

const issuer = "https://lyss.test";
const audience = "lyss";
const clock = createFakeClock();
const nowSeconds = Math.floor(clock.nowMs() / 1_000);
const ours = generateKeyPairSync("ed25519");
const second = generateKeyPairSync("ed25519");
const theirs = generateKeyPairSync("ed25519");
const theirRsa = generateKeyPairSync("rsa", { modulusLength: 2_048 });
const theirEc = generateKeyPairSync("ec", { namedCurve: "P-256" });
const x = ours.publicKey.export({ format: "jwk" }).x ?? "";

const goodHeader = { alg: "EdDSA", kid: "sig_1", typ: "at+jwt" };
const goodClaims = {
  ...{ iss: issuer, aud: audience, sub: "usr_1", tenant_id: "ten_1", permissions: ["ai:call"] },
  ...{ iat: nowSeconds, exp: nowSeconds + 600, sid: "ses_1", auth_time: nowSeconds },
};

function startVerifier(publish: () => readonly (readonly [kid: string, key: KeyObject])[] = published) {
  let fetches = 0;
  const transport = createRouterTransport(({ service }) =>
    service(AuthService, {
      getJwks() {
        fetches++;
        const keys = publish().map(([kid, key]) => {
          const jwk = key.export({ format: "jwk" });
          return { kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", kid, x: jwk.x ?? "" };
        });
        return { keys, issuer, audience };
      },
    }),
  );
  return { verifier: createTokenVerifier(createClient(AuthService, transport), clock), countFetches: () => fetches };
}

const published = () =>
  [
    ["sig_1", ours.publicKey],
    ["sig_2", second.publicKey],
  ] as const;

const encode = (part: unknown) =>
  Buffer.from(typeof part === "string" ? part : JSON.stringify(part)).toString("base64url");

/** A token of any parts, texts taken as they are, with whatever signature `by` makes of them. */
function forge(header: unknown, claims: unknown, by: (input: string) => Buffer | string): string {
  const input = `${encode(header)}.${encode(claims)}`;
  const signature = by(input);
  return `${input}.${typeof signature === "string" ? signature : signature.toString("base64url")}`;
}

const signedBy = (key: KeyObject) => (input: string) => sign(null, Buffer.from(input), key);
const hmacWith = (hash: string, secret: string | Buffer) => (input: string) =>
  createHmac(hash, secret).update(input).digest();
const ourSignature = signedBy(ours.privateKey);
const theirSignature = signedBy(theirs.privateKey);

/** Signed by the real key: only what is said is wrong. */
const saying = (claims: Fields, header: Fields = {}) =>
  forge({ ...goodHeader, ...header }, { ...goodClaims, ...claims }, ourSignature);
/** Made by somebody who has no key of ours. */
const forged = (header: Fields, by: (input: string) => Buffer | string = theirSignature) =>
  forge({ ...goodHeader, ...header }, goodClaims, by);

const good = saying({});
const [goodHead = "", goodBody = "", goodSignature = ""] = good.split(".");
const theirJwk = theirs.publicKey.export({ format: "jwk" });
const publicPem = ours.publicKey.export({ format: "pem", type: "spki" });
const zeroSignature = Buffer.alloc(64);

const hostile: Readonly<Record<string, readonly string[]>> = {
  "no signature": [
    ...["none", "None", "NONE", "nOnE", "", "null"].map((alg) => forged({ alg }, () => "")),
    forged({ alg: "none" }, () => goodSignature),
    forged({}, () => ""),
    forge({ ...goodHeader, alg: undefined }, goodClaims, ourSignature),
  ],
  "public key as HMAC secret": ["256", "384", "512"].flatMap((bits) =>
    [x, Buffer.from(x, "base64url"), publicPem, JSON.stringify({ kty: "OKP", crv: "Ed25519", x }), ""].map((secret) =>
      forged({ alg: `HS${bits}` }, hmacWith(`sha${bits}`, secret)),
    ),
  ),
  "another algorithm": [
    ...["RS256", "PS256"].map((alg) =>
      forged({ alg }, (text) => sign("sha256", Buffer.from(text), theirRsa.privateKey)),
    ),
    forged({ alg: "ES256" }, (text) =>
      sign("sha256", Buffer.from(text), { key: theirEc.privateKey, dsaEncoding: "ieee-p1363" }),
    ),
    ...["RS256", "ES256", "HS256", "eddsa", "Ed448", "ML-DSA-44"].map((alg) => forged({ alg }, ourSignature)),
  ],
  "a key of their own": [
    forged({}),
    forged({ jku: "https://evil.test/jwks" }),
    forged({ x5u: "https://evil.test/cert" }),
    forged({ jwk: theirJwk }),
    forged({ x5c: ["MIIB"] }),
    forged({ jwk: { ...theirJwk, kid: "sig_1" }, jku: "http://169.254.169.254/", kid: "sig_9" }),
  ],
  "an injected key id": [
    ...[
      "",
      "../../../dev/null",
      "' or 1=1 --",
      "sig_1\u0000",
      " sig_1",
      "SIG_1",
      "__proto__",
      "constructor",
      "toString",
    ],
    ...["k".repeat(65), 1, null, true, ["sig_1"], { toString: "sig_1" }],
  ].map((kid) => forge({ ...goodHeader, kid }, goodClaims, ourSignature)),
  "another key's id": [saying({}, { kid: "sig_2" }), forge({ alg: "EdDSA", typ: "at+jwt" }, goodClaims, ourSignature)],
  "another audience": [
    "other",
    "lys",
    "LYSS",
    "lyss ",
    "",
    null,
    [],
    ["other"],
    [["lyss"]],
    { lyss: 1 },
    undefined,
  ].map((aud) => saying({ aud })),
  "another issuer": ["https://evil.test", `${issuer}/`, `${issuer}.evil.test`, "", null, [], [[issuer]], undefined].map(
    (iss) => saying({ iss }),
  ),
  "critical extensions": [["exp"], ["b64"], ["urn:x"], [], [""], "exp", null].map((crit) =>
    saying({}, { crit, b64: false, "urn:x": 1 }),
  ),
  "duplicate fields": [
    `${encode(`{"alg":"none","alg":"EdDSA","kid":"sig_1","typ":"at+jwt"}`)}.${goodBody}.${goodSignature}`,
    `${encode(`{"alg":"EdDSA","alg":"none","kid":"sig_1","typ":"at+jwt"}`)}.${goodBody}.`,
    `${goodHead}.${encode(`${JSON.stringify(goodClaims).slice(0, -1)},"sub":"usr_2"}`)}.${goodSignature}`,
    forge(goodHeader, `${JSON.stringify(goodClaims).slice(0, -1)},"aud":"other"}`, ourSignature),
    forge(goodHeader, `${JSON.stringify(goodClaims).slice(0, -1)},"exp":1}`, ourSignature),
  ],
  "not now": [
    ...[nowSeconds, nowSeconds - 1, 0, -1, "9999999999", null, undefined, [9_999_999_999]].map((exp) =>
      saying({ exp }),
    ),
    ...[nowSeconds + 60, "0", null].map((nbf) => saying({ nbf })),
    ...[undefined, "now", null].map((iat) => saying({ iat })),
  ],
  "another type": ["JWT", "id+jwt", "", 1, null, ["at+jwt"], undefined, "at+jwt;x"].map((typ) => saying({}, { typ })),
  "unusable claims": [
    ...[undefined, 1, null, ["usr_1"]].map((sub) => saying({ sub })),
    ...[undefined, "", 1, null].map((tenant_id) => saying({ tenant_id })),
    ...[undefined, "*", [1], null, { 0: "*" }, [["*"]]].map((permissions) => saying({ permissions })),
    ...["[]", "null", "1", '"x"', "{", ""].map((claims) => forge(goodHeader, claims, ourSignature)),
  ],
  "altered after signing": [
    `${goodHead}.${encode({ ...goodClaims, permissions: ["*"] })}.${goodSignature}`,
    `${goodHead}.${encode({ ...goodClaims, tenant_id: "ten_2" })}.${goodSignature}`,
    `${goodHead}.${goodBody}.${goodSignature.slice(0, -2)}`,
    `${goodHead}.${goodBody}.${goodSignature}AAAA`,
    `${goodHead}.${goodBody}.${zeroSignature.toString("base64url")}`,
    `${goodHead}.${goodBody}.${goodSignature.slice(0, 10)}${goodSignature[10] === "A" ? "B" : "A"}${goodSignature.slice(11)}`,
    `${encode(`${JSON.stringify(goodHeader)} `)}.${goodBody}.${goodSignature}`,
  ],
  "no token at all": [
    ...["", ".", "..", "...", "....", "a", "a.b", "a.b.c", "null.null.null", "\u0000.\u0000.\u0000", "é.é.é"],
    ...[`${good}.`, `.${good}`, `${good}.${good}`, `${goodHead}.${goodBody}`, `${good} x`, `x ${good}`],
    ...[`${encode("[]")}.${goodBody}.${goodSignature}`, `${encode("null")}.${goodBody}.${goodSignature}`],
    `${encode({ alg: "dir", enc: "A256GCM", kid: "sig_1" })}..${goodBody}.${goodSignature}.${goodSignature}`,
    `${encode("[".repeat(4_000))}.${goodBody}.${goodSignature}`,
    JSON.stringify({ protected: goodHead, payload: goodBody, signature: goodSignature }),
  ],
};

test("a token as auth issues it is accepted", async () => {
  const { verifier } = startVerifier();
  const issued = await new SignJWT({
    tenant_id: "ten_1",
    role: "owner",
    permissions: ["ai:call"],
    sid: "ses_1",
    auth_time: nowSeconds,
  })
    .setProtectedHeader({ alg: "EdDSA", kid: "sig_1", typ: "at+jwt" })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject("usr_1")
    .setIssuedAt(nowSeconds)
    .setExpirationTime(nowSeconds + 600)
    .sign(ours.privateKey);
  const session = { sessionId: "ses_1", signedInMs: nowSeconds * 1_000, factorMs: 0 };
  const caller = { tenantId: "ten_1", userId: "usr_1", keyId: "", ...session, permissions: ["ai:call"], models: [] };
  assert.deepEqual(await verifier.callerOf(issued), caller);
  assert.deepEqual(await verifier.callerOf(good), caller);
});

test("no hostile token is accepted, and none makes the verifier throw", async () => {
  const { verifier } = startVerifier();
  const accepted: string[] = [];
  let count = 0;
  for (const [attack, tokens] of Object.entries(hostile)) {
    for (const [i, token] of tokens.entries()) {
      count++;
      if ((await verifier.callerOf(token)) !== undefined) accepted.push(`${attack} ${i}`);
    }
  }
  assert.deepEqual(accepted, []);
  assert.ok(count >= 150, `only ${count} variants`);
});

test("tokens with unknown key ids make us ask auth at most once in 30 s", async () => {
  const { verifier, countFetches } = startVerifier();
  const unknown = (i: number) => verifier.callerOf(saying({}, { kid: `sig_unknown_${i}` }));
  for (let i = 0; i < 200; i++) await unknown(i);
  assert.equal(countFetches(), 1);
  clock.advance(30_000);
  await Promise.all(Array.from({ length: 200 }, (_, i) => unknown(i)));
  assert.equal(countFetches(), 2);
});

test("a new signing key is known as soon as auth may be asked, a withdrawn one is refused within 5 min", async () => {
  let keys: readonly (readonly [string, KeyObject])[] = [["sig_1", ours.publicKey]];
  const { verifier } = startVerifier(() => keys);
  const fresh = (kid: string, key: KeyObject) => {
    const seconds = Math.floor(clock.nowMs() / 1_000);
    return forge({ ...goodHeader, kid }, { ...goodClaims, iat: seconds, exp: seconds + 900 }, signedBy(key));
  };
  const [old, next] = [fresh("sig_1", ours.privateKey), fresh("sig_2", second.privateKey)];
  assert.ok(await verifier.callerOf(old));
  keys = [["sig_2", second.publicKey]];
  assert.equal(await verifier.callerOf(next), undefined);
  assert.ok(await verifier.callerOf(old));
  clock.advance(30_000);
  assert.ok(await verifier.callerOf(next));
  assert.equal(await verifier.callerOf(old), undefined);
  keys = [];
  clock.advance(300_000);
  assert.equal(await verifier.callerOf(next), undefined);
});
