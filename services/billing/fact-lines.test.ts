import assert from "node:assert/strict";
import { test } from "node:test";
import type { PostedFact } from "./fact.ts";
import { toFactLines } from "./fact-lines.ts";

const copy = (facts: readonly PostedFact[]) => Array.fromAsync(toFactLines(facts));

const factOf = (more: Partial<PostedFact> = {}): PostedFact => ({
  ...{ callId: "call_1", attempt: 2, leaseId: "lse_1", postingId: "pst_1", walletId: "wal_1", tenantId: "ten_1" },
  ...{ requestId: "req_1", keyId: "key_1", userId: "usr_1", provider: "p", model: "m", priceId: "prc_1" },
  ...{ outcome: "completed", inputTokens: 1n, cachedInputTokens: 2n, outputTokens: 3n, isEstimated: false },
  ...{ costNanos: 4n, uncollectedNanos: 5n, latencyMs: 6n, startedAtMs: 1_767_225_600_123n, roundingTrillionths: 0n },
  ...more,
});

/** The fields of the one line. */
async function fieldsOf(more: Partial<PostedFact>): Promise<readonly string[]> {
  const [lines = "", ...others] = await copy([factOf(more)]);
  assert.ok(lines.endsWith("\n") && others.length === 0);
  return lines.slice(0, -1).split("\t");
}

test("a fact is a line of COPY's text format, in the order of the columns, with nulls for what it does not have", async () => {
  assert.deepEqual(await fieldsOf({}), [
    ...["call_1", "2", "lse_1", "pst_1", "wal_1", "ten_1", "req_1", "key_1", "usr_1", "p", "m", "prc_1", "completed"],
    ...["1", "2", "3", "false", "4", "5", "6", "2026-01-01T00:00:00.123Z", "\\N", "\\N", "\\N"],
    ...["\\N", "\\N", "\\N", "\\N"],
  ]);
  const rare = await fieldsOf({
    otherBuckets: { reasoning: 7n, images: 10n ** 18n },
    serviceMode: "batch",
    tags: "a=1,b=2",
    ...{ continuesAttempt: 1, isStreamed: false, firstTokenMs: 12, error: "timeout" },
  });
  assert.deepEqual(rare.slice(-7), [
    ...['{"reasoning":"7","images":"1000000000000000000"}', "batch", "{a=1,b=2}", "1", "false", "12", "timeout"],
  ]);
});

test("whatever a name holds, it stays in its field", async () => {
  const odd = "a\\b\tc\nd\re\\N";
  const names = ["callId", "leaseId", "postingId", "walletId", "tenantId", "requestId", "keyId", "userId"] as const;
  for (const name of [...names, "provider", "model", "priceId"] as const) {
    const fields = await fieldsOf({ [name]: odd });
    assert.equal(fields.length, 28, name);
    assert.equal(fields.filter((field) => field === "a\\\\b\\tc\\nd\\re\\\\N").length, 1, name);
  }
  for (const char of ["\\", "\t", "\n", "\r"]) {
    assert.equal((await fieldsOf({ model: `x${char}` }))[10]?.length, 3, "one of them alone, too");
  }
});

test("two hundred lines are sent at a time, all of them and in their order", async () => {
  const facts = Array.from({ length: 401 }, (_, i) => factOf({ callId: `c${i}` }));
  const chunks = await copy(facts);
  const lines = chunks.map((chunk) =>
    chunk
      .split("\n")
      .slice(0, -1)
      .map((line) => line.split("\t")[0]),
  );
  assert.deepEqual(
    lines.map(({ length }) => length),
    [200, 200, 1],
  );
  assert.deepEqual(
    lines.flat(),
    facts.map(({ callId }) => callId),
  );
  assert.deepEqual(await copy([]), []);
  assert.equal((await copy(facts.slice(0, 200))).length, 1);
});
