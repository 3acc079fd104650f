import assert from "node:assert/strict";
import { createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { test } from "node:test";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { SignJWT } from "jose";
import { createSessionCache } from "./session-cache.ts";
import { createTokenVerifier } from "./token-verifier.ts";

type Fields = Readonly<Record<string, unknown>>;

const isFull = process.env["SCENARIO_FULL"] === "1";
const limits = { timeout: isFull ? 3_000_000 : 60_000 };
const issuer = "https://lyss.test";
const audience = "lyss";
const resource = { path: "/v1/mcp", uri: () => "https://lyss.example.com/v1/mcp" };
const clock = createFakeClock();
let jti = 0;
const nextTurn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
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

/** Sessions as auth knows them; one that is not here is over. */
const sessionsAtAuth = new Map<string, { tenantId: string; userId: string; permissions: string[] }>();
sessionsAtAuth.set("ses_1", { tenantId: "ten_1", userId: "usr_1", permissions: ["ai:call"] });

function startVerifier(publish: () => readonly (readonly [kid: string, key: KeyObject])[] = published) {
  let fetches = 0;
  let checks = 0;
  let isAway = false;
  const transport = createRouterTransport(({ service }) =>
    service(AuthService, {
      checkSession({ sessionId }) {
        checks++;
        if (isAway) throw new ConnectError("away", Code.Unavailable);
        const session = sessionsAtAuth.get(sessionId);
        if (!session) return { isActive: false };
        const times = { signedInAt: timestampFromMs(nowSeconds * 1_000), expiresAt: timestampFromMs(8e12) };
        return { isActive: true, ...session, ...times };
      },
      getJwks() {
        fetches++;
        if (isAway) throw new ConnectError("away", Code.Unavailable);
        const keys = publish().map(([kid, key]) => {
          const jwk = key.export({ format: "jwk" });
          return { kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", kid, x: jwk.x ?? "" };
        });
        return { keys, issuer, audience };
      },
    }),
  );
  const client = createClient(AuthService, transport);
  const sessions = createSessionCache(client, clock);
  return {
    ...{ sessions, verifier: createTokenVerifier(client, sessions, clock, resource) },
    countFetches: () => fetches,
    countChecks: () => checks,
    setAway: (value: boolean) => {
      isAway = value;
    },
  };
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
    ...[undefined, "", 1, null, "ten_2"].map((tenant_id) => saying({ tenant_id })),
    ...[undefined, "", 1, null, ["ses_1"], "ses_2", "SES_1", "__proto__", { ses_1: 1 }].map((sid) => saying({ sid })),
    ...["usr_2", "USR_1", "usr_1 "].map((sub) => saying({ sub })),
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
  "a bit of it altered": Array.from({ length: 60 }, (_, i) => {
    const at = Math.floor((i * (good.length - 1)) / 60);
    return good[at] === "." ? `${good}x` : `${good.slice(0, at)}${good[at] === "A" ? "B" : "A"}${good.slice(at + 1)}`;
  }),
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
  const session = { ...noSession, sessionId: "ses_1", signedInMs: nowSeconds * 1_000 };
  const caller = { tenantId: "ten_1", userId: "usr_1", keyId: "", ...session, permissions: ["ai:call"], models: [] };
  assert.deepEqual(await verifier.callerOf(issued), caller);
  assert.deepEqual(await verifier.callerOf(good), caller);
});

test("I7: no hostile token is accepted, and none makes the verifier throw", async () => {
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
  assert.ok(count >= 200, `only ${count} variants`);
});

test("I6: tokens with unknown key ids make us ask auth at most once in 30 s", async () => {
  const { verifier, countFetches } = startVerifier();
  const unknown = (i: number) => verifier.callerOf(saying({}, { kid: `sig_unknown_${i}` }));
  for (let i = 0; i < 200; i++) await unknown(i);
  assert.equal(countFetches(), 1);
  clock.advance(30_000);
  await Promise.all(Array.from({ length: 200 }, (_, i) => unknown(i)));
  assert.equal(countFetches(), 2);
});

test(
  "I6: under a flood of unknown key ids auth is asked once in 30 s, and no good token is refused",
  limits,
  async (t) => {
    const perSecond = isFull ? 10_000 : 100;
    const { verifier, countFetches } = startVerifier();
    const startedMs = performance.now();
    let [flooded, accepted, refused] = [0, 0, 0];
    for (let ms = 0; ms < 31_000; ms += 100) {
      const unknown = Array.from({ length: perSecond / 10 }, () =>
        verifier.callerOf(forge({ ...goodHeader, kid: `sig_unknown_${flooded++}` }, goodClaims, () => goodSignature)),
      );
      const known = verifier.callerOf(fresh());
      for (const caller of await Promise.all(unknown)) assert.equal(caller, undefined);
      if (await known) accepted++;
      else refused++;
      clock.advance(100);
    }
    const rate = Math.round((flooded * 1_000) / (performance.now() - startedMs));
    t.diagnostic(
      `${flooded} of unknown keys at ${perSecond}/s, ${rate}/s were possible; ${countFetches()} fetches in 31 s`,
    );
    assert.deepEqual([countFetches(), accepted, refused], [2, 310, 0]);
  },
);

test("I6: a new signing key is known as soon as auth may be asked, a withdrawn one is refused within 5 min", async () => {
  let keys: readonly (readonly [string, KeyObject])[] = [["sig_1", ours.publicKey]];
  const { verifier } = startVerifier(() => keys);
  const signed = (kid: string, key: KeyObject) => {
    const seconds = Math.floor(clock.nowMs() / 1_000);
    return forge({ ...goodHeader, kid }, { ...goodClaims, iat: seconds, exp: seconds + 900 }, signedBy(key));
  };
  const [old, next] = [signed("sig_1", ours.privateKey), signed("sig_2", second.privateKey)];
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

test("a token that is known is answered without a promise, and its session is asked for in the background", async () => {
  const { verifier, countChecks, countFetches } = startVerifier();
  const first = await verifier.callerOf(fresh());
  for (let i = 0; i < 20; i++) {
    const token = fresh();
    await verifier.callerOf(token);
    assert.equal(verifier.callerOf(token), first);
    assert.ok(first);
  }
  assert.deepEqual([countChecks(), countFetches()], [1, 1]);
  clock.advance(2_500);
  const token = fresh();
  await verifier.callerOf(token);
  assert.equal((verifier.callerOf(token) as typeof first)?.userId, "usr_1");
  await nextTurn();
  assert.equal(countChecks(), 2);
});

test("a session that is over is refused at once when it is forgotten, within 5 s when nothing is heard", async () => {
  const { verifier, sessions } = startVerifier();
  sessionsAtAuth.set("ses_9", { tenantId: "ten_1", userId: "usr_1", permissions: ["*"] });
  const token = fresh({ sid: "ses_9" });
  assert.deepEqual((await verifier.callerOf(token))?.permissions, ["*"]);
  sessionsAtAuth.set("ses_9", { tenantId: "ten_1", userId: "usr_1", permissions: ["a:b"] });
  sessions.forget(({ userId }) => userId === "usr_1");
  assert.deepEqual((await verifier.callerOf(token))?.permissions, ["a:b"]);
  sessionsAtAuth.delete("ses_9");
  clock.advance(5_000);
  assert.equal(await verifier.callerOf(token), undefined);
});

test("with auth away who was seen goes on for 5 s, and then it is an error, not a refusal", async () => {
  const { verifier, setAway } = startVerifier();
  const token = fresh();
  assert.ok(await verifier.callerOf(token));
  setAway(true);
  clock.advance(4_999);
  assert.ok(verifier.callerOf(token));
  await nextTurn();
  clock.advance(1);
  await assert.rejects(async () => verifier.callerOf(token));
  setAway(false);
  assert.ok(await verifier.callerOf(token));
});

const manyTokens = isFull ? 1_000_000 : 600;

test(
  `I8: of ${manyTokens} tokens that share their first 20, 64 and 256 characters none is taken for another`,
  limits,
  async (t) => {
    const { verifier } = startVerifier();
    const starts = [20, 64, 256].map((length) => ({ length, seen: new Set<string>() }));
    const userOf = (n: number) => `usr_${n}`;
    const { alg, ...rest } = goodHeader;
    const create = (n: number) => {
      const { length, seen } = starts[n % 3] ?? { length: 0, seen: new Set() };
      const of = { sub: userOf(n), sid: `ses_many_${n}`, pad: `${"p".repeat(length === 256 ? 200 : 0)}${n}` };
      sessionsAtAuth.set(of.sid, { tenantId: "ten_1", userId: of.sub, permissions: [] });
      const token = fresh(of, ["pad"], length === 20 ? { alg, n: `${n}`, ...rest } : goodHeader);
      seen.add(token.slice(0, length));
      return token;
    };
    /** One of each hundred: the later ones are remembered, the earlier ones are verified anew. */
    const kept: string[] = [];
    let mixedUp = 0;
    for (let first = 0; first < manyTokens; first += 100) {
      const tokens = Array.from({ length: 100 }, (_, i) => create(first + i));
      const callers = await Promise.all(tokens.map((token) => verifier.callerOf(token)));
      for (const [i, caller] of callers.entries()) if (caller?.userId !== userOf(first + i)) mixedUp++;
      kept.push(tokens[kept.length % 100] ?? "");
    }
    for (const [i, token] of [...kept.entries(), ...kept.entries()]) {
      if ((await verifier.callerOf(token))?.userId !== userOf(i * 100 + (i % 100))) mixedUp++;
    }
    t.diagnostic(`${mixedUp} of ${manyTokens} mixed up`);
    assert.deepEqual([mixedUp, starts.map(({ seen }) => seen.size)], [0, [1, 1, 1]]);
  },
);

/** A good token of now; the claims named `first` stand before all others. */
function fresh(claims: Fields = {}, first: readonly string[] = [], header: Fields = goodHeader): string {
  const seconds = Math.floor(clock.nowMs() / 1_000);
  const all: Fields = { ...goodClaims, iat: seconds, exp: seconds + 900, jti: `${jti++}`, ...claims };
  const order = [...first, ...Object.keys(all).filter((name) => !first.includes(name))];
  return forge(header, Object.fromEntries(order.map((name) => [name, all[name]])), ourSignature);
}
