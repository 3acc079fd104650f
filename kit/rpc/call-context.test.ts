import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "../testing/fake-clock.ts";
import { currentOperatorId, noSession, permits, runInContext } from "./call-context.ts";
import { fromContextHeaders, fromTraceparent, toContextHeaders } from "./context-headers.ts";

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

test("the operator in whose act something began is known in what it calls, and the caller's own goes before", () => {
  const clock = createFakeClock();
  const caller = { ...noSession, tenantId: "t", userId: "usr_1", keyId: "", permissions: [], models: [] };
  const base = { ...fromTraceparent(undefined), caller: undefined, deadlineMs: undefined, locale: "en_US" as const };
  for (const [context, operator] of [
    [base, ""],
    [{ ...base, caller }, ""],
    [{ ...base, operatorId: "usr_op" }, "usr_op"],
    [{ ...base, caller: { ...caller, operatorId: "usr_now" }, operatorId: "usr_op" }, "usr_now"],
  ] as const) {
    const headers = toContextHeaders(context, clock);
    const atPeer = fromContextHeaders((name) => headers[name], clock);
    for (const one of [context, atPeer]) assert.equal(runInContext(one, currentOperatorId), operator);
  }
});
