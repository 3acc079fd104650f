import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import {
  AuthService,
  type KeyLimitsSchema,
  KeyRefusal,
  VerifyKeyResponseSchema,
} from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { createKeyCache } from "./key-cache.ts";
import { createVerdictCache } from "./verdict-cache.ts";

/** More than are remembered at once. */
const credentials = process.env["SCENARIO_FULL"] === "1" ? 1_000_000 : 120_000;

interface Asked {
  readonly secret: string;
  verify(keyId: string, expiresAtMs?: number, limits?: MessageInitShape<typeof KeyLimitsSchema>): void;
  refuse(): void;
  fail(): void;
}

/** A cache before an auth service that answers when the test says so. */
function start() {
  const asked: Asked[] = [];
  const transport = createRouterTransport(({ service }) =>
    service(AuthService, {
      verifyKey({ secret }) {
        const { promise, resolve, reject } = Promise.withResolvers<ReturnType<typeof verified>>();
        asked.push({
          secret,
          verify: (keyId, expiresAtMs, limits) => resolve(verified(keyId, expiresAtMs, limits)),
          refuse: () =>
            resolve(create(VerifyKeyResponseSchema, { result: { case: "refused", value: KeyRefusal.UNKNOWN } })),
          fail: () => reject(new Error("auth is away")),
        });
        return promise;
      },
    }),
  );
  const clock = createFakeClock();
  const keys = createKeyCache(createClient(AuthService, transport), clock);
  /** The question of that number, as soon as auth has it. */
  async function question(number: number): Promise<Asked> {
    for (;;) {
      const found = asked[number - 1];
      if (found) return found;
      await nextTurn();
    }
  }
  return { clock, asked, keys, question };
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

function verified(keyId: string, expiresAtMs?: number, limits?: MessageInitShape<typeof KeyLimitsSchema>) {
  const expiry = expiresAtMs === undefined ? {} : { expiresAt: timestampFromMs(expiresAtMs) };
  const value = {
    keyId,
    tenantId: "t",
    userId: "",
    permissions: ["ai:call"],
    models: [],
    ...expiry,
    ...(limits && { limits }),
  };
  return create(VerifyKeyResponseSchema, { result: { case: "verified", value } });
}

/** The key id behind a secret that is known: an answer without a promise. */
function known(caller: ReturnType<ReturnType<typeof createKeyCache>["callerOf"]>): string | undefined {
  assert.ok(!(caller instanceof Promise), "the answer should be here at once");
  return caller?.keyId;
}

test("a known key is answered at once, and callers that come together ask auth once", async () => {
  const { keys, asked, question } = start();
  const callers = Promise.all(Array.from({ length: 100 }, () => keys.callerOf("a")));
  (await question(1)).verify("key_a");
  assert.equal((await callers).filter((caller) => caller?.keyId === "key_a").length, 100);
  assert.equal(known(keys.callerOf("a")), "key_a");
  assert.equal(asked.length, 1);
});

test("what a key is held to is known with its caller, as auth said it last", async () => {
  const { keys, question } = start();
  const first = keys.callerOf("a");
  (await question(1)).verify("key_a", undefined, { requestsPerMinute: 7 });
  const caller = await first;
  assert.equal(caller && keys.rulesOf(caller)?.requestsPerMinute, 7);
  keys.forget(({ keyId }) => keyId === "key_a");
  const second = keys.callerOf("a");
  (await question(2)).verify("key_a");
  const later = await second;
  assert.equal(later?.keyId, "key_a");
  assert.equal(later && keys.rulesOf(later), undefined);
});

test("I8: keys that share their first 20 or more characters are told apart by all of them", async () => {
  const { keys, asked, question } = start();
  const secrets: string[] = [];
  for (const shared of [20, 64, 256]) for (let n = 0; n < 1_000; n++) secrets.push(`${"p".repeat(shared)}${n}`);
  const callers = secrets.map((secret) => keys.callerOf(secret));
  await question(secrets.length);
  for (const { secret, verify } of asked) verify(`key_${secret.length}_${secret.replaceAll("p", "")}`);
  await Promise.all(callers);
  for (const secret of secrets) {
    assert.equal(known(keys.callerOf(secret)), `key_${secret.length}_${secret.replaceAll("p", "")}`);
  }
  assert.equal(asked.length, secrets.length);
});

test(`I8: of ${credentials} credentials that share their first 20, 64 and 256 characters none is taken for another`, async (t) => {
  const ask = async (credential: string) => ({
    caller: { tenantId: "t", userId: "", keyId: credential, ...noSession, permissions: [], models: [] },
    expiresAtMs: Number.POSITIVE_INFINITY,
  });
  const cache = createVerdictCache(ask, createFakeClock());
  const prefixes = [20, 64, 256].map((length) => "p".repeat(length));
  let mixedUp = 0;
  for (let n = 0; n < credentials; n++) {
    const credential = `${prefixes[n % prefixes.length]}${n}`;
    if ((await cache.callerOf(credential))?.keyId !== credential) mixedUp++;
    // One of those before it: remembered, or forgotten and asked for anew.
    const earlier = Math.max(0, n - (n % 977) * 150);
    const another = `${prefixes[earlier % prefixes.length]}${earlier}`;
    if ((await cache.callerOf(another))?.keyId !== another) mixedUp++;
  }
  t.diagnostic(`${mixedUp} of ${credentials} mixed up`);
  assert.equal(mixedUp, 0);
});

test("a revoked key is asked for anew at once, other keys are not", async () => {
  const { keys, asked, question } = start();
  for (const [i, name] of ["a", "b"].entries()) {
    const caller = keys.callerOf(name);
    (await question(i + 1)).verify(`key_${name}`);
    await caller;
  }
  keys.forget(({ keyId }) => keyId === "key_a");
  assert.equal(known(keys.callerOf("b")), "key_b");
  const caller = keys.callerOf("a");
  (await question(3)).refuse();
  assert.equal(await caller, undefined);
  assert.equal(asked.length, 3);
});

test("an answer that was on its way when a key was revoked is not remembered", async () => {
  for (const revoke of ["forget", "forgetAll"] as const) {
    const { keys, question } = start();
    const before = keys.callerOf("a");
    const read = await question(1);
    keys[revoke](({ keyId }) => keyId === "key_a");
    const after = keys.callerOf("a");
    (await question(2)).refuse();
    assert.equal(await after, undefined);
    read.verify("key_a");
    await before;
    assert.equal(known(keys.callerOf("a")), undefined, revoke);
  }
});

test("with revocations away a key is trusted for 5 s and no longer", async () => {
  const { keys, clock, question } = start();
  const first = keys.callerOf("a");
  (await question(1)).verify("key_a");
  await first;
  clock.advance(4_999);
  assert.equal(known(keys.callerOf("a")), "key_a");
  (await question(2)).fail();
  await nextTurn();
  clock.advance(1);
  const late = keys.callerOf("a");
  (await question(3)).fail();
  await assert.rejects(async () => late);
});

test("a key in use is verified in the background from 2.5 s on, once, and no call waits for it", async () => {
  const { keys, clock, asked, question } = start();
  const first = keys.callerOf("a");
  (await question(1)).verify("key_a");
  await first;
  clock.advance(2_500);
  for (let i = 0; i < 10; i++) assert.equal(known(keys.callerOf("a")), "key_a");
  (await question(2)).refuse();
  while (known(keys.callerOf("a")) !== undefined) await nextTurn();
  assert.equal(asked.length, 2);
});

test("a key ends when it expires, however fresh its verification is", async () => {
  const { keys, clock, question } = start();
  const first = keys.callerOf("a");
  (await question(1)).verify("key_a", clock.nowMs() + 1_000);
  await first;
  clock.advance(999);
  assert.equal(known(keys.callerOf("a")), "key_a");
  clock.advance(1);
  assert.equal(known(keys.callerOf("a")), undefined);
});

test("a refused key is remembered as refused, and becomes good within 5 s of being made", async () => {
  const { keys, clock, asked, question } = start();
  const first = keys.callerOf("a");
  (await question(1)).refuse();
  assert.equal(await first, undefined);
  assert.equal(known(keys.callerOf("a")), undefined);
  assert.equal(asked.length, 1);
  clock.advance(5_000);
  const later = keys.callerOf("a");
  (await question(2)).verify("key_a");
  assert.equal((await later)?.keyId, "key_a");
});

test("whatever changes, who was refused is asked for anew: the change may let them in again", async () => {
  const { keys, asked, question } = start();
  const other = keys.callerOf("b");
  (await question(1)).verify("key_b");
  await other;
  const first = keys.callerOf("a");
  (await question(2)).refuse();
  assert.equal(await first, undefined);
  keys.forget(() => false);
  const again = keys.callerOf("a");
  (await question(3)).verify("key_a");
  assert.equal((await again)?.keyId, "key_a");
  assert.equal(known(keys.callerOf("b")), "key_b");
  assert.equal(asked.length, 3);
});

test("a failed verification is not remembered", async () => {
  const { keys, question } = start();
  const first = keys.callerOf("a");
  (await question(1)).fail();
  await assert.rejects(async () => first);
  const second = keys.callerOf("a");
  (await question(2)).verify("key_a");
  assert.equal((await second)?.keyId, "key_a");
});

test("keys that share a long prefix are never taken for each other", async () => {
  for (const length of [20, 64, 256]) {
    const { keys, question } = start();
    const prefix = "p".repeat(length);
    for (let i = 0; i < 50; i++) {
      const caller = keys.callerOf(`${prefix}${i}`);
      (await question(i + 1)).verify(`key_${i}`);
      await caller;
    }
    for (let i = 0; i < 50; i++) assert.equal(known(keys.callerOf(`${prefix}${i}`)), `key_${i}`);
  }
});
