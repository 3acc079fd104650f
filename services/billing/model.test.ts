import assert from "node:assert/strict";
import { test } from "node:test";
import type { PriceTerms } from "@lyss/contracts/pricing/price.ts";
import {
  admit,
  boundNanos,
  collectableNanos,
  costNanos,
  formatNanos,
  noTokens,
  parseNanos,
  type Wallet,
  type Want,
} from "./model.ts";

const rates = { input: 150_000_000n, cacheRead: 75_000_000n, output: 600_000_000n };
const terms: PriceTerms = { rates };
const startedAtMs = 0;
const call = { startedAtMs };
const want: Want = { inputTokens: 100n, maxOutputTokens: 1_000n, minOutputTokens: 16n, choices: 1n };
const comfortable = { comfortableOutputTokens: 500n, startedAtMs };

function wallet(balanceNanos: bigint, heldNanos = 0n): Wallet {
  return { walletId: "wal_1", tenantId: "ten_1", currency: "USD", balanceNanos, heldNanos };
}

test("a cost is the exact sum of its buckets, rounded up once", () => {
  const tokens = { inputTokens: 7n, cachedInputTokens: 3n, outputTokens: 2n };
  // 7 × 150 + 3 × 75 + 2 × 600 nanos = 2,475 nanos exactly
  assert.equal(costNanos(terms, tokens, call), 2_475n);
  const cheap = { rates: { ...rates, input: 1n } };
  assert.equal(costNanos(cheap, { inputTokens: 1n, cachedInputTokens: 0n, outputTokens: 0n }, call), 1n);
  assert.equal(costNanos(cheap, { inputTokens: 1_000_001n, cachedInputTokens: 0n, outputTokens: 0n }, call), 2n);
  assert.equal(costNanos(cheap, noTokens, call), 0n);
  assert.deepEqual(noTokens, { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n });
});

test("the bound of a call covers every answer it may give, cached or not", () => {
  assert.equal(boundNanos(terms, { ...want, choices: 3n }, 1_000n, startedAtMs), 100n * 150n + 3n * 1_000n * 600n);
  const dearCache = { rates: { ...rates, cacheRead: 200_000_000n } };
  assert.equal(boundNanos(dearCache, want, 0n, startedAtMs), 100n * 200n);
});

test("a call whose whole bound fits is granted whole", () => {
  const bound = boundNanos(terms, want, 1_000n, startedAtMs);
  assert.deepEqual(admit(wallet(bound), terms, want, comfortable), {
    kind: "granted",
    amountNanos: bound,
    outputTokens: 1_000n,
  });
});

test("a caller's own limit is never shortened: one nano too little is refused", () => {
  const fixed = { ...want, minOutputTokens: 1_000n };
  const bound = boundNanos(terms, fixed, 1_000n, startedAtMs);
  assert.deepEqual(admit(wallet(bound - 1n), terms, fixed, comfortable), { kind: "refused", requiredNanos: bound });
});

test("an open length is shortened to what the last of the money pays, to the token", () => {
  const balance = boundNanos(terms, want, 20n, startedAtMs);
  const admission = admit(wallet(balance), terms, want, comfortable);
  assert.deepEqual(admission, { kind: "granted", amountNanos: balance, outputTokens: 20n });
  const least = boundNanos(terms, want, 16n, startedAtMs);
  assert.deepEqual(admit(wallet(least), terms, want, comfortable), {
    ...{ kind: "granted", amountNanos: least, outputTokens: 16n },
  });
  assert.equal(admit(wallet(least - 1n), terms, want, comfortable).kind, "refused");
});

test("while other calls hold the money, a call waits rather than being cut short or refused", () => {
  const balance = boundNanos(terms, want, 1_000n, startedAtMs);
  assert.equal(admit(wallet(balance, balance), terms, want, comfortable).kind, "wait");
  assert.equal(
    admit(wallet(balance, balance - boundNanos(terms, want, 20n, startedAtMs)), terms, want, comfortable).kind,
    "wait",
  );
  // A comfortable length is given at once.
  const left = boundNanos(terms, want, 500n, startedAtMs);
  assert.equal(admit(wallet(balance, balance - left), terms, want, comfortable).kind, "granted");
  assert.equal(admit(wallet(balance, balance - left + 1n), terms, want, comfortable).kind, "wait");
});

