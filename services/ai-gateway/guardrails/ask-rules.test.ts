import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { type Asking, askRules } from "./ask-rules.ts";
import { compileRule, type Rule } from "./compile-rule.ts";
import { createFindings } from "./findings.ts";
import { type AskingSpec, guardrailSchema } from "./guardrail.ts";
import { JudgeError, type Question, type Verdict } from "./judge.ts";

type Answer = (question: Question) => Verdict | Promise<Verdict>;

function ruleOf(name: string, more: object): Rule<AskingSpec> {
  const spec = guardrailSchema.parse({ kind: "webhook", url: "https://hook.example.com/", ...more });
  const stored = { tenantId: "t", name, spec, credentialId: "", version: 1, updatedAt: new Date(0) };
  return compileRule(stored) as Rule<AskingSpec>;
}

/** Rules in their order, who answers each, and what each was asked. */
function askingOf(given: Readonly<Record<string, readonly [Answer, object?]>>) {
  const rules = Object.entries(given).map(([name, [, more = {}]]) => ruleOf(name, more));
  const asked: [name: string, texts: readonly string[]][] = [];
  const findings = createFindings(createFakeClock());
  const asking: Asking = {
    ...{ rules, side: "request", findings },
    async judge({ guardrail: { name } }, question) {
      asked.push([name, question.texts]);
      const [answer] = given[name] ?? assert.fail(name);
      return answer(question);
    },
    call: {
      ...{ callId: "call_1", requestId: "req_1", tags: "", model: "m" },
      caller: { ...noSession, tenantId: "t", userId: "", keyId: "k", permissions: [], models: [] },
    },
  };
  const { signal } = new AbortController();
  const run = (...texts: string[]) => askRules(asking, { texts }, signal);
  const found = () => findings.take().map(({ name, action, count }) => [name, action, count]);
  return { asked, run, found };
}

const allow: Answer = () => ({ action: "allow" });
const replace =
  (from: string, to: string): Answer =>
  ({ texts }) => ({ action: "replace", texts: texts.map((text) => text.replaceAll(from, to)) });

/** Answers once so many are asked; who asks one after the other waits for ever. */
function barrier(count: number, answer: Answer): Answer {
  const { promise, resolve } = Promise.withResolvers<void>();
  let waiting = 0;
  return async (question) => {
    if (++waiting === count) resolve();
    await promise;
    return answer(question);
  };
}

async function after(waited: Verdict | Promise<Verdict>, answer: () => Verdict | Promise<Verdict>): Promise<Verdict> {
  await waited;
  return answer();
}

test("all are asked at once about the same texts, and what each replaces stands", async () => {
  const wait = barrier(3, allow);
  const [one, two] = [replace("blue", "red"), replace("cat", "dog")];
  const { asked, run, found } = askingOf({
    a: [(question) => after(wait(question), () => one(question))],
    b: [wait],
    c: [(question) => after(wait(question), () => two(question))],
  });
  assert.deepEqual(await run("blue", " ", "cat"), ["red", " ", "dog"]);
  assert.deepEqual(
    asked,
    [..."abc"].map((name) => [name, ["blue", "cat"]]),
  );
  assert.deepEqual(found(), [
    ["a", "mask", 1],
    ["c", "mask", 1],
  ]);
});

test("who blocks ends the questions to the others, whatever they would say, and is named", async () => {
  const ended: unknown[] = [];
  const never: Answer = ({ signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        ended.push(signal.reason);
        reject(signal.reason);
      });
    });
  const { run, found } = askingOf({ a: [never], b: [() => ({ action: "block", reason: "no" })], c: [never] });
  await assert.rejects(run("x"), (err) => {
    assert.ok(isFailure(err, aiGatewayFailures.guardrail_blocked));
    assert.equal(err.details["guardrail"], "b");
    return true;
  });
  assert.equal(ended.length, 2);
  assert.deepEqual(found(), [["b", "block", 1]]);
});

test("of several that replace one text those behind the first are asked again about what stands there, in their order; who only tells is not", async () => {
  const { asked, run, found } = askingOf({
    a: [replace("blue", "red cat")],
    b: [replace("cat", "dog")],
    c: [replace("dog", "cow")],
    tells: [replace("blue", "green"), { action: "flag" }],
  });
  assert.deepEqual(await run("a blue cat", "a dog"), ["a red dog dog", "a cow"]);
  assert.deepEqual(asked.slice(4), [["b", ["a red cat cat", "a dog"]]]);
  assert.deepEqual(found().toSorted(), [
    ["a", "mask", 1],
    ["b", "mask", 1],
    ["c", "mask", 1],
    ["tells", "flag", 1],
  ]);
});

test("one that is asked again may block what it has replaced before", async () => {
  const blocks: Answer = ({ texts }) =>
    texts.includes("two") ? { action: "block", reason: "no" } : { action: "replace", texts: ["three"] };
  const { run } = askingOf({ a: [replace("one", "two")], b: [blocks] });
  await assert.rejects(run("one"), (err) => isFailure(err, aiGatewayFailures.guardrail_blocked));
});

test("what one that is asked first takes out no other ever sees", async () => {
  const { asked, run } = askingOf({
    a: [allow],
    z: [replace("secret", "***"), { asked_first: true }],
  });
  assert.deepEqual(await run("a secret"), ["a ***"]);
  assert.deepEqual(asked, [
    ["z", ["a secret"]],
    ["a", ["a ***"]],
  ]);
});

test("one without a verdict that fails open holds up none of the others, and one that fails closed ends the call", async () => {
  const silent: Answer = () => Promise.reject(new JudgeError("timeout"));
  const open = askingOf({ a: [silent, { on_error: "open" }], b: [replace("x", "y")] });
  assert.deepEqual(await open.run("x"), ["y"]);
  const closed = askingOf({ a: [silent], b: [allow] });
  await assert.rejects(closed.run("x"), (err) => isFailure(err, aiGatewayFailures.guardrail_failed));
});
