import assert from "node:assert/strict";
import { test } from "node:test";
import { createPathReader } from "./raw-paths.ts";

test("a parameter takes what stands between its neighbours, slashes and colons too, decoded", () => {
  const read = createPathReader("/v1beta/models/{model}:generateContent");
  for (const [path, model] of [
    ["/v1beta/models/m:generateContent", "m"],
    ["/v1beta/models/meta/llama:extended:generateContent", "meta/llama:extended"],
    ["/v1beta/models/%E5%A4%A9:generateContent", "天"],
  ] as const) {
    assert.deepEqual(read(path), { model });
  }
  for (const path of [
    "/v1beta/models/:generateContent",
    "/v1beta/models/m:streamGenerateContent",
    "/v1beta/models/%FF:generateContent",
    `/v1beta/models/${"m".repeat(257)}:generateContent`,
  ]) {
    assert.equal(read(path), undefined, path);
  }
  assert.throws(() => createPathReader("/a/{b}/{c}"), TypeError);
});
