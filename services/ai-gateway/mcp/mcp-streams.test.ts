import assert from "node:assert/strict";
import { test } from "node:test";
import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { createMcpStreams } from "./mcp-streams.ts";

const isRefused = (err: unknown) => isFailure(err, toolFailures.tool_streams_exceeded);

test("a key has a hundred streams, a process two thousand, and a place comes back", () => {
  const streams = createMcpStreams();
  const take = (keyId: string) => streams.take({ tenantId: "ten_1", userId: "usr_1", keyId });
  const first = take("key_1");
  for (let n = 1; n < 100; n++) take("key_1");
  assert.throws(() => take("key_1"), isRefused);
  first();
  take("key_1");
  for (let n = 100; n < 2_000; n++) take(`key_${Math.floor(n / 100) + 1}`);
  assert.throws(() => take("key_another"), isRefused);
});

test("all end when their process stops, and so does who comes later", () => {
  const streams = createMcpStreams();
  let ended = 0;
  streams.ending.addEventListener("abort", () => ended++);
  streams.endAll();
  assert.deepEqual([ended, streams.ending.aborted], [1, true]);
});
