import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { fromPrompt, toPrompt } from "../../../apps/console/pages/playground/prompt.ts";
import {
  emptySetUp,
  fillIn,
  fromFragment,
  maxFragmentLength,
  type SetUp,
  toFragment,
  variablesOf,
} from "../../../apps/console/pages/playground/set-up.ts";

const setUp: SetUp = {
  ...emptySetUp,
  ...{
    models: ["gpt-4o", "org/模型"],
    system: "You know {{field}}.",
    message: "从 {{ city }} 出发 🚆 {{field}} {{ 1 }}",
  },
  earlier: [{ role: "assistant", content: "{{again}}" }],
  tools: [{ name: "get_weather", description: "", parameters: '{"type":"object"}' }],
  parameters: { ...emptySetUp.parameters, temperature: "0.2" },
  ...{ imageSize: "1024x1024", imageCount: 3, toolChoice: "function:get_weather" },
  responseFormat: '{"type":"json_object"}',
};
const fragmentOf = (json: unknown) =>
  `#set-up=${deflateRawSync(typeof json === "string" ? json : JSON.stringify(json)).toString("base64url")}`;

test("a playground's set-up comes out of its link as it went in", async () => {
  const link = await toFragment(setUp);
  assert.ok("fragment" in link);
  assert.match(link.fragment, /^#set-up=[\w-]+$/);
  assert.deepEqual(await fromFragment(link.fragment), setUp);
});

test("what looks like a key goes into no link, and neither does more than an address holds", async () => {
  for (const key of [`lyss_${"a".repeat(30)}`, `sk-proj-${"a1".repeat(10)}`, "AKIAABCDEFGHIJKLMNOP"]) {
    assert.deepEqual(await toFragment({ ...setUp, system: `Use ${key}.` }), { refusal: "secret" });
  }
  const noise = Array.from(crypto.getRandomValues(new Uint8Array(20_000)), (byte) => byte.toString(36)).join(" ");
  assert.deepEqual(await toFragment({ ...setUp, message: noise }), { refusal: "too_long" });
});

test("of a link that somebody made up only what fits is taken, and a broken one is none", async () => {
  const hostile = {
    ...{ kind: "shell", models: [1, "m", "n", "o", "p", "q"], system: { toString: "x" }, imageCount: 1e9 },
    ...{ tools: [{ name: "no spaces", parameters: "{}" }, { name: "fine", parameters: '{"type":"object"}' }, null] },
    ...{
      toolChoice: "constructor",
      earlier: [{ role: "system", content: "x" }],
      parameters: { seed: 5, __proto__: {} },
    },
  };
  assert.deepEqual(await fromFragment(fragmentOf(hostile)), {
    ...emptySetUp,
    ...{ models: ["m", "n", "o"], imageCount: 4, earlier: [{ role: "user", content: "x" }] },
    tools: [{ name: "fine", description: "", parameters: '{"type":"object"}' }],
  });
  const bomb = fragmentOf({ message: "a".repeat(5_000_000) });
  assert.ok(bomb.length < maxFragmentLength);
  for (const broken of ["", "#other", "#set-up=", "#set-up=%%", "#set-up=AAAA", bomb, fragmentOf("[")]) {
    assert.equal(await fromFragment(broken), undefined, broken.slice(0, 40));
  }
});

test("variables stand once each, and a text without a value stays as it is written", () => {
  assert.deepEqual(variablesOf(setUp), ["field", "again", "city"]);
  assert.deepEqual(variablesOf({ ...setUp, kind: "image" }), ["city", "field"]);
  assert.equal(fillIn("{{a}} {{ b }} {{a}} {{toString}}", { a: "{{b}}" }), "{{b}} {{ b }} {{b}} {{toString}}");
});

test("what stands in the playground comes out of its prompt as it went in: tools, images, form of the answer, parameters", () => {
  const schema = JSON.stringify({ type: "object", properties: { city: { type: "string" } } }, null, 2);
  const image = { name: "1", url: "data:image/png;base64,AAAA", detail: "low" as const };
  const asked = {
    ...setUp,
    ...{ models: ["gpt-4o"], imageSize: emptySetUp.imageSize, imageCount: emptySetUp.imageCount },
    earlier: [
      { role: "user" as const, content: "What is this?", images: [image] },
      { role: "assistant" as const, content: "{{again}}" },
    ],
    tools: [{ name: "get_weather", description: "Now.", parameters: schema, strict: true }],
    parameters: { temperature: "0.2", top_p: "", max_tokens: "9", seed: "7" },
  };
  for (const one of [asked, { ...asked, message: "", toolChoice: "none", responseFormat: "" }]) {
    const opened = { setUp: one, images: [{ name: "1", url: "https://example.com/a.png" }] };
    assert.deepEqual(fromPrompt(JSON.parse(JSON.stringify(toPrompt(opened)))), opened);
  }
  assert.deepEqual(toPrompt({ setUp: emptySetUp, images: [] }).messages, []);
});
