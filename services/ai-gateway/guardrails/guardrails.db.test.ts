import assert from "node:assert/strict";
import { after, test } from "node:test";
import { guardrailChanged, guardrailFound } from "@lyss/contracts/events/ai-gateway.ts";
import { createOutbox } from "@lyss/kit/events/outbox.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import type { ServiceDeps } from "@lyss/kit/service/define-service.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { silentLog as log } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { Registry } from "prom-client";
import { aiGateway } from "../service.ts";
import { guardrailSchema } from "./guardrail.ts";
import { createGuardrails } from "./guardrails.ts";

// A gateway whose providers nobody asks needs none of the other services.
const clients = {} as ServiceDeps<(typeof aiGateway)["needs"], (typeof aiGateway)["config"]>["clients"];
const service = await startTestService({ after }, aiGateway, { clients, config: { aiGateway: { simulator: false } } });
const { db, random } = service;
const outbox = createOutbox({ source: "ai-gateway", publishes: [guardrailChanged, guardrailFound], clock, random });
const caller = { ...noSession, tenantId: "ten_3", userId: "", keyId: "key_1", permissions: [], models: [] };
const judge = () => assert.fail("asks nobody");
const metrics = new Registry();
const guardrails = createGuardrails({ db, outbox, clock, log, metrics, judge, key: Buffer.alloc(32, 1) });

test("only calls that a rule can be for leave the shorter way: not those of a rule that is off, nor of other keys", async () => {
  const words = { kind: "words", words: ["secret"], action: "flag" };
  const put = (tenantId: string, name: string, more: object) =>
    guardrails.put({
      ...{ tenantId, name, spec: guardrailSchema.parse({ ...words, ...more }) },
      ...{ credentialId: "", expectedVersion: undefined },
    });
  const wanted = (tenantId: string, keyId: string) => guardrails.isWanted({ tenantId, keyId });
  assert.equal(wanted("ten_1", "key_1"), false);
  await put("ten_1", "off", { enabled: false });
  assert.equal(wanted("ten_1", "key_1"), false);
  await put("ten_1", "keyed", { keys: ["key_2"] });
  assert.deepEqual(
    [wanted("ten_1", "key_1"), wanted("ten_1", "key_2"), wanted("ten_2", "key_2")],
    [false, true, false],
  );
  await put("ten_1", "off", { enabled: true });
  assert.deepEqual([wanted("ten_1", "key_1"), wanted("ten_2", "key_1")], [true, false]);
  await put("", "all", {});
  assert.equal(wanted("ten_2", "key_1"), true);
  for (const [tenantId, name] of [
    ["", "all"],
    ["ten_1", "off"],
    ["ten_1", "keyed"],
  ] as const) {
    await guardrails.remove({ tenantId, name });
  }
  assert.equal(wanted("ten_1", "key_2"), false);
});

test("what is said on one node counts on another within two seconds", async () => {
  const node = await service.startNode();
  await service.hear();
  const named = { tenantId: "ten_3", name: "far" };
  const spec = guardrailSchema.parse({ kind: "words", words: ["secret"], action: "block" });
  const tried = () =>
    service.ops.tryGuardrails({
      ...{ ...named, name: undefined, text: "a secret", side: "request" },
      ...{ caller, requestId: "req_1" },
    });
  for (const isBlocked of [true, false]) {
    const startMs = performance.now();
    await (isBlocked
      ? node.ops.putGuardrail({ ...named, spec, expectedVersion: undefined })
      : node.ops.removeGuardrail(named));
    await waitUntil(async () => (await tried()).isBlocked === isBlocked);
    assert.ok(performance.now() - startMs < 2_000);
  }
});
