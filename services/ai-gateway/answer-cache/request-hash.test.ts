import assert from "node:assert/strict";
import { test } from "node:test";
import type { Target } from "../model.ts";
import { hashRequest, readEffective } from "./request-hash.ts";
import { shareOf } from "./serve-cached.ts";

const key = Buffer.alloc(32, 7);
const target = { provider: { providerId: "p" }, model: { upstreamName: "m" } } as unknown as Target;
const base = { tenantId: "ten_1", surface: "chat", model: "m", headers: "", targets: [target] };
const hash = (text: string, more: object = {}) => {
  const body = readEffective(Buffer.from(text));
  return body && hashRequest(key, { ...base, body, ...more }).toString("hex");
};

test("order, space and what has no effect make no other request; everything else does", () => {
  const one = hash('{"a":1,"b":{"c":[1,2],"d":null},"user":"x"}');
  assert.equal(hash(' { "b":{"d":null,"c":[1,2]},"metadata":{"k":"v"}, "a":1}'), one);
  const others = [
    hash('{"a":1,"b":{"c":[2,1],"d":null}}'),
    hash('{"a":1,"b":{"c":[1,2]}}'),
    hash('{"a":"1","b":{"c":[1,2],"d":null}}'),
    hash('{"a":1,"b":{"c":[1,2],"d":null,"user":"x"}}'),
    hash('{"a":1,"b":[["c",[1,2]],["d",null]]}'),
    hash('{"a":1,"b":{"c":[1,2],"d":null}}', { tenantId: "ten_2" }),
    hash('{"a":1,"b":{"c":[1,2],"d":null}}', { surface: "messages" }),
    hash('{"a":1,"b":{"c":[1,2],"d":null}}', { headers: "beta" }),
    hash('{"a":1,"b":{"c":[1,2],"d":null}}', { targets: [target, target] }),
  ];
  assert.equal(new Set([one, ...others]).size, others.length + 1);
});

test("numbers that a double cannot tell apart are other requests, and what is no object is none", () => {
  assert.notEqual(hash('{"seed":9007199254740993}'), hash('{"seed":9007199254740992}'));
  for (const body of ["", "[]", "null", "{", '"text"']) assert.equal(hash(body), undefined, body);
});

test("of each kind of token the share is charged, rounded up; of a share of nothing nothing", () => {
  const tokens = { inputTokens: 10n, cachedInputTokens: 3n, outputTokens: 1n, otherBuckets: { reasoning: 7n } };
  assert.deepEqual(shareOf(tokens, 0.25), {
    ...{ inputTokens: 3n, cachedInputTokens: 1n, outputTokens: 1n, otherBuckets: { reasoning: 2n } },
  });
  assert.deepEqual(shareOf(tokens, 0), { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n });
  assert.deepEqual(shareOf(tokens, 1), tokens);
});