test("a call waits where the balance pays for the least, to the nano, and for no less than the least is comfortable", () => {
  const least = boundNanos(terms, want, 16n, startedAtMs);
  const wait = { kind: "wait", requiredNanos: least };
  assert.deepEqual(admit(wallet(least, least), terms, want, comfortable), wait);
  assert.deepEqual(admit(wallet(least - 1n, 1n), terms, want, comfortable), { ...wait, kind: "refused" });
  const { kind } = admit(wallet(least + 1n, 1n), terms, want, { ...comfortable, comfortableOutputTokens: 1n });
  assert.equal(kind, "granted");
  const long = { ...want, minOutputTokens: 600n };
  const held = boundNanos(terms, want, 550n, startedAtMs);
  assert.equal(admit(wallet(2n * held, held), terms, long, comfortable).kind, "wait");
});

test("a call is paid from its hold and what no other call holds, and costs no more than it cost", () => {
  assert.equal(collectableNanos(wallet(100n, 60n), 25n, 65n), 65n);
  assert.equal(collectableNanos(wallet(100n, 60n), 25n, 66n), 65n);
  assert.equal(collectableNanos(wallet(100n, 60n), 25n, 20n), 20n);
});

test("for any prices and balance, what is granted fits, is the most that fits, and is at least the least", () => {
  let seed = 424242;
  const next = (n: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return BigInt((seed >>> 4) % n);
  };
  for (let round = 0; round < 20_000; round++) {
    const prices = { rates: { input: next(3_000_000), cacheRead: next(3_000_000), output: next(9_000_000) } };
    const max = next(5_000);
    const open = {
      inputTokens: next(3_000),
      maxOutputTokens: max,
      minOutputTokens: max < 16n ? max : 16n,
      choices: 1n + next(4),
    };
    const balance = next(60_000);
    const held = balance === 0n ? 0n : next(Number(balance));
    const admission = admit(wallet(balance, held), prices, open, comfortable);
    if (admission.kind !== "granted") {
      const isShort = boundNanos(prices, open, open.maxOutputTokens, startedAtMs) > balance - held;
      assert.ok(isShort, `seed 424242 round ${round}: refused although it fits`);
      continue;
    }
    const { outputTokens, amountNanos } = admission;
    assert.ok(amountNanos <= balance - held, `seed 424242 round ${round}: overspent`);
    assert.ok(outputTokens >= open.minOutputTokens && outputTokens <= max, `seed 424242 round ${round}: length`);
    const isMost = outputTokens === max || boundNanos(prices, open, outputTokens + 1n, startedAtMs) > balance - held;
    assert.ok(isMost, `seed 424242 round ${round}: a longer answer fits`);
  }
});

test("amounts are written and read exactly", () => {
  for (const [nanos, text] of [
    [0n, "0"],
    [1n, "0.000000001"],
    [9_998_000_000n, "9.998"],
    [10_000_000_000n, "10"],
    [123_456_789_012_345_678n, "123456789.012345678"],
  ] as const) {
    assert.equal(formatNanos(nanos), text);
    assert.equal(parseNanos(text), nanos);
  }
  assert.equal(formatNanos(-1_500_000_000n), "-1.5");
  for (const text of ["", "1.", ".5", "-1", "1e3", "1.0000000001", "１", " 1", "0x1"])
    assert.equal(parseNanos(text), undefined);
});

test("what a call uses besides text is set aside with it, to the nano, and is not paid for with its output", () => {
  const priced: PriceTerms = { rates: { input: 150_000_000n, output: 600_000_000n, images: 40_000_000_000_000n } };
  const pictures = { ...want, fixed: { images: 2n } };
  const least = 100n * 150n + 2n * 40_000_000n + 16n * 600n;
  assert.equal(boundNanos(priced, pictures, 16n, startedAtMs), least);
  const granted = { kind: "granted", amountNanos: least, outputTokens: 16n };
  assert.deepEqual(admit(wallet(least), priced, pictures, comfortable), granted);
  const refused = { kind: "refused", requiredNanos: least };
  assert.deepEqual(admit(wallet(least - 1n), priced, pictures, comfortable), refused);
  const free: PriceTerms = { rates: { images: 1_000_000n } };
  assert.equal(
    admit(wallet(1n), free, { ...pictures, maxOutputTokens: 0n, minOutputTokens: 0n }, comfortable).kind,
    "refused",
  );
});
