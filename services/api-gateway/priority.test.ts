import assert from "node:assert/strict";
import { test } from "node:test";
import type { RoutePriority } from "@lyss/kit/http/route.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { priorityOf } from "./priority.ts";

function claim(said: string | undefined, ofRoute: RoutePriority | undefined, permissions: readonly string[] = []) {
  const headers = said === undefined ? {} : { "x-lyss-priority": said };
  const caller = { tenantId: "ten_1", userId: "", keyId: "key_1", ...noSession, permissions, models: [] };
  return priorityOf({ headers }, caller, ofRoute);
}

test("a request is as urgent as its route, or less if its sender says so", () => {
  assert.equal(claim(undefined, undefined), "interactive");
  assert.equal(claim(undefined, "background"), "background");
  assert.equal(claim("batch", "background"), "batch");
  assert.equal(claim("background", undefined), "background");
});

test("a key raises its requests above their route only as far as it may claim", () => {
  assert.equal(claim("interactive", "background"), "background");
  assert.equal(claim("interactive", "background", ["priority:interactive"]), "interactive");
  assert.equal(claim("interactive", "batch", ["priority:background"]), "batch");
});

test("an operator's route is never less than essential, and a word that is no priority is none", () => {
  assert.equal(claim("batch", "essential"), "essential");
  assert.equal(claim("urgent", undefined), undefined);
});
