import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { resilienceOrdered } from "@lyss/contracts/events/ai-gateway.ts";
import { keyRevoked } from "@lyss/contracts/events/auth.ts";
import { userAuditEvents } from "@lyss/contracts/events/user.ts";
import { KeyRevocationReason } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type { EventType } from "@lyss/kit/events/event.ts";
import { auditRules } from "./audit-rules.ts";
import { toAct } from "./events.ts";
import { unauditedEvents } from "./unaudited-events.ts";

const folder = new URL("../../contracts/events/", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));
const modules: Record<string, unknown>[] = await Promise.all(files.map((name) => import(new URL(name, folder).href)));
const isEvent = (value: unknown): value is EventType =>
  typeof value === "object" && value !== null && "type" in value && "schema" in value;
const all = [...modules.flatMap((module) => Object.values(module)).filter(isEvent), ...userAuditEvents];
const types = [...new Set(all.map(({ type }) => type))];

function ruleOf(type: string) {
  const rule = auditRules.find(({ event }) => event.type === type);
  assert.ok(rule, type);
  return rule;
}

test("every event of the program becomes an entry, or is listed with the reason why not", () => {
  assert.ok(types.length >= 40, `${types.length} types`);
  const audited = auditRules.map(({ event }) => event.type);
  assert.deepEqual(
    types.filter((type) => !audited.includes(type) && !(type in unauditedEvents)),
    [],
    "add these to audit-rules.ts, or to unaudited-events.ts with the reason",
  );
  assert.deepEqual(
    Object.keys(unauditedEvents).filter((type) => audited.includes(type) || !types.includes(type)),
    [],
  );
  assert.equal(new Set(audited).size, audited.length);
});

test("no entry repeats what names a person: only ids", () => {
  const naming = /email|phone|password|secret|token|^(first|last|full)Name$/i;
  for (const { event, details } of auditRules) {
    for (const name of details) {
      assert.doesNotMatch(name, naming, event.type);
      const isPerson = event.type.startsWith("user.") && name === "name";
      assert.ok(!isPerson, event.type);
    }
  }
});

test("an act says who, what, to what, from where and when, and only details that are allowed", () => {
  const data: MessageInitShape<typeof keyRevoked.schema> = {
    ...{ keyId: "key_1", tenantId: "ten_a", userId: "usr_a", revokedBy: "usr_b", clientAddress: "192.0.2.1" },
    ...{ reason: KeyRevocationReason.ROTATED, effectiveAt: timestampFromMs(0) },
  };
  const received = { id: "evt_1", type: keyRevoked.type, source: "auth", key: "key_1", timeMs: 7, traceparent: "" };
  assert.deepEqual(toAct(ruleOf("key.revoked"), { ...received, data: create(keyRevoked.schema, data) }), {
    ...{ eventId: "evt_1", act: "key.revoked", tenantId: "ten_a", actorId: "usr_b", operatorId: "" },
    ...{ subjectKind: "key", subjectId: "key_1", clientAddress: "192.0.2.1", happenedAtMs: 7 },
    details: { userId: "usr_a", reason: "KEY_REVOCATION_REASON_ROTATED", effectiveAt: "1970-01-01T00:00:00Z" },
  });
  const acted = toAct(ruleOf("key.revoked"), {
    ...received,
    operator: "usr_op",
    data: create(keyRevoked.schema, data),
  });
  assert.equal(acted.operatorId, "usr_op", "and who acted in the actor's name");
});

test("one of several that an event may tell is a detail, whichever it is", () => {
  const data = create(resilienceOrdered.schema, {
    ...{ node: "one:1", userId: "usr_op", order: { case: "breaker", value: { policy: "mail", action: "open" } } },
  });
  const received = { id: "evt_1", type: resilienceOrdered.type, source: "ai-gateway", key: "", timeMs: 7 };
  const act = toAct(ruleOf("resilience.ordered"), { ...received, data, traceparent: "" });
  assert.deepEqual(
    [act.tenantId, act.actorId, act.details],
    ["", "usr_op", { breaker: { policy: "mail", action: "open" } }],
  );
});
