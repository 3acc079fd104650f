import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Guard } from "@lyss/kit/http/gate.ts";
import type { OpenExchange } from "@lyss/kit/http/intake.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { cutOpenCalls } from "./cut-open-calls.ts";
import { readCredential } from "./read-credential.ts";

const known = "lyss_known";
const caller = { tenantId: "t", userId: "", keyId: "k", ...noSession, permissions: ["*"], models: [] };
const guard: Guard = (request) => {
  if (readCredential(request) === known) return caller;
  throw new Failure(kitFailures.unauthenticated);
};

test("whoever is still known is left alone wherever their key stands, and nobody else", async () => {
  const clock = createFakeClock();
  const google = "/v1beta/models/m:streamGenerateContent";
  const places: readonly (readonly [string, OpenExchange["headers"], boolean])[] = [
    ["/v1/chat/completions", { authorization: `Bearer ${known}` }, false],
    ["/v1/messages", { "x-api-key": known }, false],
    [google, { "x-goog-api-key": known }, false],
    [`${google}?alt=sse&key=${known}`, {}, false],
    [`${google}?key=lyss_gone`, {}, true],
    ["/v1/chat/completions", { authorization: "Bearer lyss_gone" }, true],
  ];
  const cut = new Set<number>();
  const route = { method: "POST", permission: "model:call" } as const;
  const open = places.map(([url, headers], n): OpenExchange => {
    const note = (why: Failure) => void (isFailure(why, kitFailures.unauthenticated) && cut.add(n));
    return { url, headers, route, startedMs: clock.monotonicMs(), cut: note };
  });
  const look = () => cutOpenCalls({ forEachOpen: (visit) => open.forEach(visit), guard, clock });
  await look();
  assert.equal(cut.size, 0, "what has just begun is over before it is worth asking for");
  clock.advance(1_001);
  await look();
  assert.deepEqual(
    [...cut],
    places.flatMap(([, , isCut], n) => (isCut ? [n] : [])),
  );
});
