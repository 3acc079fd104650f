import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { type Caller, noSession } from "../rpc/call-context.ts";
import { admit, type GatedRoute, requireFreshProof, stepUpMaxAgeMs } from "./gate.ts";

const nowMs = 10_000_000;
const key = { tenantId: "ten_1", userId: "usr_1", keyId: "key_1", ...noSession, permissions: [], models: [] };
const person = { ...key, keyId: "", sessionId: "ses_1", signedInMs: 1, provenMs: nowMs - stepUpMaxAgeMs };
const stale = { ...person, provenMs: person.provenMs - 1 };
const withFactor = { ...stale, hasFactor: true };

const failureOf = (stepUp: "persons" | "with_factors" | undefined, caller: Caller | undefined) => {
  try {
    requireFreshProof(stepUp, caller, nowMs);
    return "passes";
  } catch (err) {
    if (isFailure(err, kitFailures.step_up_required)) return "step_up_required";
    if (isFailure(err, kitFailures.person_required)) return "person_required";
    if (isFailure(err, kitFailures.unauthenticated)) return "unauthenticated";
    throw err;
  }
};

test("where persons are asked for a fresh proof, an old one is not enough, and keys are refused", () => {
  assert.equal(failureOf("persons", person), "passes");
  assert.equal(failureOf("persons", stale), "step_up_required");
  assert.equal(failureOf("persons", withFactor), "step_up_required");
  assert.equal(failureOf("persons", key), "person_required");
  assert.equal(failureOf("persons", undefined), "unauthenticated");
});

test("where people with a second factor are asked, keys and people without one go on", () => {
  assert.equal(failureOf("with_factors", { ...person, hasFactor: true }), "passes");
  assert.equal(failureOf("with_factors", withFactor), "step_up_required");
  assert.equal(failureOf("with_factors", { ...withFactor, provenMs: 0 }), "step_up_required");
  assert.equal(failureOf("with_factors", stale), "passes");
  assert.equal(failureOf("with_factors", key), "passes");
  assert.equal(failureOf("with_factors", undefined), "unauthenticated");
  assert.equal(failureOf(undefined, undefined), "passes");
});

const anybody: Caller = { tenantId: "ten_1", userId: "usr_1", keyId: "", ...noSession, permissions: ["*"], models: [] };
const operator: Caller = { ...anybody, operatorId: "usr_op" };

/** Whether an operator in somebody's name is let in. */
function isAdmitted(route: GatedRoute, caller = operator): boolean {
  try {
    return admit(route, () => caller) === caller;
  } catch (err) {
    assert.ok(isFailure(err, kitFailures.impersonation_refused));
    return false;
  }
}

test("an operator in somebody's name reads, and changes only what says that it may be changed so", async () => {
  const permission = "key:read" as const;
  assert.equal(isAdmitted({ method: "GET", permission }), true);
  assert.equal(isAdmitted({ method: "GET", permission, stepUp: "with_factors" }), false);
  for (const method of ["POST", "PUT", "PATCH", "DELETE"] as const) {
    assert.equal(isAdmitted({ method, permission }), false, method);
    assert.equal(isAdmitted({ method, permission: "caller" }), false, method);
    assert.equal(isAdmitted({ method, permission, impersonation: "allowed" }), true, method);
    assert.equal(isAdmitted({ method, permission }, anybody), true, method);
  }
  const later = admit({ method: "POST", permission }, async () => operator);
  await assert.rejects(Promise.resolve(later), (err) => isFailure(err, kitFailures.impersonation_refused));
});
