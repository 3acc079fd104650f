import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { versionMeant } from "./prompt.ts";
import { namesIn, renderPrompt } from "./render-prompt.ts";

const template = (...contents: readonly string[]) => ({
  messages: contents.map((content) => ({ role: "user" as const, content })),
});
const texts = (content: string, values: Record<string, string>) =>
  renderPrompt("p", template(content), values).map((message) => message.content);

test("variables are found once each, and nothing else in braces is one", () => {
  assert.deepEqual(namesIn(template("{{b}} {{ a }}{{b}}", "{{a_1}} {x} {{}} {{1a}} {{a b}} {{{c}}} {{\nd}}")), [
    ...["b", "a", "a_1", "c"],
  ]);
});

test("a value is text, whatever stands in it", () => {
  const hostile = "{{b}} $& $1 $` \\ {{a}}";
  assert.deepEqual(texts("<{{a}}|{{b}}>", { a: hostile, b: "B" }), [`<${hostile}|B>`]);
  assert.deepEqual(texts("{{toString}}", { toString: "own" }), ["own"]);
  assert.deepEqual(texts("", {}), [""]);
});

test("each variable is given, and nothing else", () => {
  const refused = (values: Record<string, string>, missing: string, unknown: string) =>
    assert.throws(
      () => texts("{{a}}{{toString}}", values),
      (err) =>
        isFailure(err, aiGatewayFailures.prompt_variables) &&
        err.details?.["missing"] === missing &&
        err.details?.["unknown"] === unknown,
    );
  refused({}, "a, toString", "–");
  refused({ a: "1", toString: "2", c: "3", constructor: "4" }, "–", "c, constructor");
});

test("a version is meant by its number or a label, or is the one for production, or the latest", () => {
  const prompt = { tenantId: "t", name: "p", latestVersion: 3, labels: { beta: 2 }, updatedAt: new Date(0) };
  const meant = (said?: string, labels: Record<string, number> = prompt.labels) =>
    versionMeant({ ...prompt, labels }, said);
  assert.deepEqual(
    [meant(), meant(undefined, { production: 1 }), meant("beta"), meant("2"), meant("03")],
    [3, 1, 2, 2, 3],
  );
  assert.deepEqual(
    [meant("0"), meant("4"), meant("gamma"), meant("toString"), meant("-1"), meant("")],
    Array(6).fill(undefined),
  );
});
