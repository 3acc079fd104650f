import assert from "node:assert/strict";
import { test } from "node:test";
import { permits } from "./call-context.ts";

test("a wildcard covers every resource but the platform, which only its own permissions cover", () => {
  const cases: readonly (readonly [held: readonly string[], wanted: string, isCovered: boolean])[] = [
    [["*"], "thing:read", true],
    [["*:read"], "thing:read", true],
    [["thing:*"], "thing:read", true],
    [["thing:read"], "thing:write", false],
    [[], "thing:read", false],
    [["*"], "platform:events", false],
    [["*:*"], "platform:events", false],
    [["*:events"], "platform:events", false],
    [["*", "*:*", "*:events", "thing:*"], "platform:*", false],
    [["platform:workflows"], "platform:events", false],
    [["platform:events"], "platform:events", true],
    [["platform:*"], "platform:events", true],
    [["platform:*"], "thing:read", false],
  ];
  for (const [held, wanted, isCovered] of cases) {
    assert.equal(permits(held, wanted), isCovered, `${held} covers ${wanted}`);
  }
});
