import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Target } from "../model.ts";
import { scanRequest } from "../scan/scan-request.ts";
import { preferTargets } from "./prefer-targets.ts";
import { takePreferences } from "./preferences.ts";

const rest = '"model":"m","messages":[],"seed":9007199254740993';
const take = (provider: unknown) => takePreferences(Buffer.from(`{${rest},"provider":${JSON.stringify(provider)}}`));

test("W16: the object is taken out wherever it stands, and no other byte is touched", () => {
  const object = '"provider" : {"order":["a"]}';
  for (const [body, without] of [
    [`{${rest},${object}}`, `{${rest}}`],
    [`{${rest} , ${object} }`, `{${rest} }`],
    [`{${object},${rest}}`, `{${rest}}`],
    [`{ "model":"m", ${object} , "n":1}`, `{ "model":"m", "n":1}`],
    [`{${object}}`, "{}"],
  ] as const) {
    const taken = takePreferences(Buffer.from(body));
    assert.equal(taken?.body.toString(), without);
    assert.deepEqual(taken?.preferences.order, ["a"]);
    assert.equal(scanRequest(Buffer.from(body)), undefined, "the lane leaves it alone");
  }
  for (const body of [
    `{${rest}}`,
    '{"messages":[{"provider":1}]}',
    '{"user":"\\"provider\\""}',
    '["provider"]',
    '{"provider"',
  ]) {
    assert.equal(takePreferences(Buffer.from(body)), undefined, body);
  }
  assert.deepEqual(take(null)?.preferences.order, []);
});

test("what is wrong in it is named", () => {
  for (const [provider, param] of [
    [[], "provider"],
    [{ order: "a" }, "provider.order"],
    [{ only: [1] }, "provider.only.0"],
    [{ ignore: Array.from({ length: 101 }, () => "a") }, "provider.ignore"],
    [{ allow_fallbacks: "no" }, "provider.allow_fallbacks"],
    [{ require_parameters: 1 }, "provider.require_parameters"],
    [{ sort: "quality" }, "provider.sort"],
    [{ max_price: { prompt: -1 } }, "provider.max_price.prompt"],
    [{ max_price: { completion: "dear" } }, "provider.max_price.completion"],
    [{ max_price: { image: 1 } }, "provider.max_price.image"],
    [{ data_collection: "never" }, "provider.data_collection"],
    [{ zdr: "yes" }, "provider.zdr"],
    [{ quantizations: "fp8" }, "provider.quantizations"],
    [{ quantizations: ["fp8", "fp7"] }, "provider.quantizations.1"],
    [{ regions: "eu" }, "provider.regions"],
    [{ distillable: true }, "provider.distillable"],
  ] as const) {
    assert.throws(
      () => take(provider),
      (err) => isFailure(err, aiGatewayFailures.invalid_request) && err.details["param"] === param,
      param,
    );
  }
  const twice = Buffer.from('{"provider":{},"provider":{}}');
  assert.throws(() => takePreferences(twice), /only once/);
});

const [a, b, c] = ["a", "b", "c"].map((name) => ({ provider: { name }, model: { name: "m" } })) as unknown as [
  Target,
  Target,
  Target,
];
const rates = new Map([
  [a, { input: 3e9, output: 9e9 }],
  [b, { input: 1e9, output: 2e9 }],
]);
const latencies = new Map([
  [a, 200],
  [b, 300],
]);

function prefer(provider: object): string {
  const { preferences } = take(provider) ?? assert.fail();
  const by = {
    ratesOf: (target: Target) => rates.get(target),
    firstByteMsOf: (target: Target) => latencies.get(target) ?? 0,
    tokensPerSecondOf: (target: Target) => (latencies.get(target) ?? 0) / 10,
  };
  return preferTargets([a, b, c], preferences, by)
    .map(({ provider: { name } }) => name)
    .join("");
}

test("providers come in the order wanted, and those that are not wanted do not come at all", () => {
  const none = (err: unknown) =>
    isFailure(err, aiGatewayFailures.invalid_request) && err.details["param"] === "provider";
  assert.equal(prefer({}), "abc");
  assert.equal(prefer({ order: ["c", "nobody", "b"] }), "cba");
  assert.equal(prefer({ order: ["c", "b"], allow_fallbacks: false }), "cb");
  assert.equal(prefer({ allow_fallbacks: false }), "a");
  assert.equal(prefer({ only: ["b", "c"] }), "bc");
  assert.equal(prefer({ ignore: ["a"], order: ["c"] }), "cb");
  assert.equal(prefer({ sort: "price" }), "bac", "a price that is not known is the dearest");
  assert.equal(prefer({ sort: "latency" }), "cab", "a latency that is not known is tried, and then known");
  assert.equal(prefer({ sort: "throughput" }), "cba");
  assert.equal(prefer({ sort: "price", allow_fallbacks: false }), "b");
  assert.equal(prefer({ max_price: { prompt: 3, completion: "9" } }), "ab");
  assert.equal(prefer({ max_price: { completion: 2 } }), "b");
  for (const provider of [
    { zdr: true },
    { data_collection: "deny" },
    { only: [] },
    { only: ["nobody"] },
    { ignore: ["a", "b", "c"] },
    { max_price: { prompt: 0 } },
  ]) {
    assert.throws(() => prefer(provider), none);
  }
});

test("prompts go to nobody who does more with them than the call allows, and who says nothing may do anything", () => {
  const policies = ["unknown", "collects", "retains", "zero_retention", undefined] as const;
  const targets = policies.map((dataPolicy, at) => ({
    ...{ provider: { name: `${at}`, dataPolicy }, model: { name: "m" } },
  })) as unknown as Target[];
  const left = (provider: object) =>
    preferTargets(targets, take(provider)?.preferences ?? assert.fail(), {
      ratesOf: () => undefined,
      firstByteMsOf: () => 0,
      tokensPerSecondOf: () => 0,
    })
      .map(({ provider: { name } }) => name)
      .join("");
  assert.equal(left({ data_collection: "allow", zdr: false }), "01234");
  assert.equal(left({ data_collection: "deny" }), "23");
  assert.equal(left({ zdr: true }), "3");
  assert.equal(left({ data_collection: "allow", zdr: true }), "3");
  assert.equal(left({ data_collection: "deny", order: ["0", "3"] }), "32", "an order names none that is not allowed");
});

test("a call goes nowhere but where its regions and numbers allow it, and who says nothing of them is in none", () => {
  const places = [["eu", "fp8"], ["eu-central-1", "bf16"], ["europe", "fp8"], ["us-east-1", undefined], [""], []];
  const targets = places.map(([region, quantization], at) => ({
    provider: { name: `${at}`, region },
    model: { name: "m", quantization },
  })) as unknown as Target[];
  const left = (provider: object) =>
    preferTargets(targets, take(provider)?.preferences ?? assert.fail(), {
      ratesOf: () => undefined,
      firstByteMsOf: () => 0,
      tokensPerSecondOf: () => 0,
    })
      .map(({ provider: { name } }) => name)
      .join("");
  assert.equal(left({ regions: ["eu"] }), "01");
  assert.equal(left({ regions: ["EU-Central-1", "us"] }), "13");
  assert.equal(left({ regions: ["us"], order: ["0", "3"] }), "3", "an order names none that is not allowed");
  assert.equal(left({ quantizations: ["fp8", "fp16"] }), "02");
  assert.equal(left({ quantizations: ["bf16", "unknown"] }), "1345");
  assert.equal(left({ quantizations: ["fp8"], regions: ["eu"] }), "0");
  for (const none of [{ regions: [] }, { regions: ["eu-west"] }, { regions: [""] }, { quantizations: ["fp4"] }]) {
    assert.throws(
      () => left(none),
      (err) => isFailure(err, aiGatewayFailures.invalid_request) && err.details["param"] === "provider",
    );
  }
});
